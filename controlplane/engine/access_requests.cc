// Decides requests about principals, tokens, certificates and bindings.

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/requests.h"

namespace croft::engine {
namespace {

using domain::User;

absl::StatusOr<User*> ExistingUser(Draft& draft, const std::string& id, const std::string& etag = "") {
  User* user = draft.FindUser(id);
  if (user == nullptr) return domain::PrincipalNotFound(id);
  CROFT_RETURN_IF_ERROR(CheckEtag(etag, PrincipalName(id), user->version));
  return user;
}

bool Ended(const std::optional<absl::Time>& expire_time, absl::Time now) {
  return expire_time && *expire_time <= now;
}

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const CreatePrincipal& request) {
  CROFT_RETURN_IF_ERROR(domain::CheckUserId(request.principal, "principal_id"));
  if (draft.FindUser(request.principal) != nullptr) return domain::PrincipalExists(request.principal);
  draft.Add(User{.id = request.principal,
                 .uid = request.uid,
                 .create_time = draft.now(),
                 .display_name = request.display_name});
  return PrincipalName(request.principal);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const DeletePrincipal& request) {
  CROFT_RETURN_IF_ERROR(ExistingUser(draft, request.principal, request.etag).status());
  draft.EraseUser(request.principal);
  return PrincipalName(request.principal);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const CreateToken& request) {
  CROFT_ASSIGN_OR_RETURN(User * user, ExistingUser(draft, request.principal));
  if (Ended(request.token.expire_time, draft.now())) {
    return InvalidField("expire_time", "must lie in the future");
  }
  // Those that are over make room.
  user->tokens.erase(std::remove_if(user->tokens.begin(), user->tokens.end(),
                                    [&](const domain::AccessToken& token) {
                                      return Ended(token.expire_time, draft.now());
                                    }),
                     user->tokens.end());
  if (user->tokens.size() >= domain::kMostTokens) {
    return domain::TooManyOf("tokens", user->id, domain::kMostTokens);
  }
  user->tokens.push_back(request.token);
  user->tokens.back().create_time = draft.now();
  return AccessTokenName(user->id, request.token.id);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const RevokeToken& request) {
  const std::string name = AccessTokenName(request.principal, request.token);
  User* user = draft.FindUser(request.principal);
  if (user == nullptr) return domain::TokenNotFound(name);
  const auto found =
      std::find_if(user->tokens.begin(), user->tokens.end(),
                   [&](const domain::AccessToken& token) { return token.id == request.token; });
  if (found == user->tokens.end()) return domain::TokenNotFound(name);
  user->tokens.erase(found);
  return name;
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const AddCertificate& request) {
  CROFT_ASSIGN_OR_RETURN(User * user, ExistingUser(draft, request.principal));
  if (const auto holder = draft.facts().FindCertificate(request.certificate.fingerprint)) {
    return domain::CertificateTaken(*holder);
  }
  user->certificates.erase(std::remove_if(user->certificates.begin(), user->certificates.end(),
                                          [&](const domain::UserCertificate& certificate) {
                                            return Ended(certificate.expire_time, draft.now());
                                          }),
                           user->certificates.end());
  if (user->certificates.size() >= domain::kMostCertificates) {
    return domain::TooManyOf("certificates", user->id, domain::kMostCertificates);
  }
  user->certificates.push_back(request.certificate);
  return PrincipalName(user->id);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const RemoveCertificate& request) {
  CROFT_ASSIGN_OR_RETURN(User * user, ExistingUser(draft, request.principal));
  const auto found = std::find_if(user->certificates.begin(), user->certificates.end(),
                                  [&](const domain::UserCertificate& certificate) {
                                    return certificate.fingerprint == request.fingerprint;
                                  });
  if (found == user->certificates.end()) {
    return domain::CertificateNotFound(user->id, request.fingerprint);
  }
  user->certificates.erase(found);
  return PrincipalName(user->id);
}

namespace {

absl::Status TenantsNotFound(const std::vector<std::string>& ids) {
  constexpr size_t kMostNamed = 20;
  const size_t named = std::min(ids.size(), kMostNamed);
  std::string names = absl::StrJoin(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(named), ", ");
  if (named < ids.size()) absl::StrAppend(&names, " and ", ids.size() - named, " more");
  return MakeError(absl::StatusCode::kNotFound, absl::StrCat("tenants ", names, " do not exist"),
                   {.reason = "TENANT_NOT_FOUND", .metadata = {{"tenants", names}}});
}

// A binding to a name that nobody has yet would reach whatever tenant gets it later.
absl::Status CheckTenantsExist(Draft& draft, const domain::Scope& scope) {
  const auto* named = std::get_if<domain::NamedTenants>(&scope);
  if (named == nullptr) return absl::OkStatus();
  std::vector<std::string> unknown;
  for (const std::string& id : named->ids) {
    const std::optional<domain::Tenant> tenant = draft.facts().FindTenant(id);
    if (!tenant || tenant->state == domain::TenantState::kPurged) unknown.push_back(id);
  }
  if (unknown.empty()) return absl::OkStatus();
  return unknown.size() == 1 ? domain::TenantNotFound(unknown.front()) : TenantsNotFound(unknown);
}

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const BindRole& request) {
  CROFT_RETURN_IF_ERROR(domain::CheckBinding(request.binding));
  CROFT_ASSIGN_OR_RETURN(User * user, ExistingUser(draft, request.principal));
  CROFT_RETURN_IF_ERROR(CheckTenantsExist(draft, request.binding.scope));
  const auto& bindings = user->bindings;
  if (std::find(bindings.begin(), bindings.end(), request.binding) != bindings.end()) {
    return PrincipalName(user->id);
  }
  if (bindings.size() >= domain::kMostBindings) {
    return domain::TooManyOf("bindings", user->id, domain::kMostBindings);
  }
  user->bindings.push_back(request.binding);
  return PrincipalName(user->id);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const UnbindRole& request) {
  CROFT_ASSIGN_OR_RETURN(User * user, ExistingUser(draft, request.principal));
  const auto found = std::find(user->bindings.begin(), user->bindings.end(), request.binding);
  if (found == user->bindings.end()) return domain::BindingNotFound(user->id);
  user->bindings.erase(found);
  return PrincipalName(user->id);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const RecordCalls& request) {
  for (domain::AuditEvent event : request.events) {
    if (event.time == absl::Time()) event.time = draft.now();
    draft.Record(catalog::AppendAudit{std::move(event)});
  }
  for (const RecordCalls::TokenUse& use : request.token_uses) {
    draft.Record(catalog::NoteTokenUse{use.principal, use.token, use.time});
  }
  return Subject();
}

}  // namespace croft::engine
