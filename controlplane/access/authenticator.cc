// Finds out who calls, by certificate, token or socket.

#include "controlplane/access/authenticator.h"

#include <algorithm>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include "common/crypto/x509.h"
#include "common/errors.h"
#include "controlplane/access/token.h"
#include "controlplane/domain/errors.h"

namespace croft::access {
namespace {

constexpr absl::string_view kAdminName = "admin";
constexpr absl::string_view kHostPrefix = "hosts/";
// More than there are agents on a large fleet, so that each is read once.
constexpr size_t kCertificatesKept = 4096;

absl::Status Unauthenticated(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kUnauthenticated, message, {.reason = std::string(reason)});
}

absl::Status TokenInvalid() {
  // One answer for every reason, so that guessing tells nothing.
  return Unauthenticated("TOKEN_INVALID", "the token is unknown, revoked or expired; ask for a new one");
}

Principal Shown(KnownUser user) {
  return {.kind = PrincipalKind::kUser,
          .name = std::move(user.id),
          .bindings = std::move(user.bindings),
          .token = std::move(user.token),
          .bound_revision = user.bound_revision,
          .expire_time = user.expire_time};
}

}  // namespace

struct Authenticator::SeenCertificate {
  crypto::CertificateFacts facts;
  bool ours = false;  // signed by authority_
};

Authenticator::Authenticator(std::string authority, const HostIdentities& hosts,
                             const PrincipalStore& principals, const Clock& clock)
    : authority_(std::move(authority)), hosts_(hosts), principals_(principals), clock_(clock) {}

Authenticator::~Authenticator() = default;

absl::StatusOr<Principal> Authenticator::Authenticate(const CallCredentials& credentials) const {
  if (!credentials.authorization.empty()) return FromToken(credentials.authorization);
  if (!credentials.peer_certificate.empty()) return FromCertificate(credentials.peer_certificate);
  if (credentials.unix_socket) {
    return Principal{.kind = PrincipalKind::kAdmin, .name = std::string(kAdminName)};
  }
  return Principal{};
}

absl::StatusOr<Principal> Authenticator::FromToken(absl::string_view authorization) const {
  constexpr absl::string_view kScheme = "bearer ";
  if (!absl::StartsWithIgnoreCase(authorization, kScheme)) {
    return Unauthenticated("TOKEN_INVALID", "the authorization metadata must be `Bearer` and a token");
  }
  const absl::StatusOr<std::string> hash =
      BearerTokenHash(absl::StripAsciiWhitespace(authorization.substr(kScheme.size())));
  if (!hash.ok()) return TokenInvalid();
  std::optional<KnownUser> user = principals_.FindToken(*hash);
  if (!user || user->expire_time <= clock_.Now()) return TokenInvalid();
  return Shown(*std::move(user));
}

absl::StatusOr<Principal> Authenticator::FromCertificate(const std::string& pem) const {
  CROFT_ASSIGN_OR_RETURN(const std::shared_ptr<const SeenCertificate> certificate, Read(pem));
  const crypto::CertificateFacts& facts = certificate->facts;
  if (clock_.Now() >= facts.not_after) {
    return Unauthenticated("CERTIFICATE_EXPIRED", absl::StrCat("the client certificate expired at ",
                                                               absl::FormatTime(facts.not_after)));
  }
  if (facts.common_name == kAdminName && certificate->ours) {
    return Principal{
        .kind = PrincipalKind::kAdmin, .name = std::string(kAdminName), .expire_time = facts.not_after};
  }
  absl::string_view host = facts.common_name;
  if (absl::ConsumePrefix(&host, kHostPrefix)) {
    const std::vector<std::string> recorded = hosts_.FingerprintsOf(host);
    if (std::find(recorded.begin(), recorded.end(), facts.fingerprint) == recorded.end()) {
      return domain::CertificateNotCurrent(host);
    }
    return Principal{.kind = PrincipalKind::kAgent,
                     .name = facts.common_name,
                     .host = std::string(host),
                     .fingerprint = facts.fingerprint,
                     .expire_time = facts.not_after};
  }
  // Users are known by their certificates, never by names: whoever can sign could write any.
  std::optional<KnownUser> user = principals_.FindCertificate(facts.fingerprint);
  if (!user) return Unauthenticated("IDENTITY_UNKNOWN", "the client certificate stands for nobody here");
  user->expire_time = facts.not_after;
  return Shown(*std::move(user));
}

absl::StatusOr<std::shared_ptr<const Authenticator::SeenCertificate>> Authenticator::Read(
    const std::string& pem) const {
  {
    const MutexLock lock(mutex_);
    if (const auto found = seen_.find(pem); found != seen_.end()) return found->second;
  }
  absl::StatusOr<crypto::CertificateFacts> facts = crypto::ReadCertificate(pem);
  if (!facts.ok()) return Unauthenticated("IDENTITY_UNKNOWN", "the client certificate cannot be read");
  auto certificate = std::make_shared<SeenCertificate>();
  certificate->facts = *std::move(facts);
  certificate->ours = crypto::SignedBy(pem, authority_);
  const MutexLock lock(mutex_);
  if (seen_.emplace(pem, certificate).second) order_.push_back(pem);
  if (order_.size() > kCertificatesKept) {
    seen_.erase(order_.front());
    order_.pop_front();
  }
  return certificate;
}

}  // namespace croft::access
