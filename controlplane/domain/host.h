#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>

// A host, what its agent reports of it, and its state.
namespace croft::domain {

// A right that the agent's role needs on its server and does not have. proto/croft/v1/host.proto says what each part
// means.
struct MissingRight {
  std::string right;
  std::string consequence;
  std::string remedy;
  std::vector<std::string> task_kinds;

  friend bool operator==(const MissingRight&, const MissingRight&) = default;
};

// What an agent last reported of its server.
struct HostReport {
  std::string agent_version;
  bool postgres_up = false;
  std::string postgres_version;
  std::string system_identifier;
  int64_t timeline = 0;
  std::vector<std::string> advertise_endpoints;  // `host:port`
  int64_t free_bytes = 0;
  std::vector<std::string> stores;                 // ids; the first is written to
  std::map<std::string, std::string> store_names;  // by id, of those that were given one
  bool tls = false;
  std::string root_certificate;  // PEM; empty means the control plane's authority
  std::string problem;
  std::vector<std::string> task_kinds;
  bool free_bytes_unknown = false;  // the agent does not see the server's disk
  bool managed = false;             // the agent runs the server itself
  int32_t max_connections = 0;      // for all but superusers; 0 while it is not known
  std::vector<MissingRight> missing_rights;

  friend bool operator==(const HostReport&, const HostReport&) = default;
};

struct HostLimits {
  int32_t databases = 500;
  int32_t connections = 0;  // 0 is no limit
  int64_t reserve_bytes = int64_t{1} << 30;

  friend bool operator==(const HostLimits&, const HostLimits&) = default;
};

struct Host {
  std::string id;
  std::string uid;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;
  std::map<std::string, std::string> labels;
  HostLimits limits;
  bool cordoned = false;
  bool missing = false;  // declared gone for good

  // Identity. An agent is accepted only by these fingerprints: the certificate it was given last, and the
  // one before it, since the answer that carries a renewed one can be lost.
  std::string certificate_fingerprint;
  std::string previous_fingerprint;
  std::string join_secret_hash;  // SHA-256; empty when no token is open
  std::optional<absl::Time> join_expire_time;
  std::vector<std::string> server_names;

  // A session is open and its agent was heard within the limit.
  bool up = false;
  // It was up when the control plane ended, and has time to come back before it is called away.
  bool awaited = false;
  // The catalog is a restored or rebuilt one, and what the host holds was not compared with it yet.
  bool unconfirmed = false;
  std::optional<absl::Time> last_seen_time;
  HostReport report;
  // The system identifier that was accepted; a report of another one stops all tasks.
  std::string accepted_system_identifier;

  // Room that is taken, changed in the transaction that places or purges a tenant.
  int32_t databases_reserved = 0;
  int32_t connections_reserved = 0;

  friend bool operator==(const Host&, const Host&) = default;
};

enum class HostState { kExpected, kUp, kAway, kIdentityChanged, kMissing, kAwaited, kUnconfirmed };

constexpr absl::string_view NameOf(HostState value) {
  switch (value) {
    case HostState::kExpected: return "EXPECTED";
    case HostState::kUp: return "UP";
    case HostState::kAway: return "AWAY";
    case HostState::kIdentityChanged: return "IDENTITY_CHANGED";
    case HostState::kMissing: return "MISSING";
    case HostState::kAwaited: return "AWAITED";
    case HostState::kUnconfirmed: return "UNCONFIRMED";
  }
  return "";
}

HostState StateOf(const Host& host);

}  // namespace croft::domain
