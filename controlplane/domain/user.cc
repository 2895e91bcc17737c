// Checks the ids of principals and their bindings.

#include "controlplane/domain/user.h"

#include <algorithm>
#include <iterator>

#include <absl/strings/str_cat.h>

#include "common/enums.h"
#include "common/errors.h"
#include "common/names.h"

namespace croft::domain {
namespace {

// `admin` is the one that `croftd init` made, `system` the control plane itself.
constexpr absl::string_view kReserved[] = {"admin", "system", "anonymous", "agent"};

absl::Status CheckNamed(const NamedTenants& named) {
  if (named.ids.empty()) return InvalidField("tenants", "must name at least one tenant");
  if (named.ids.size() > kMostTenantsInScope) {
    return InvalidField(
        "tenants", absl::StrCat("must name at most ", kMostTenantsInScope, "; narrow by labels instead"));
  }
  for (const std::string& id : named.ids) CROFT_RETURN_IF_ERROR(CheckId(id, "tenants"));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Role> ParseRole(absl::string_view name, absl::string_view field) {
  if (const auto role = FromName<Role>(name)) return *role;
  return InvalidField(field, "must be admin, operator, viewer, connector or locator");
}

absl::Status CheckBinding(const Binding& binding) {
  if (binding.role == Role::kAgent) {
    return InvalidField("role", "`agent` is not given: a host gets it by joining with a token");
  }
  if (std::holds_alternative<AllTenants>(binding.scope)) return absl::OkStatus();
  if (binding.role == Role::kAdmin) {
    return InvalidField("role", "`admin` cannot be narrowed to tenants; give `operator` instead");
  }
  if (const auto* named = std::get_if<NamedTenants>(&binding.scope)) return CheckNamed(*named);
  if (std::get<LabelledTenants>(binding.scope).labels.empty()) {
    return InvalidField("labels", "must hold at least one label, such as app=shop");
  }
  return absl::OkStatus();
}

absl::Status CheckUserId(absl::string_view id, absl::string_view field) {
  CROFT_RETURN_IF_ERROR(CheckId(id, field));
  if (std::find(std::begin(kReserved), std::end(kReserved), id) == std::end(kReserved)) {
    return absl::OkStatus();
  }
  return InvalidField(field, absl::StrCat("must not be `", id, "`, which stands for somebody else"));
}

}  // namespace croft::domain
