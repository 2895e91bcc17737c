#pragma once

#include <cstdint>
#include <string>

#include <absl/time/time.h>

// Rows of the audit.
namespace croft::domain {

// One row of the audit: who did what to what, from where, with which result. Never a secret. The catalog
// numbers and chains rows: each holds the hash of the one before it.
struct AuditEvent {
  absl::Time time;
  std::string caller;
  std::string peer;
  std::string method;    // "TenantService/CreateTenant"
  std::string resource;  // name, or several with a space between
  std::string result;    // "OK" or a reason
  std::string request_id;
  int64_t count = 1;  // calls that the row stands for: denied ones are counted, not listed one by one

  friend bool operator==(const AuditEvent&, const AuditEvent&) = default;
};

struct AuditRow {
  int64_t sequence = 0;
  AuditEvent event;
  std::string previous_hash;  // hexadecimal SHA-256
  std::string hash;
};

// The newest row's sequence and hash; of an empty audit, 0 and 64 zeros.
struct AuditHead {
  int64_t sequence = 0;
  std::string hash = std::string(64, '0');

  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

// The audit's rows up to a sequence were pruned: the chain goes on from here. Signed by the control plane, so that nobody
// else can cut rows off.
struct AuditCheckpoint {
  AuditHead head;       // the last row that was pruned
  absl::Time time;      // of that row
  absl::Time cut_time;  // when it was pruned
  std::string signature;

  friend bool operator==(const AuditCheckpoint&, const AuditCheckpoint&) = default;
};

}  // namespace croft::domain
