#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/crypto/x509.h"

namespace croft::access {

// Where `croftd init` puts what it makes; `directory` is `<state>/tls`.
struct TlsFiles {
  explicit TlsFiles(absl::string_view directory);

  std::string directory;
  std::string authority_certificate;  // ca.crt, 0644
  std::string authority_key;          // ca.key, 0600
  std::string server;             // server.pem, 0600: key and certificate in one file, which is replaced
                                  // whole, so that no reader ever sees a pair that does not fit
  std::string admin_certificate;  // admin.crt, 0644
  std::string admin_key;          // admin.key, 0600
};

inline constexpr absl::Duration kAuthorityLife = absl::Hours(24 * 3650);
inline constexpr absl::Duration kServerLife = absl::Hours(24 * 90);
inline constexpr absl::Duration kAdminLife = absl::Hours(24 * 365);
inline constexpr absl::Duration kUserLife = absl::Hours(24 * 90);
inline constexpr absl::Duration kAgentLife = absl::Hours(24 * 30);

// When a certificate is due to be renewed: after two thirds of its life.
[[nodiscard]] absl::Time RenewalTime(const crypto::CertificateFacts& facts);

// OK when `pem` (key and chain in one text) can serve TLS at `now`: it is a pair and within its time. Else
// FAILED_PRECONDITION, CERTIFICATE_UNUSABLE, with the reason and `name` in the sentence. For pairs of an
// organisation's own authority too.
[[nodiscard]] absl::Status CheckServingPair(absl::string_view name, absl::string_view pem, absl::Time now);

// The certificate authority that `croftd init` makes, the server's certificate and the administrator's. Its
// certificates begin an hour early, for clocks that go slow, and never outlive the authority.
//
// Const methods are thread-safe; those that write files want one caller at a time.
class Authority {
 public:
  // Makes the folder with all five files, or nothing. `server_names` are the DNS names and IP addresses by
  // which clients and agents reach the control plane. ALREADY_EXISTS, TLS_EXISTS, when it is there.
  static absl::Status Create(absl::string_view directory, const std::vector<std::string>& server_names,
                             absl::Time now);

  // FAILED_PRECONDITION, CERTIFICATE_UNUSABLE, when key and certificate are no pair or the authority's time
  // is over; the errors of common/files.h when a file is missing or open to others.
  static absl::StatusOr<Authority> Load(absl::string_view directory, absl::Time now);

  // PEM, for clients and agents to trust.
  const std::string& certificate() const { return pair_.certificate; }

  // For an agent's certificate request: one that names `hosts/<host>`. INVALID_ARGUMENT for a bad request.
  absl::StatusOr<std::string> SignAgent(absl::string_view host, absl::string_view request,
                                        absl::Time now) const;

  // For a principal's: one that names `principals/<principal>`.
  absl::StatusOr<std::string> SignUser(absl::string_view principal, absl::string_view request,
                                       absl::Time now) const;

  // For the request of a managed PostgreSQL server: one for `server_names` alone.
  absl::StatusOr<std::string> SignManagedServer(absl::string_view host, absl::string_view request,
                                                const std::vector<std::string>& server_names,
                                                absl::Time now) const;

  // Makes a new server.pem when the present one is due, over, damaged or for other names. Answers when to
  // look again.
  absl::StatusOr<absl::Time> MaintainServer(const std::vector<std::string>& server_names,
                                            absl::Time now) const;

  // A new certificate and key for the administrator, in the place of the old ones, which stay valid until
  // their own end.
  absl::Status RenewAdmin(absl::Time now) const;

 private:
  Authority(TlsFiles files, crypto::KeyAndCertificate pair, absl::Time end)
      : files_(std::move(files)), pair_(std::move(pair)), end_(end) {}

  absl::Status WriteServer(const std::vector<std::string>& server_names, absl::Time now) const;
  absl::StatusOr<std::string> Sign(absl::string_view request, crypto::CertificateSpec spec,
                                   absl::Duration life, absl::Time now) const;

  TlsFiles files_;
  crypto::KeyAndCertificate pair_;
  absl::Time end_;
};

}  // namespace croft::access
