// Converts principals, tokens and bindings to and from the API.

#include "controlplane/wire/access.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <variant>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/names.h"
#include "controlplane/wire/fields.h"

namespace croft::wire {
namespace {

constexpr size_t kLongestDisplayName = 100;
constexpr size_t kLongestCertificateRequest = 16 * 1024;
constexpr size_t kFingerprintCharacters = 64;

template <typename Result>
absl::StatusOr<Result> Finish(Result result, const Violations& violations) {
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  return result;
}

v1::Binding::Role RoleToProto(domain::Role role) {
  switch (role) {
    case domain::Role::kAdmin: return v1::Binding::ROLE_ADMIN;
    case domain::Role::kOperator: return v1::Binding::ROLE_OPERATOR;
    case domain::Role::kViewer: return v1::Binding::ROLE_VIEWER;
    case domain::Role::kConnector: return v1::Binding::ROLE_CONNECTOR;
    case domain::Role::kLocator: return v1::Binding::ROLE_LOCATOR;
    case domain::Role::kAgent: return v1::Binding::ROLE_UNSPECIFIED;
  }
  std::abort();
}

std::optional<domain::Role> RoleFromProto(v1::Binding::Role role) {
  switch (role) {
    case v1::Binding::ROLE_ADMIN: return domain::Role::kAdmin;
    case v1::Binding::ROLE_OPERATOR: return domain::Role::kOperator;
    case v1::Binding::ROLE_VIEWER: return domain::Role::kViewer;
    case v1::Binding::ROLE_CONNECTOR: return domain::Role::kConnector;
    case v1::Binding::ROLE_LOCATOR: return domain::Role::kLocator;
    default: return std::nullopt;  // also numbers that no version of the API has named yet
  }
}

domain::Scope ParseScope(const v1::Binding& binding, Violations& violations) {
  const int given = (binding.all_tenants() ? 1 : 0) + (binding.tenants().empty() ? 0 : 1) +
                    (binding.labels().empty() ? 0 : 1);
  if (given != 1) {
    violations.Add("binding", "must say for which tenants: exactly one of all_tenants, tenants and labels");
    return domain::AllTenants();
  }
  if (binding.all_tenants()) return domain::AllTenants();
  if (!binding.labels().empty()) {
    return domain::LabelledTenants{ParseLabels(binding.labels(), "binding.labels", violations)};
  }
  // In one order, so that the same tenants are the same scope.
  domain::NamedTenants named{{binding.tenants().begin(), binding.tenants().end()}};
  std::sort(named.ids.begin(), named.ids.end());
  named.ids.erase(std::unique(named.ids.begin(), named.ids.end()), named.ids.end());
  return named;
}

domain::Binding ParseBinding(const v1::Binding& proto, Violations& violations) {
  domain::Binding binding{.scope = ParseScope(proto, violations)};
  const std::optional<domain::Role> role = RoleFromProto(proto.role());
  if (role) {
    binding.role = *role;
  } else {
    violations.Add("binding.role", "must be ROLE_ADMIN, _OPERATOR, _VIEWER, _CONNECTOR or _LOCATOR");
  }
  if (!violations.empty()) return binding;
  for (const FieldViolation& violation : DetailsOf(domain::CheckBinding(binding)).violations) {
    violations.Add(absl::StrCat("binding.", violation.field), violation.description);
  }
  return binding;
}

template <typename Result, typename Request>
absl::StatusOr<Result> ParseBindingRequest(const Request& request) {
  Violations violations;
  Result result;
  result.principal = violations.Take(ParsePrincipalName(request.name(), "name"));
  ParseRequestId(request.request_id(), violations);
  result.binding = ParseBinding(request.binding(), violations);
  return Finish(std::move(result), violations);
}

}  // namespace

v1::Binding ToProto(const domain::Binding& binding) {
  v1::Binding proto;
  proto.set_role(RoleToProto(binding.role));
  if (const auto* named = std::get_if<domain::NamedTenants>(&binding.scope)) {
    proto.mutable_tenants()->Assign(named->ids.begin(), named->ids.end());
  } else if (const auto* labelled = std::get_if<domain::LabelledTenants>(&binding.scope)) {
    for (const auto& [key, value] : labelled->labels) (*proto.mutable_labels())[key] = value;
  } else {
    proto.set_all_tenants(true);
  }
  return proto;
}

v1::Token ToProto(const std::string& user, const domain::AccessToken& token) {
  v1::Token proto;
  proto.set_name(AccessTokenName(user, token.id));
  *proto.mutable_create_time() = ToProto(token.create_time);
  if (token.expire_time) *proto.mutable_expire_time() = ToProto(*token.expire_time);
  if (token.last_used_time) *proto.mutable_last_used_time() = ToProto(*token.last_used_time);
  return proto;
}

v1::Principal ToProto(const domain::User& user) {
  v1::Principal proto;
  proto.set_name(PrincipalName(user.id));
  proto.set_uid(user.uid);
  *proto.mutable_create_time() = ToProto(user.create_time);
  *proto.mutable_update_time() = ToProto(user.update_time);
  proto.set_etag(EtagOf(user.version));
  proto.set_display_name(user.display_name);
  for (const domain::Binding& binding : user.bindings) *proto.add_bindings() = ToProto(binding);
  for (const domain::AccessToken& token : user.tokens) *proto.add_tokens() = ToProto(user.id, token);
  for (const domain::UserCertificate& certificate : user.certificates) {
    v1::Certificate& shown = *proto.add_certificates();
    shown.set_fingerprint(certificate.fingerprint);
    if (certificate.expire_time) *shown.mutable_expire_time() = ToProto(*certificate.expire_time);
  }
  return proto;
}

absl::StatusOr<engine::CreatePrincipal> Parse(const v1::CreatePrincipalRequest& request) {
  Violations violations;
  engine::CreatePrincipal result{.principal = request.principal_id()};
  if (const absl::Status id = domain::CheckUserId(request.principal_id(), "principal_id"); !id.ok()) {
    violations.Take(id);
  }
  result.display_name = ParseText(request.principal().display_name(), kLongestDisplayName,
                                  "principal.display_name", violations);
  ParseRequestId(request.request_id(), violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::DeletePrincipal> Parse(const v1::DeletePrincipalRequest& request) {
  Violations violations;
  engine::DeletePrincipal result;
  result.principal = violations.Take(ParsePrincipalName(request.name(), "name"));
  result.etag = ParseEtag(request.etag(), "etag", violations);
  ParseRequestId(request.request_id(), violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<std::string> Parse(const v1::GetPrincipalRequest& request) {
  return ParsePrincipalName(request.name(), "name");
}

absl::StatusOr<TokenRequest> Parse(const v1::CreateTokenRequest& request) {
  Violations violations;
  TokenRequest result{.never_expires = request.never_expires()};
  result.principal = violations.Take(ParsePrincipalName(request.parent(), "parent"));
  if (request.has_expire_time()) {
    result.expire_time = ParseTime(request.expire_time(), "expire_time", violations);
    if (request.never_expires()) violations.Add("never_expires", "must not stand beside expire_time");
  }
  ParseRequestId(request.request_id(), violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::RevokeToken> Parse(const v1::RevokeTokenRequest& request) {
  Violations violations;
  const AccessTokenId name = violations.Take(ParseAccessTokenName(request.name(), "name"));
  ParseRequestId(request.request_id(), violations);
  return Finish(engine::RevokeToken{name.principal, name.token}, violations);
}

absl::StatusOr<std::string> Parse(const v1::CreateCertificateRequest& request) {
  Violations violations;
  std::string principal = violations.Take(ParsePrincipalName(request.parent(), "parent"));
  if (request.certificate_request().empty() ||
      request.certificate_request().size() > kLongestCertificateRequest) {
    violations.Add("certificate_request", "must be one certificate request (PKCS #10) in PEM");
  }
  ParseRequestId(request.request_id(), violations);
  return Finish(std::move(principal), violations);
}

absl::StatusOr<engine::RemoveCertificate> Parse(const v1::RevokeCertificateRequest& request) {
  Violations violations;
  engine::RemoveCertificate result;
  result.principal = violations.Take(ParsePrincipalName(request.parent(), "parent"));
  ParseRequestId(request.request_id(), violations);
  const std::string& fingerprint = request.fingerprint();
  const bool hexadecimal = std::all_of(fingerprint.begin(), fingerprint.end(), [](unsigned char c) {
    return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
  });
  if (fingerprint.size() == kFingerprintCharacters && hexadecimal) {
    result.fingerprint = fingerprint;
  } else {
    violations.Add("fingerprint", "must be 64 hexadecimal digits in lower case, as GetPrincipal shows it");
  }
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::BindRole> Parse(const v1::BindRoleRequest& request) {
  return ParseBindingRequest<engine::BindRole>(request);
}

absl::StatusOr<engine::UnbindRole> Parse(const v1::UnbindRoleRequest& request) {
  return ParseBindingRequest<engine::UnbindRole>(request);
}

absl::StatusOr<PrincipalQuery> Parse(const v1::ListPrincipalsRequest& request, const PageTokens& tokens) {
  Violations violations;
  PrincipalQuery query;
  query.limit = ParsePageSize(request.page_size(), violations);
  query.after_id = tokens.Parse(request.page_token(), "principals", violations);
  return Finish(std::move(query), violations);
}

std::string NextPageToken(const v1::ListPrincipalsRequest&, const PageTokens& tokens,
                          const std::string& last_id) {
  return tokens.Make("principals", last_id);
}

}  // namespace croft::wire
