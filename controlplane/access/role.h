#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

namespace croft::access {

// What a principal may be. kAgent is never bound: a host's certificate alone makes an agent.
enum class Role {
  kAdmin,      // everything
  kOperator,   // tenants, backups, hosts, operations; no passwords
  kViewer,     // reads; no passwords
  kConnector,  // lookup with passwords
  kLocator,    // lookup without
  kAgent,      // acts as its own host
};

[[nodiscard]] absl::string_view RoleName(Role role);  // `admin`, …
// INVALID_ARGUMENT naming `field` for anything but a role's name.
[[nodiscard]] absl::StatusOr<Role> ParseRole(absl::string_view name, absl::string_view field);

// What a method asks of its caller.
enum class Permission {
  kNothing,     // nobody needs to be known: Join carries its own proof
  kIdentity,    // anybody who is somebody
  kLookUp,      // where tenants live
  kSeeSecrets,  // tenants' passwords
  kRead,        // tenants, backups, hosts, operations, status
  kOperate,     // change those
  kAdminister,  // principals, tokens, bindings, audit
  kActAsHost,   // agents, for their own host
};

[[nodiscard]] bool Grants(Role role, Permission permission);

using Labels = std::map<std::string, std::string>;

// Which tenants a binding reaches. With kinds of their own, so that a list which becomes empty reaches no
// tenant instead of all.
struct AllTenants {
  friend bool operator==(const AllTenants&, const AllTenants&) = default;
};
struct NamedTenants {
  std::vector<std::string> ids;
  friend bool operator==(const NamedTenants&, const NamedTenants&) = default;
};
// Tenants that carry all of these.
struct LabelledTenants {
  Labels labels;
  friend bool operator==(const LabelledTenants&, const LabelledTenants&) = default;
};
using Scope = std::variant<AllTenants, NamedTenants, LabelledTenants>;

// Whether `scope` reaches the tenant `id`. `labels` are the tenant's, or nullptr where there is no such
// tenant: an unknown tenant carries no label.
[[nodiscard]] bool Covers(const Scope& scope, absl::string_view id, const Labels* labels);

struct Binding {
  std::string principal;
  Role role = Role::kViewer;
  Scope scope;

  friend bool operator==(const Binding&, const Binding&) = default;
};

// INVALID_ARGUMENT for a binding to `agent`, for an `admin` that is narrowed and for a scope of no tenants.
[[nodiscard]] absl::Status CheckBinding(const Binding& binding);

}  // namespace croft::access
