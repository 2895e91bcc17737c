#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "agent/postgres/cluster.h"
#include "agent/server/run_as.h"
#include "agent/server/server.h"
#include "agent/server/settings.h"
#include "common/subprocess.h"
#include "common/sync.h"

// A PostgreSQL server of the agent's own.
namespace croft::agent {

// PEM files. The key belongs to the first certificate of `certificate`.
struct TlsFiles {
  std::string certificate;  // leaf first
  std::string key;
  std::string authority;  // that applications trust
};

struct ManagedServerOptions {
  // Everything of the server lies here; made where missing. Its parents must exist and let `run_as` through.
  std::string directory;
  std::vector<std::string> listen_addresses = {"127.0.0.1"};
  int port = 7500;
  // `host:port` for applications; the listening addresses when empty.
  std::vector<std::string> advertise_endpoints;
  TlsFiles tls;
  // Who owns and runs the server when this process is root, since PostgreSQL refuses to run as root. Without
  // root it is this process's user.
  std::string run_as = "postgres";
  // Those that tenants may install in databases made from now on.
  std::vector<std::string> extensions = UsualExtensions();
  // Those that a restore may bring back beside them.
  std::vector<std::string> restore_extensions = RestorableExtensions();
  // A file that the service manager watches: written to, it runs `croft-agent run-postgres` as a unit of its own. Where it
  // is empty the server is started from here.
  std::string start_file;
  // Major version for a new server; 0 is the newest installed. One that exists keeps its own.
  int major = 0;
  std::string programs_root = "/usr/lib/postgresql";
};

// A PostgreSQL server in a folder of its own: `data/`, `conf/` (with `local.conf`, an operator's settings,
// which win), `tls/`, `log/`, `socket/` (elsewhere when that path is too long for a Unix socket).
//
// The server is a process in its own session: it outlives this object and this process, and EnsureRunning
// finds it again. Its superuser `croft` gets in by the Unix socket only, and only from this process's user;
// everybody else needs a SCRAM password, and TLS when it comes over TCP.
//
// The agent works as that superuser: on version 15 a role that may make roles is nearly one anyway. What
// touches a tenant's objects does so as the tenant's own roles all the same.
class ManagedServer final : public Server {
 public:
  // Looks only at the options and at what lies in the folder. INVALID_ARGUMENT for options that cannot work,
  // NOT_FOUND (SERVER_PROGRAMS_MISSING, NO_SUCH_USER).
  static absl::StatusOr<std::unique_ptr<ManagedServer>> New(ManagedServerOptions options);

  ServerAccess access() const override;

  // Makes the data folder where there is none, writes the settings, starts the server or adopts the one that
  // runs; restarts one that runs with another port, address or socket folder. Errors: FAILED_PRECONDITION
  // (PORT_IN_USE, STATE_NOT_ENTERABLE, TLS_PAIR_MISMATCH, FOLDER_TAKEN), RESOURCE_EXHAUSTED (DISK_FULL),
  // DEADLINE_EXCEEDED, UNAVAILABLE (POSTGRES_NOT_STARTED) with the end of the server's log.
  absl::Status EnsureRunning(const Timeout& timeout) override;

  // Becomes the server, with the settings as they were written last, and does not come back. FAILED_PRECONDITION
  // (NO_SERVER_MADE) while there is none.
  absl::Status BecomeServer();

  // Ends the server, its sessions included. OK when it does not run.
  absl::Status Stop(const Timeout& timeout);

  // Takes the TLS files as they are now; sessions go on. Nothing changes when they are not a pair.
  absl::Status ReloadTls(const Timeout& timeout);

  ServerReport Report(const Timeout& timeout) override;

 private:
  ManagedServer(ManagedServerOptions options, User agent_user, std::optional<User> server_user,
                std::string socket_folder);

  std::string Path(absl::string_view name) const;
  // Of the data folder's version, or for a new one.
  absl::StatusOr<std::string> Programs() const;
  // Runs one of PostgreSQL's programs as the server's user.
  absl::StatusOr<CommandResult> RunProgram(absl::string_view program, std::vector<std::string> arguments,
                                           absl::Time deadline) const;
  absl::Status MakeFolders() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status InitializeData(const Timeout& timeout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether anything changed.
  absl::StatusOr<bool> WriteSettings() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<bool> InstallTls() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status StartServer(const Timeout& timeout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RequestStart(const Timeout& timeout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status StopServer(const Timeout& timeout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Reload(const Timeout& timeout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status AwaitAnswer(const Timeout& timeout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A new server lets every login into its own databases.
  absl::Status ShutOutStrangers(const Timeout& timeout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string EndOfLogs() const;
  absl::Status StartError(absl::string_view output) const;

  const ManagedServerOptions options_;
  const User agent_user_;
  const std::optional<User> server_user_;  // nothing: the agent's own
  const std::string socket_folder_;
  const ServerAccess access_;
  const std::unique_ptr<Cluster> cluster_;
  Mutex mutex_;  // one start, stop or reload at a time
  bool strangers_are_out_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace croft::agent
