#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/join_token.h"

// Who this agent is: its key, made here and never sent, the certificate for it, and whom it trusts. Everything
// lies under `<state>/identity`, mode 0700, each file 0600 and replaced whole.
namespace croft::agent {

struct Identity {
  std::string host;                  // id, without `hosts/`
  std::vector<std::string> servers;  // `host:port` of control planes
  std::string authority;             // PEM
  std::string key;                   // PEM
  std::string certificate_chain;     // PEM, leaf first
};

// Paths of the managed PostgreSQL server's own pair. There once the agent has joined in managed mode.
struct ServerCertificatePaths {
  std::string key;
  std::string certificate;
  std::string authority;
};

// What one side asks to be signed and the other has signed; see agent.proto.
struct CertificateRequests {
  std::string agent;
  std::string server;  // empty: there is no managed server
};
struct SignedCertificates {
  std::string agent;
  std::string server;  // may be empty
  std::string authority;
  std::string server_authority;  // of `server`; empty from a control plane with one authority for all
};

class IdentityFiles {
 public:
  // Creates the folder. `with_server`: there is a managed server that needs a certificate too.
  static absl::StatusOr<IdentityFiles> Open(const std::string& state_directory, bool with_server);

  // Nothing before the agent has joined. FAILED_PRECONDITION (IDENTITY_DAMAGED) when files are missing or do
  // not belong together. Completes what an earlier version kept.
  absl::StatusOr<std::optional<Identity>> Load() const;

  // Requests for keys of this machine, which are made now where they are missing. Joining again after an answer
  // that was lost uses the same keys.
  absl::StatusOr<CertificateRequests> Requests(const std::string& host) const;

  // Keeps what came back from joining or renewing. Refused unless the certificates belong to the keys.
  absl::Status Save(const std::string& host, const std::vector<std::string>& servers,
                    const SignedCertificates& certificates) const;

  ServerCertificatePaths server_certificate() const;

 private:
  IdentityFiles(std::string directory, bool with_server);
  std::string Path(const char* name) const;

  std::string directory_;
  bool with_server_;
};

// When the certificate is to be renewed: at two thirds of its life.
[[nodiscard]] absl::StatusOr<absl::Time> RenewalTime(const std::string& certificate_chain);

}  // namespace croft::agent
