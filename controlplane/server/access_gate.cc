// Lets a call in or refuses it: who calls, what for, and how often.

#include "controlplane/server/access_gate.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/errors.h"

namespace croft::server {
namespace {

using access::Principal;
using access::PrincipalKind;
using google::protobuf::Message;

bool IsNarrowed(const Principal& principal) {
  return std::any_of(principal.bindings.begin(), principal.bindings.end(),
                     [](const access::Binding& binding) {
                       return !std::holds_alternative<access::AllTenants>(binding.scope);
                     });
}

absl::Status PermissionsChanged() {
  return MakeError(absl::StatusCode::kUnavailable,
                   "what the caller may see was changed; ask again to get what it may see now",
                   {.reason = "PERMISSIONS_CHANGED", .retry_delay = absl::Milliseconds(100)});
}

}  // namespace

absl::Status AccessGate::Identify(const access::CallCredentials& credentials,
                                  const google::protobuf::MethodDescriptor&,
                                  handlers::RequestContext& context) const {
  if (policy_.IsOpen(context.caller.method)) return limits_.TakeOfStranger(context.caller.peer);
  absl::StatusOr<Principal> principal = authenticator_.Authenticate(credentials);
  if (!principal.ok()) {
    CROFT_RETURN_IF_ERROR(limits_.TakeOfStranger(context.caller.peer));
    log_.NoteDenied(context, "", principal.status());
    return principal.status();
  }
  context.principal = *std::move(principal);
  context.caller.name = context.principal.name;
  if (context.principal.kind == PrincipalKind::kAnonymous) {
    CROFT_RETURN_IF_ERROR(limits_.TakeOfStranger(context.caller.peer));
    // No request makes up for that, so none is waited for.
    absl::Status judged = policy_.Check(context.principal, context.caller.method, {});
    if (!judged.ok()) log_.NoteDenied(context, "", judged);
    return judged;
  }
  CROFT_RETURN_IF_ERROR(limits_.Take(context.principal));
  if (!context.principal.token.empty()) on_token_(context.principal.name, context.principal.token);
  return absl::OkStatus();
}

absl::Status AccessGate::Permit(const google::protobuf::MethodDescriptor&, const Message& request,
                                handlers::RequestContext& context) const {
  const absl::Status judged = Judge(context.principal, context.caller.method, request);
  if (absl::IsPermissionDenied(judged) || absl::IsUnauthenticated(judged)) {
    log_.NoteDenied(context, TenantNamedIn(request), judged);
  }
  return judged;
}

absl::Status AccessGate::Judge(const Principal& principal, const std::string& method,
                               const Message& request) const {
  // Tenants are looked up for those whom it matters to.
  if (!IsNarrowed(principal)) return policy_.Check(principal, method, {.filtered = true});
  CROFT_ASSIGN_OR_RETURN(const std::vector<AffectedTenant> touched, AffectedTenants(request, facts_));
  if (touched.empty()) return policy_.Check(principal, method, {.filtered = true});
  for (const AffectedTenant& one : touched) {
    const access::Labels* labels = one.labels ? &*one.labels : nullptr;
    CROFT_RETURN_IF_ERROR(policy_.Check(principal, method, {.tenant = one.tenant, .labels = labels}));
  }
  return absl::OkStatus();
}

absl::Status AccessGate::PermitStill(const access::CallCredentials& credentials, const Message& request,
                                     const handlers::RequestContext& context) const {
  CROFT_ASSIGN_OR_RETURN(const Principal principal, authenticator_.Authenticate(credentials));
  CROFT_RETURN_IF_ERROR(Judge(principal, context.caller.method, request));
  return principal.bindings == context.principal.bindings ? absl::OkStatus() : PermissionsChanged();
}

size_t AccessGate::MostStreams(const handlers::RequestContext& context) const {
  return limits_.MostStreams(context.principal);
}

}  // namespace croft::server
