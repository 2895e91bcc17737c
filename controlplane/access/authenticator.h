#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/access/principal.h"

// Finds out who calls.
namespace croft::access {

// What one call shows. Read anew for every call: a connection may carry calls of many callers.
struct CallCredentials {
  // PEM, leaf first, as verified by TLS against an authority that is trusted for clients. Empty: none.
  std::string peer_certificate;
  // The call's `authorization` metadata, such as `Bearer croft_…`. Empty: none.
  std::string authorization;
  // The call came over the administrator's Unix socket, which nobody else can open.
  bool unix_socket = false;
};

// Which certificates the catalog has recorded for a host. Thread-safe; asked on every call of an agent.
class HostIdentities {
 public:
  virtual ~HostIdentities() = default;
  // SHA-256 of the DER, lower-case hexadecimal: the newest and the one before it. Empty for an unknown,
  // removed or missing host.
  virtual std::vector<std::string> FingerprintsOf(absl::string_view host) const = 0;
};

// A user as one of its tokens or certificates shows it.
struct KnownUser {
  std::string id;
  std::vector<Binding> bindings;
  std::string token;  // id; empty for a certificate
  absl::Time expire_time = absl::InfiniteFuture();
  int64_t bound_revision = 0;  // of the catalog at the last known change of its bindings
};

// The users that the catalog knows. Thread-safe; asked on every call, so that what was revoked ends with it.
// nullopt for what is unknown or was revoked.
class PrincipalStore {
 public:
  virtual ~PrincipalStore() = default;
  // By the hash of BearerTokenHash.
  virtual std::optional<KnownUser> FindToken(absl::string_view hash) const = 0;
  // By the SHA-256 of the DER, lower-case hexadecimal.
  virtual std::optional<KnownUser> FindCertificate(absl::string_view fingerprint) const = 0;
};

// Says who calls. Thread-safe.
class Authenticator {
 public:
  // `authority`: PEM of the one whose certificate named `admin` makes an administrator. All others outlive it.
  Authenticator(std::string authority, const HostIdentities& hosts, const PrincipalStore& principals,
                const Clock& clock);
  ~Authenticator();

  // A token beats a certificate, and a bad token is an error even beside a good certificate; a certificate
  // beats the socket. Nothing at all is the anonymous principal. Errors are UNAUTHENTICATED:
  //   TOKEN_INVALID            not one of ours, unknown, revoked or expired
  //   CERTIFICATE_EXPIRED      also when it ran out while the connection was open
  //   CERTIFICATE_NOT_CURRENT  of an agent whose host has, or is known by, another
  //   IDENTITY_UNKNOWN         a certificate that stands for nobody
  absl::StatusOr<Principal> Authenticate(const CallCredentials& credentials) const;

 private:
  struct SeenCertificate;

  absl::StatusOr<Principal> FromToken(absl::string_view authorization) const;
  absl::StatusOr<Principal> FromCertificate(const std::string& pem) const;
  absl::StatusOr<std::shared_ptr<const SeenCertificate>> Read(const std::string& pem) const;

  const std::string authority_;
  const HostIdentities& hosts_;
  const PrincipalStore& principals_;
  const Clock& clock_;

  // What is in a certificate never changes, and reading one costs more than a lookup: the last ones are kept.
  mutable Mutex mutex_;
  mutable std::unordered_map<std::string, std::shared_ptr<const SeenCertificate>> seen_
      ABSL_GUARDED_BY(mutex_);
  mutable std::list<std::string> order_ ABSL_GUARDED_BY(mutex_);  // oldest first
};

}  // namespace croft::access
