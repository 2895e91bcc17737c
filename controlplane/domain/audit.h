#pragma once

#include <cstdint>
#include <string>

#include <absl/time/time.h>

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

}  // namespace croft::domain
