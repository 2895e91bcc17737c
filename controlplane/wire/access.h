#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <absl/status/statusor.h>

#include "controlplane/domain/user.h"
#include "controlplane/engine/event.h"
#include "controlplane/wire/page_tokens.h"
#include "croft/v1/access.pb.h"

// Principals, their tokens and bindings, with the promises of tenant_requests.h.
namespace croft::wire {

v1::Principal ToProto(const domain::User& user);
v1::Binding ToProto(const domain::Binding& binding);
v1::Token ToProto(const std::string& user, const domain::AccessToken& token);

// Without its uid.
absl::StatusOr<engine::CreatePrincipal> Parse(const v1::CreatePrincipalRequest& request);
absl::StatusOr<engine::DeletePrincipal> Parse(const v1::DeletePrincipalRequest& request);
absl::StatusOr<std::string> Parse(const v1::GetPrincipalRequest& request);

struct TokenRequest {
  std::string principal;
  std::optional<absl::Time> expire_time;
  bool never_expires = false;
};
absl::StatusOr<TokenRequest> Parse(const v1::CreateTokenRequest& request);
absl::StatusOr<engine::RevokeToken> Parse(const v1::RevokeTokenRequest& request);

// The principal; that the certificate request can be signed shows when it is.
absl::StatusOr<std::string> Parse(const v1::CreateCertificateRequest& request);
absl::StatusOr<engine::RemoveCertificate> Parse(const v1::RevokeCertificateRequest& request);
absl::StatusOr<engine::BindRole> Parse(const v1::BindRoleRequest& request);
absl::StatusOr<engine::UnbindRole> Parse(const v1::UnbindRoleRequest& request);

struct PrincipalQuery {
  std::string after_id;
  int32_t limit = 0;
};
absl::StatusOr<PrincipalQuery> Parse(const v1::ListPrincipalsRequest& request, const PageTokens& tokens);
std::string NextPageToken(const v1::ListPrincipalsRequest& request, const PageTokens& tokens,
                          const std::string& last_id);

}  // namespace croft::wire
