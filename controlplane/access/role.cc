#include "controlplane/access/role.h"

#include <algorithm>
#include <cstdlib>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"

namespace croft::access {
namespace {

constexpr Role kRoles[] = {Role::kAdmin,     Role::kOperator, Role::kViewer,
                           Role::kConnector, Role::kLocator,  Role::kAgent};

bool Carries(const Labels& labels, const Labels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&labels](const auto& label) {
    const auto found = labels.find(label.first);
    return found != labels.end() && found->second == label.second;
  });
}

}  // namespace

absl::string_view RoleName(Role role) {
  switch (role) {
    case Role::kAdmin: return "admin";
    case Role::kOperator: return "operator";
    case Role::kViewer: return "viewer";
    case Role::kConnector: return "connector";
    case Role::kLocator: return "locator";
    case Role::kAgent: return "agent";
  }
  std::abort();
}

absl::StatusOr<Role> ParseRole(absl::string_view name, absl::string_view field) {
  for (const Role role : kRoles) {
    if (RoleName(role) == name) return role;
  }
  return InvalidField(field, "must be admin, operator, viewer, connector or locator");
}

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

absl::Status CheckBinding(const Binding& binding) {
  if (binding.principal.empty()) return InvalidField("principal", "must name whom the role is given to");
  if (binding.role == Role::kAgent) {
    return InvalidField("role", "`agent` is not given: a host gets it by joining with a token");
  }
  if (std::holds_alternative<AllTenants>(binding.scope)) return absl::OkStatus();
  if (binding.role == Role::kAdmin) {
    return InvalidField("role", "`admin` cannot be narrowed to tenants; give `operator` instead");
  }
  if (const auto* named = std::get_if<NamedTenants>(&binding.scope)) {
    if (named->ids.empty()) return InvalidField("tenants", "must name at least one tenant");
    for (const std::string& id : named->ids) CROFT_RETURN_IF_ERROR(CheckId(id, "tenants"));
    return absl::OkStatus();
  }
  if (std::get<LabelledTenants>(binding.scope).labels.empty()) {
    return InvalidField("labels", "must hold at least one label, such as app=shop");
  }
  return absl::OkStatus();
}

}  // namespace croft::access
