#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <google/protobuf/message.h>

#include "controlplane/access/role.h"

// The tenants that a request is about.
namespace croft::server {

// What must be known of tenants to judge a caller who may see some of them only. Thread-safe.
class TenantFacts {
 public:
  struct Known {
    std::string id;
    access::Labels labels;
  };
  virtual ~TenantFacts() = default;
  // By id or alias, in lower case; nullopt for what is no tenant (any more).
  virtual std::optional<Known> Find(absl::string_view name) const = 0;
  // Ids of the tenants that the operation is about; none for what is no operation.
  virtual absl::StatusOr<std::vector<std::string>> OfOperation(absl::string_view operation) const = 0;
};

// A tenant as a call finds it, or as it is to be after the call.
struct AffectedTenant {
  std::string tenant;
  std::optional<access::Labels> labels;  // none: there is no such tenant
};

// The tenants that `request` is about, each of which its caller must reach. Empty: none in particular, or rows of
// many, of which the handler leaves out what the caller may not see.
[[nodiscard]] absl::StatusOr<std::vector<AffectedTenant>> AffectedTenants(
    const google::protobuf::Message& request, const TenantFacts& facts);

// The tenant that `request` names, for the audit; empty for none.
[[nodiscard]] std::string TenantNamedIn(const google::protobuf::Message& request);

}  // namespace croft::server
