#pragma once

#include <functional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

// The agent as a whole: its options, and how it runs.
namespace croft::agent {

enum class ServerMode { kManaged, kExternal };

struct AgentOptions {
  std::string version;
  std::string state_directory;
  // `host:port` of control planes; those of the join token when empty.
  std::vector<std::string> servers;
  // Needed until the agent has joined, passed over afterwards.
  std::string join_token_file;
  // Backup stores as URLs, as OpenStore takes them; the first is written to.
  std::vector<std::string> stores;
  ServerMode mode = ServerMode::kManaged;
  // External mode: a file with the conninfo of the agent's own role.
  std::string conninfo_file;
  // External mode: PEM file of the authority that applications are to trust.
  std::string postgres_authority_file;
  // Where client programs of PostgreSQL lie, as N/bin/pg_dump.
  std::string client_programs = "/usr/lib/postgresql";
  // Managed mode.
  std::vector<std::string> listen_addresses = {"127.0.0.1"};
  int port = 7500;
  std::string postgres_user = "postgres";
  // File that a service manager watches to start the server as a unit of its own; the agent starts it when empty.
  std::string postgres_start_file;
  // Extensions that tenants may install; the usual ones when empty.
  std::vector<std::string> extensions;
  // Those that a restore may bring back beside them; the usual ones when empty.
  std::vector<std::string> restore_extensions;
  // `host:port` on loopback for figures of this agent, or `off`.
  std::string metrics_listen = "off";
  // `host:port` for applications; where the server listens when empty.
  std::vector<std::string> advertise;
};

// Joins where that is still to be done, then serves the control plane until SIGTERM or SIGINT. PostgreSQL goes
// on. Calls `reload` at each SIGHUP, from a thread of its own, and reads its certificates again. Errors are sentences for
// people.
[[nodiscard]] absl::Status RunAgent(const AgentOptions& options, std::function<void()> reload);

// Joins and does no more. FAILED_PRECONDITION when the agent has joined already.
[[nodiscard]] absl::Status JoinOnly(const AgentOptions& options);

// Becomes the managed server, in the foreground, as a service manager runs it: this process's program is PostgreSQL from
// then on.
[[nodiscard]] absl::Status RunPostgres(const AgentOptions& options);

// Ends the managed server, its sessions included; OK when it does not run, or there is none.
[[nodiscard]] absl::Status StopPostgres(const AgentOptions& options);

}  // namespace croft::agent
