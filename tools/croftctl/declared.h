#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "croft/v1/tenant.pb.h"
#include "tools/croftctl/values.h"

// The file that declares tenants:
//
//   owner: shop
//   tenants:
//     acme:
//       displayName: Acme Ltd
//       labels: {app: shop, tier: gold}
//
// A field that is named is as the file says, all of it; one that is not named is left alone.
namespace croft::ctl {

// A tenant with this label belongs to the file of that owner, and to no other.
inline constexpr char kOwnerLabel[] = "managed-by";

struct DeclaredTenant {
  std::string id;
  int line = 0;
  v1::Tenant fields;  // without name; the labels with the owner's
  std::vector<std::string>
      named;             // fields that the file names, as in an update mask, such as quota.connections
  Labels host_selector;  // counts when it is created
};

struct Declared {
  std::string owner;
  std::vector<DeclaredTenant> tenants;  // in the order of their ids
};

// Usage errors name `path` and the line.
[[nodiscard]] absl::StatusOr<Declared> ParseDeclared(const std::string& text, absl::string_view path);

// Whether the two have the same in a field that can be declared, named as in an update mask.
[[nodiscard]] bool SameField(const v1::Tenant& a, const v1::Tenant& b, absl::string_view field);

// Whether a field that can be declared is fixed when the tenant is created.
[[nodiscard]] bool IsFixed(absl::string_view field);

}  // namespace croft::ctl
