#pragma once

#include <functional>
#include <optional>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/postgres/access.h"
#include "agent/postgres/connection.h"
#include "agent/postgres/timeout.h"

// Sessions of a restore, and how their failures are told from the server's.
namespace croft::agent {

// What of the server only Croft's own sessions and files can tell, however it was that a tenant's code failed.
struct ServerProbe {
  // OK: the server answers a session of Croft's own and has room. Else what the restore ends with.
  std::function<absl::Status()> check;
};

// Whether an error could be an outage or a lack of room. A tenant can forge each of them: ask the probe.
[[nodiscard]] bool MayBeTheServers(const absl::Status& status);

// A session that acts as the tenant and replays entries of an archive, as pg_restore would be set up for it. One
// thread at a time.
class ReplaySession {
 public:
  // Connects when it is first used. `probe` outlives this.
  ReplaySession(Conninfo conninfo, const ServerProbe& probe, const Timeout& timeout)
      : conninfo_(std::move(conninfo)), probe_(&probe), timeout_(timeout) {}
  // Connected. `probe` outlives this.
  static absl::StatusOr<ReplaySession> Open(const Conninfo& conninfo, const ServerProbe& probe,
                                            const Timeout& timeout);

  enum class SearchPath {
    kEmpty,   // as pg_restore's sessions have it
    kTenants  // as an application's sessions have it
  };
  // `tenants_path`: what the tenant's logins are set to; empty: what the database is set to.
  absl::Status Use(SearchPath path, const std::string& tenants_path = "");

  // What a statement came to. `entry` is the tenant's own failure; the restore goes on.
  struct Attempt {
    absl::Status entry;
  };
  // Runs `work`, which may lose the connection. An error: the server is out, or nobody waits any longer.
  absl::StatusOr<Attempt> Try(const std::function<absl::Status(Connection&)>& work);
  absl::StatusOr<Attempt> Run(absl::string_view sql) {
    return Try([&](Connection& connection) { return connection.ExecuteArchived(sql); });
  }
  // Gives up the connection, and with it a transaction that is open; what follows connects anew.
  void Close() { connection_.reset(); }

 private:
  absl::Status Reopen();
  absl::Status SetPath();

  Conninfo conninfo_;
  const ServerProbe* probe_;
  Timeout timeout_;
  std::optional<Connection> connection_;
  SearchPath path_ = SearchPath::kEmpty;
  std::string tenants_path_;
};

}  // namespace croft::agent
