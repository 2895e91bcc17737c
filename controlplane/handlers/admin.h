#pragma once

#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "controlplane/catalog/catalog.h"
#include "controlplane/handlers/service.h"
#include "croft/v1/admin.pb.h"

namespace croft::handlers {

// croft.v1.AdminService. Thread-safe.
class AdminHandlers {
 public:
  AdminHandlers(catalog::Catalog& catalog, std::string version, absl::Time start_time)
      : catalog_(catalog), version_(std::move(version)), start_time_(start_time) {}

  Service service();

 private:
  absl::StatusOr<v1::GetStatusResponse> GetStatus(const RequestContext& context,
                                                  const v1::GetStatusRequest& request);

  catalog::Catalog& catalog_;
  const std::string version_;
  const absl::Time start_time_;
};

}  // namespace croft::handlers
