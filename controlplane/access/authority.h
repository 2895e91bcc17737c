#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/crypto/signature.h"
#include "common/crypto/x509.h"

// The certificate authority.
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
  std::string databases;          // databases.pem, 0600: key and certificate of the databases' authority
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
// Managed PostgreSQL servers have an authority of their own: their keys lie on the hosts, and whoever steals one
// whose names include the control plane's could else pose as the control plane.
//
// Const methods are thread-safe; those that write files want one caller at a time.
class Authority {
 public:
  // Makes the folder with all six files, or nothing. `server_names` are the DNS names and IP addresses by
  // which clients and agents reach the control plane. ALREADY_EXISTS, TLS_EXISTS, when it is there.
  static absl::Status Create(absl::string_view directory, const std::vector<std::string>& server_names,
                             absl::Time now);

  // Makes the databases' authority where a folder of an earlier version has none. FAILED_PRECONDITION,
  // CERTIFICATE_UNUSABLE, when key and certificate are no pair or an authority's time is over; the errors of
  // common/files.h when another file is missing or one is open to others.
  static absl::StatusOr<Authority> Load(absl::string_view directory, absl::Time now);

  // PEM, for clients and agents to trust.
  const std::string& certificate() const { return own_.pair.certificate; }

  // PEM, for applications to trust as their databases' authority. In a folder of an earlier version it ends with
  // `certificate()` for as long as a server's certificate of that one can still be valid at `now`.
  std::string databases_trust(absl::Time now) const;

  // For an agent's certificate request: one that names `hosts/<host>`. INVALID_ARGUMENT for a bad request.
  absl::StatusOr<std::string> SignAgent(absl::string_view host, absl::string_view request,
                                        absl::Time now) const;

  // For a principal's: one that names `principals/<principal>`.
  absl::StatusOr<std::string> SignUser(absl::string_view principal, absl::string_view request,
                                       absl::Time now) const;

  // For the request of a managed PostgreSQL server: one for `server_names` alone, of the databases' authority.
  absl::StatusOr<std::string> SignManagedServer(absl::string_view host, absl::string_view request,
                                                const std::vector<std::string>& server_names,
                                                absl::Time now) const;

  // A signature of `text`, and whether one is this authority's. Texts begin with what they are, so that none passes for
  // another.
  absl::StatusOr<std::string> SignStatement(absl::string_view text) const;
  // The same of a text that comes in parts.
  absl::StatusOr<crypto::TextSigner> BeginStatement() const;
  bool HasSigned(absl::string_view text, absl::string_view signature) const;

  // Makes a new server.pem when the present one is due, over, damaged or for other names. Returns when to
  // look again.
  absl::StatusOr<absl::Time> MaintainServer(const std::vector<std::string>& server_names,
                                            absl::Time now) const;

  // A new certificate and key for the administrator, in the place of the old ones, which stay valid until
  // their own end.
  absl::Status RenewAdmin(absl::Time now) const;

 private:
  // A key, its self-signed certificate, and when that begins and ends.
  struct Signer {
    crypto::KeyAndCertificate pair;
    absl::Time begin;
    absl::Time end;
  };

  Authority(TlsFiles files, Signer own, Signer databases)
      : files_(std::move(files)), own_(std::move(own)), databases_(std::move(databases)) {}

  static absl::StatusOr<Signer> MakeSigner(absl::string_view name, absl::Time now);
  static absl::StatusOr<Signer> CheckSigner(const std::string& key_file,
                                            const std::string& certificate_file,
                                            crypto::KeyAndCertificate pair, absl::Time now);
  static absl::StatusOr<Signer> LoadDatabases(const std::string& file, absl::Time now);
  absl::Status WriteServer(const std::vector<std::string>& server_names, absl::Time now) const;
  static absl::StatusOr<std::string> Sign(const Signer& signer, absl::string_view request,
                                          crypto::CertificateSpec spec, absl::Duration life,
                                          absl::Time now);

  TlsFiles files_;
  Signer own_;
  Signer databases_;
};

}  // namespace croft::access
