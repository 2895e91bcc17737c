#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "agent/backup/manifest.h"
#include "agent/backup/program.h"
#include "agent/postgres/access.h"
#include "agent/postgres/cluster.h"
#include "agent/postgres/connection.h"
#include "agent/postgres/timeout.h"
#include "agent/store/store.h"
#include "agent/tasks/backup_tasks.h"
#include "agent/tasks/task.h"

// What back_up, restore and verify share: the short-lived logins that touch a tenant's objects, since no
// privileged session ever does, and how all that a task made for itself goes again.
namespace croft::agent {

// Suffix of such a login: `_m` and 8 of `a-z2-7` behind the owner role's name.
inline constexpr char kShortLivedMark[] = "_m";

// One backup task at work. Not thread-safe.
class BackupJob {
 public:
  BackupJob(const BackupTools& tools, const Task& task, TaskContext& context);

  const BackupTools& tools() const { return tools_; }
  const TenantObjects& tenant() const { return task_.tenant; }
  TaskContext& context() const { return context_; }
  const Timeout& timeout() const { return timeout_; }
  const ProgramPlace& place() const { return place_; }
  const ServerAccess& access() const { return access_; }

  // FAILED_PRECONDITION (STORE_NOT_REACHED).
  absl::StatusOr<Store*> FindStore(absl::string_view id) const;
  // Under the tenant's lock.
  absl::StatusOr<std::unique_ptr<ClusterSession>> Begin() const { return Begin(timeout_); }
  absl::StatusOr<std::unique_ptr<ClusterSession>> Begin(const Timeout& timeout) const;
  // To clean up after a task that ended with `outcome`, also one that was stopped or has run out of its time: half a
  // minute, or ten after a success. Dropping a large scratch database takes minutes on a busy disk, and must not cost a
  // proof that is there. Nothing stops it, since half of it would leave a sealed database open.
  static Timeout CleanupTimeout(const absl::Status& outcome);
  // The agent's own, in the database for statements about the whole server.
  absl::StatusOr<Connection> OpenMaintenance(const Timeout& timeout) const;

 private:
  const BackupTools& tools_;
  const Task& task_;
  TaskContext& context_;
  Timeout timeout_;
  ServerAccess access_;
  ProgramPlace place_;
};

[[nodiscard]] absl::StatusOr<Store*> FindStore(const BackupTools& tools, absl::string_view id);

enum class LoginPurpose {
  kReadEverything,  // has the owner's rights and sees every row
  kRestore,         // acts as the owner from its first statement, so that all it makes is the owner's
};

// Makes a login of `owner_role`'s with a password of the agent's own, lets it into `database`, and answers how to
// connect. `also_in`: further roles whose rights it has. It ends by itself after a day.
[[nodiscard]] absl::StatusOr<Conninfo> MakeShortLivedLogin(const BackupJob& job, ClusterSession& session,
                                                           const std::string& owner_role,
                                                           const std::string& database,
                                                           LoginPurpose purpose,
                                                           const std::vector<std::string>& also_in = {});

// Ends and removes every short-lived login of `owner_role`'s, those of earlier tasks that were cut included.
[[nodiscard]] absl::Status RemoveShortLivedLogins(const BackupJob& job, ClusterSession& session,
                                                  const std::string& owner_role, const Timeout& timeout);

// Those to restore the backup with. FAILED_PRECONDITION (SERVER_TOO_OLD) when it was taken from a newer major
// version than this server's.
[[nodiscard]] absl::StatusOr<ClientPrograms> ProgramsFor(const BackupJob& job, const Manifest& manifest);

// Asks the sessions to end until none is left.
[[nodiscard]] absl::Status EndAllSessions(ClusterSession& session, const SessionFilter& filter,
                                          const Timeout& timeout);

}  // namespace croft::agent
