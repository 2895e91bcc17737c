#pragma once

#include <map>
#include <string>

#include <absl/strings/string_view.h>

#include "controlplane/domain/user.h"

// What each role may do, and on which tenants.
namespace croft::access {

using domain::AllTenants;
using domain::Binding;
using domain::LabelledTenants;
using domain::NamedTenants;
using domain::Role;
using domain::Scope;

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

// Whether `scope` reaches the tenant `id`. `labels` are the tenant's, or nullptr where there is no such
// tenant: an unknown tenant carries no label.
[[nodiscard]] bool Covers(const Scope& scope, absl::string_view id, const Labels* labels);

}  // namespace croft::access
