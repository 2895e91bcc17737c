// Reads what a lookup asks for.

#include "controlplane/lookup/wanted.h"

#include "common/errors.h"
#include "controlplane/wire/fields.h"
#include "controlplane/wire/violations.h"

namespace croft::lookup {

absl::StatusOr<Wanted> ParseWanted(v1::Role role, v1::Endpoint::Purpose purpose) {
  wire::Violations violations;
  if (!v1::Role_IsValid(role)) violations.Add("role", "must be ROLE_APP, ROLE_READ_ONLY or ROLE_MIGRATE");
  if (!v1::Endpoint::Purpose_IsValid(purpose)) {
    violations.Add("purpose", "must be PURPOSE_DIRECT");
  }
  if (purpose == v1::Endpoint::PURPOSE_POOLED || purpose == v1::Endpoint::PURPOSE_READ_REPLICA) {
    violations.AddUnavailable("purpose",
                              "asks for endpoints that no host has yet; leave it out, or ask for DIRECT");
  }
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  Wanted wanted;
  if (role != v1::ROLE_UNSPECIFIED) wanted.role = role;
  if (purpose != v1::Endpoint::PURPOSE_UNSPECIFIED) wanted.purpose = purpose;
  return wanted;
}

absl::StatusOr<std::string> ParseTenantOrAlias(absl::string_view name, absl::string_view field) {
  std::string normal = wire::NormalAlias(name);
  if (normal.empty()) return InvalidField(field, "must be a tenant's id or one of its aliases");
  return normal;
}

}  // namespace croft::lookup
