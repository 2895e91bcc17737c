#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/arena.h>
#include <grpcpp/support/byte_buffer.h>

#include "controlplane/catalog/catalog.h"
#include "controlplane/handlers/context.h"
#include "controlplane/handlers/presenter.h"
#include "croft/v1/tenant.pb.h"

namespace croft::handlers {

// A ListTenantsResponse while it is filled with the tenants that its caller may see. It ends with as many as were
// asked for, and before that with the tenant that makes it 192 KiB or where the catalog looked at enough.
class TenantPage {
 public:
  // `context` and `presenter` outlive it. `wanted` tenants at most, over 0.
  TenantPage(const RequestContext& context, const Presenter& presenter, Presenter::HostsById hosts,
             int32_t wanted);

  // Rows to ask the catalog for next; more than 0 until it is complete.
  int32_t rows_wanted() const;
  // Shows what it answered to that.
  absl::Status Add(const catalog::TenantPage& found);
  bool complete() const { return complete_; }
  // The last tenant that was looked at for what is here; nullopt when there are none after it.
  const std::optional<std::string>& next_after() const { return next_after_; }

  absl::StatusOr<grpc::ByteBuffer> Finish(const std::string& next_page_token);

 private:
  const RequestContext& context_;
  const Presenter& presenter_;
  const Presenter::HostsById hosts_;
  const int32_t wanted_;
  // A thousand tenants are tens of thousands of pieces of memory, taken and given back at once here.
  google::protobuf::Arena arena_;
  v1::ListTenantsResponse& response_;
  size_t bytes_ = 0;
  std::optional<std::string> next_after_;
  bool complete_ = false;
};

}  // namespace croft::handlers
