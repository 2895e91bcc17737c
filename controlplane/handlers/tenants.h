#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/handlers/presenter.h"
#include "controlplane/handlers/secret_maker.h"
#include "controlplane/handlers/service.h"
#include "controlplane/wire/page_tokens.h"
#include "croft/v1/tenant.pb.h"

namespace croft::handlers {

// croft.v1.TenantService. Thread-safe.
class TenantHandlers {
 public:
  TenantHandlers(engine::EventQueue& event_queue, catalog::Catalog& catalog, const SecretMaker& secrets,
                 const Presenter& presenter, const wire::PageTokens& tokens)
      : event_queue_(event_queue),
        catalog_(catalog),
        secrets_(secrets),
        presenter_(presenter),
        tokens_(tokens) {}

  Service service();

 private:
  using Context = RequestContext;

  absl::StatusOr<v1::Operation> CreateTenant(const Context& context,
                                             const v1::CreateTenantRequest& request);
  absl::StatusOr<v1::Tenant> GetTenant(const Context& context, const v1::GetTenantRequest& request);
  // Returns a serialized v1::ListTenantsResponse.
  absl::StatusOr<grpc::ByteBuffer> ListTenants(const Context& context,
                                               const v1::ListTenantsRequest& request);
  absl::StatusOr<v1::Tenant> UpdateTenant(const Context& context, const v1::UpdateTenantRequest& request);
  absl::StatusOr<v1::Operation> SuspendTenant(const Context& context,
                                              const v1::SuspendTenantRequest& request);
  absl::StatusOr<v1::Operation> ResumeTenant(const Context& context,
                                             const v1::ResumeTenantRequest& request);
  absl::StatusOr<v1::Operation> RetireTenant(const Context& context,
                                             const v1::RetireTenantRequest& request);
  absl::StatusOr<v1::Operation> UndeleteTenant(const Context& context,
                                               const v1::UndeleteTenantRequest& request);
  absl::StatusOr<v1::Operation> PurgeTenant(const Context& context, const v1::PurgeTenantRequest& request);
  absl::StatusOr<v1::Erasure> GetErasure(const Context& context, const v1::GetErasureRequest& request);
  absl::StatusOr<v1::Operation> RestoreTenant(const Context& context,
                                              const v1::RestoreTenantRequest& request);
  absl::StatusOr<v1::Operation> UndoRestore(const Context& context, const v1::UndoRestoreRequest& request);
  absl::StatusOr<v1::Operation> RotateCredentials(const Context& context,
                                                  const v1::RotateCredentialsRequest& request);

  // Parses the request, assigns an operation id, submits it to the engine.
  template <typename Request>
  absl::StatusOr<v1::Operation> Submit(const Context& context, const Request& request);
  // Creates the data key first; deletes it if the tenant certainly was not created.
  absl::StatusOr<v1::Operation> SubmitNewTenant(const Context& context, engine::RequestBody body,
                                                const std::string& operation, const domain::Tenant& tenant);
  // Adds to the answer what the restore that was planned would take and lose.
  absl::Status AddEstimate(const domain::Operation& planned, v1::Operation& shown);
  // The uid, or empty for a tenant that is unknown or purged: whether that is an error is the engine's to say,
  // which may know the answer from the first time the call was made.
  absl::StatusOr<std::string> UidOf(const std::string& id);

  engine::EventQueue& event_queue_;
  catalog::Catalog& catalog_;
  const SecretMaker& secrets_;
  const Presenter& presenter_;
  const wire::PageTokens& tokens_;
};

}  // namespace croft::handlers
