#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "agent/postgres/access.h"
#include "agent/postgres/rights.h"
#include "agent/postgres/timeout.h"

namespace croft::agent {

// What an agent tells the control plane about its PostgreSQL and its machine.
struct ServerReport {
  bool up = false;
  std::string version;  // such as "15.20"; this and the next two are empty or 0 while it is not up
  std::string system_identifier;
  int64_t timeline = 0;
  std::vector<std::string> endpoints;  // `host:port` for applications
  bool managed = false;                // the agent runs it
  std::optional<int64_t> free_bytes;   // where its data lies; nothing: the agent does not see the disk
  int32_t max_connections = 0;         // less those that only superusers get; 0 while it is not known
  std::vector<MissingRight> missing_rights;
  bool tls = false;
  std::string root_certificate;  // PEM, where applications are to trust another authority than Croft's
  std::string problem;           // why it is not up, or what is wrong although it is; for people
};

// The PostgreSQL service that an agent drives. Thread-safe.
class Server {
 public:
  virtual ~Server() = default;

  // How to reach it. Holds before it runs, too.
  virtual ServerAccess access() const = 0;

  // Brings it up where that is the agent's to do, and finds out whether it answers. Repeats harmlessly.
  virtual absl::Status EnsureRunning(const Timeout& timeout) = 0;

  // Never fails: what cannot be found out is in `problem`.
  virtual ServerReport Report(const Timeout& timeout) = 0;
};

}  // namespace croft::agent
