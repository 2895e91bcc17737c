#pragma once

#include <utility>

#include <absl/status/statusor.h>

#include "controlplane/catalog/audit_chain.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/handlers/service.h"
#include "controlplane/wire/page_tokens.h"
#include "croft/v1/audit.pb.h"

namespace croft::handlers {

// croft.v1.AuditService. Thread-safe.
class AuditHandlers {
 public:
  // The references outlive it. `is_signed` knows the checkpoints of this control plane.
  AuditHandlers(catalog::Catalog& catalog, const wire::PageTokens& tokens, catalog::IsSigned is_signed)
      : catalog_(catalog), tokens_(tokens), is_signed_(std::move(is_signed)) {}

  Service service();

 private:
  absl::StatusOr<v1::ListAuditEventsResponse> ListAuditEvents(const RequestContext& context,
                                                              const v1::ListAuditEventsRequest& request);
  absl::StatusOr<v1::VerifyAuditResponse> VerifyAudit(const RequestContext& context,
                                                      const v1::VerifyAuditRequest& request);

  catalog::Catalog& catalog_;
  const wire::PageTokens& tokens_;
  const catalog::IsSigned is_signed_;
};

}  // namespace croft::handlers
