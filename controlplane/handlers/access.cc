// Implements AccessService.

#include "controlplane/handlers/access.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/crypto/x509.h"
#include "common/errors.h"
#include "common/ids.h"
#include "common/names.h"
#include "controlplane/access/token.h"
#include "controlplane/domain/errors.h"
#include "controlplane/handlers/certificates.h"
#include "controlplane/wire/access.h"
#include "controlplane/wire/fields.h"

namespace croft::handlers {
namespace {

constexpr absl::Duration kTokenLife = absl::Hours(24 * 90);
constexpr size_t kIdEntropy = 16;

v1::WhoAmIResponse::Kind ToProto(access::PrincipalKind kind) {
  switch (kind) {
    case access::PrincipalKind::kAnonymous: return v1::WhoAmIResponse::KIND_UNSPECIFIED;
    case access::PrincipalKind::kAdmin: return v1::WhoAmIResponse::KIND_ADMINISTRATOR;
    case access::PrincipalKind::kAgent: return v1::WhoAmIResponse::KIND_AGENT;
    case access::PrincipalKind::kUser: return v1::WhoAmIResponse::KIND_PRINCIPAL;
  }
  return v1::WhoAmIResponse::KIND_UNSPECIFIED;
}

}  // namespace

Service AccessHandlers::service() {
  Service service("croft.v1.AccessService");
  service.Unary("CreatePrincipal", *this, &AccessHandlers::CreatePrincipal);
  service.Unary("GetPrincipal", *this, &AccessHandlers::GetPrincipal);
  service.Unary("ListPrincipals", *this, &AccessHandlers::ListPrincipals);
  service.Unary("DeletePrincipal", *this, &AccessHandlers::DeletePrincipal);
  service.Unary("CreateToken", *this, &AccessHandlers::CreateToken);
  service.Unary("RevokeToken", *this, &AccessHandlers::RevokeToken);
  service.Unary("CreateCertificate", *this, &AccessHandlers::CreateCertificate);
  service.Unary("RevokeCertificate", *this, &AccessHandlers::RevokeCertificate);
  service.Unary("BindRole", *this, &AccessHandlers::BindRole);
  service.Unary("UnbindRole", *this, &AccessHandlers::UnbindRole);
  service.Unary("WhoAmI", *this, &AccessHandlers::WhoAmI, Runs::kInline);
  return service;
}

absl::StatusOr<v1::Principal> AccessHandlers::Change(const Context& context, engine::RequestBody body,
                                                     const std::string& id) {
  CROFT_ASSIGN_OR_RETURN(const engine::Answer answer, event_queue_.Call(context.caller, std::move(body)));
  const auto* user = std::get_if<domain::User>(&answer);
  // A repeat can come when it is gone.
  if (user == nullptr) return domain::PrincipalNotFound(id);
  return wire::ToProto(*user);
}

absl::StatusOr<v1::Principal> AccessHandlers::CreatePrincipal(const Context& context,
                                                              const v1::CreatePrincipalRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::CreatePrincipal body, wire::Parse(request));
  body.uid = UidFrom(random_.Bytes(kIdEntropy));
  return Change(context, std::move(body), request.principal_id());
}

absl::StatusOr<v1::Principal> AccessHandlers::GetPrincipal(const Context&,
                                                           const v1::GetPrincipalRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const std::string id, wire::Parse(request));
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::User> user, catalog_.GetUser(id));
  if (!user) return domain::PrincipalNotFound(id);
  return wire::ToProto(*user);
}

absl::StatusOr<v1::ListPrincipalsResponse> AccessHandlers::ListPrincipals(
    const Context&, const v1::ListPrincipalsRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const wire::PrincipalQuery query, wire::Parse(request, tokens_));
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::User> users, catalog_.ListUsers());
  v1::ListPrincipalsResponse response;
  std::string last;
  for (const domain::User& user : users) {
    if (user.id <= query.after_id) continue;
    if (response.principals_size() == query.limit) {
      response.set_next_page_token(wire::NextPageToken(request, tokens_, last));
      break;
    }
    *response.add_principals() = wire::ToProto(user);
    last = user.id;
  }
  return response;
}

absl::StatusOr<v1::DeletePrincipalResponse> AccessHandlers::DeletePrincipal(
    const Context& context, const v1::DeletePrincipalRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::DeletePrincipal body, wire::Parse(request));
  CROFT_RETURN_IF_ERROR(event_queue_.Call(context.caller, std::move(body)).status());
  return v1::DeletePrincipalResponse();
}

absl::StatusOr<v1::CreateTokenResponse> AccessHandlers::CreateToken(const Context& context,
                                                                    const v1::CreateTokenRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const wire::TokenRequest wanted, wire::Parse(request));
  const access::IssuedToken issued = access::MakeBearerToken(random_);
  engine::CreateToken body{.principal = wanted.principal,
                           .token = {.id = AccessTokenIdFrom(random_.Bytes(kIdEntropy)),
                                     .hash = issued.hash,
                                     .expire_time = wanted.expire_time}};
  if (!wanted.expire_time && !wanted.never_expires) body.token.expire_time = clock_.Now() + kTokenLife;
  CROFT_ASSIGN_OR_RETURN(const engine::Answer answer, event_queue_.Call(context.caller, std::move(body)));
  const auto* made = std::get_if<engine::TokenMade>(&answer);
  if (made == nullptr) return domain::PrincipalNotFound(wanted.principal);
  const auto token = std::find_if(made->user.tokens.begin(), made->user.tokens.end(),
                                  [&](const domain::AccessToken& one) { return one.id == made->token; });
  if (token == made->user.tokens.end()) {
    return domain::TokenNotFound(AccessTokenName(wanted.principal, made->token));
  }
  v1::CreateTokenResponse response;
  *response.mutable_token() = wire::ToProto(made->user.id, *token);
  // A repeat finds the first call's hash: its secret is known to nobody here.
  if (token->hash == issued.hash) response.set_secret(issued.text);
  return response;
}

absl::StatusOr<v1::RevokeTokenResponse> AccessHandlers::RevokeToken(const Context& context,
                                                                    const v1::RevokeTokenRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::RevokeToken body, wire::Parse(request));
  CROFT_RETURN_IF_ERROR(event_queue_.Call(context.caller, std::move(body)).status());
  return v1::RevokeTokenResponse();
}

absl::StatusOr<v1::CreateCertificateResponse> AccessHandlers::CreateCertificate(
    const Context& context, const v1::CreateCertificateRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const std::string principal, wire::Parse(request));
  CROFT_ASSIGN_OR_RETURN(
      std::string certificate,
      ForField("certificate_request",
               authority_.SignUser(principal, request.certificate_request(), clock_.Now())));
  CROFT_ASSIGN_OR_RETURN(const crypto::CertificateFacts facts, crypto::ReadCertificate(certificate));
  CROFT_ASSIGN_OR_RETURN(
      const v1::Principal shown,
      Change(context, engine::AddCertificate{principal, {facts.fingerprint, facts.not_after}}, principal));
  v1::CreateCertificateResponse response;
  for (const v1::Certificate& one : shown.certificates()) {
    if (one.fingerprint() != facts.fingerprint) continue;
    response.set_certificate(std::move(certificate));
    response.set_fingerprint(facts.fingerprint);
    *response.mutable_expire_time() = wire::ToProto(facts.not_after);
    break;
  }
  return response;
}

absl::StatusOr<v1::RevokeCertificateResponse> AccessHandlers::RevokeCertificate(
    const Context& context, const v1::RevokeCertificateRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::RemoveCertificate body, wire::Parse(request));
  CROFT_RETURN_IF_ERROR(event_queue_.Call(context.caller, std::move(body)).status());
  return v1::RevokeCertificateResponse();
}

absl::StatusOr<v1::Principal> AccessHandlers::BindRole(const Context& context,
                                                       const v1::BindRoleRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::BindRole body, wire::Parse(request));
  const std::string id = body.principal;
  return Change(context, std::move(body), id);
}

absl::StatusOr<v1::Principal> AccessHandlers::UnbindRole(const Context& context,
                                                         const v1::UnbindRoleRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::UnbindRole body, wire::Parse(request));
  const std::string id = body.principal;
  return Change(context, std::move(body), id);
}

absl::StatusOr<v1::WhoAmIResponse> AccessHandlers::WhoAmI(const Context& context,
                                                          const v1::WhoAmIRequest&) {
  const access::Principal& caller = context.principal;
  v1::WhoAmIResponse response;
  response.set_caller(caller.name);
  response.set_kind(ToProto(caller.kind));
  for (const domain::Binding& binding : caller.bindings) *response.add_bindings() = wire::ToProto(binding);
  if (!caller.token.empty()) response.set_token(AccessTokenName(caller.name, caller.token));
  if (caller.expire_time != absl::InfiniteFuture()) {
    *response.mutable_expire_time() = wire::ToProto(caller.expire_time);
  }
  return response;
}

}  // namespace croft::handlers
