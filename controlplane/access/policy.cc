// Decides whether a caller may call a method on a resource.

#include "controlplane/access/policy.h"

#include <algorithm>
#include <cstdlib>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "controlplane/access/methods.h"

namespace croft::access {
namespace {

absl::Status IdentityMissing() {
  return MakeError(absl::StatusCode::kUnauthenticated,
                   "the call carries no identity: show a client certificate or a token",
                   {.reason = "IDENTITY_MISSING"});
}

absl::Status Denied(const Principal& principal, absl::string_view method) {
  return MakeError(absl::StatusCode::kPermissionDenied,
                   absl::StrCat(principal.name, " may not call ", method,
                                " on this resource; ask an administrator for a role that may"),
                   {.reason = "PERMISSION_DENIED",
                    .metadata = {{"principal", principal.name}, {"method", std::string(method)}}});
}

bool Reaches(const Scope& scope, Subject subject, const Resource& resource) {
  if (std::holds_alternative<AllTenants>(scope)) return true;
  switch (subject) {
    case Subject::kFleet: return false;
    case Subject::kRows:
      if (resource.filtered) return true;
      [[fallthrough]];  // all rows of one tenant
    case Subject::kTenant:
      return !resource.tenant.empty() && Covers(scope, resource.tenant, resource.labels);
  }
  std::abort();
}

bool Allows(const Principal& principal, Permission permission, Subject subject, const Resource& resource) {
  switch (principal.kind) {
    case PrincipalKind::kAnonymous: return permission == Permission::kNothing;
    case PrincipalKind::kAdmin: return Grants(Role::kAdmin, permission);
    case PrincipalKind::kAgent:
      return Grants(Role::kAgent, permission) && !principal.host.empty() &&
             (resource.host.empty() || resource.host == principal.host);
    case PrincipalKind::kUser:
      if (permission == Permission::kNothing || permission == Permission::kIdentity) return true;
      return std::any_of(principal.bindings.begin(), principal.bindings.end(), [&](const Binding& binding) {
        // Should a binding to `agent` ever be stored, it makes nobody a host.
        return binding.role != Role::kAgent && Grants(binding.role, permission) &&
               Reaches(binding.scope, subject, resource);
      });
  }
  std::abort();
}

}  // namespace

absl::Status Policy::Check(const Principal& principal, absl::string_view method,
                           const Resource& resource) const {
  const MethodRule* rule = FindMethodRule(method);
  if (rule != nullptr && Allows(principal, rule->permission, rule->subject, resource))
    return absl::OkStatus();
  return principal.kind == PrincipalKind::kAnonymous ? IdentityMissing() : Denied(principal, method);
}

bool Policy::Sees(const Principal& principal, absl::string_view method, absl::string_view tenant,
                  const Labels* labels) const {
  const MethodRule* rule = FindMethodRule(method);
  return rule != nullptr && rule->subject != Subject::kFleet &&
         Allows(principal, rule->permission, Subject::kTenant, {.tenant = tenant, .labels = labels});
}

bool Policy::SeesSecrets(const Principal& principal, absl::string_view tenant, const Labels* labels) const {
  return Allows(principal, Permission::kSeeSecrets, Subject::kTenant, {.tenant = tenant, .labels = labels});
}

// Only a scope of all tenants reaches what is of no tenant in particular.
bool Policy::SeesAll(const Principal& principal, absl::string_view method) const {
  return SeesSecrets(principal, "", nullptr) && Sees(principal, method, "", nullptr);
}

bool Policy::IsOpen(absl::string_view method) const {
  const MethodRule* rule = FindMethodRule(method);
  return rule != nullptr && rule->permission == Permission::kNothing;
}

}  // namespace croft::access
