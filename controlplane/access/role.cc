// The permissions of each role, and which tenants a binding covers.

#include "controlplane/access/role.h"

#include <algorithm>
#include <cstdlib>

namespace croft::access {
namespace {

bool Carries(const Labels& labels, const Labels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&labels](const auto& label) {
    const auto found = labels.find(label.first);
    return found != labels.end() && found->second == label.second;
  });
}

}  // namespace

bool Grants(Role role, Permission permission) {
  switch (permission) {
    case Permission::kNothing:
    case Permission::kIdentity: return true;
    case Permission::kLookUp: return role != Role::kAgent;
    case Permission::kSeeSecrets: return role == Role::kAdmin || role == Role::kConnector;
    case Permission::kRead: return role == Role::kAdmin || role == Role::kOperator || role == Role::kViewer;
    case Permission::kOperate: return role == Role::kAdmin || role == Role::kOperator;
    case Permission::kAdminister: return role == Role::kAdmin;
    case Permission::kActAsHost: return role == Role::kAgent;
  }
  std::abort();
}

bool Covers(const Scope& scope, absl::string_view id, const Labels* labels) {
  if (std::holds_alternative<AllTenants>(scope)) return true;
  if (const auto* named = std::get_if<NamedTenants>(&scope)) {
    return std::find(named->ids.begin(), named->ids.end(), id) != named->ids.end();
  }
  const Labels& wanted = std::get<LabelledTenants>(scope).labels;
  return !wanted.empty() && labels != nullptr && Carries(*labels, wanted);
}

}  // namespace croft::access
