#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "agent/postgres/cluster.h"
#include "agent/tasks/sql_tasks.h"
#include "agent/tasks/task.h"
#include "agent/tasks/task_step.h"
#include "common/random.h"

namespace croft::agent {

// One task at work: what it is about, and the session that holds its tenant's lock.
class SqlTask {
 public:
  // INVALID_ARGUMENT for names that PostgreSQL would cut or that are not a tenant's to have.
  static absl::StatusOr<SqlTask> Begin(Cluster& cluster, Random& random, const TenantDefaults& defaults,
                                       const Task& task, TaskContext& context);

  const TenantObjects& tenant() const { return task_.tenant; }
  const TenantDefaults& defaults() const { return defaults_; }
  TaskContext& context() const { return context_; }
  Cluster& cluster() const { return cluster_; }
  Random& random() const { return random_; }
  ClusterSession& session() const { return *session_; }
  const Timeout& timeout() const { return timeout_; }

  // Owner, reader, `logins` and all others of the tenant's family.
  absl::StatusOr<std::vector<RoleState>> ObserveRoles(const std::vector<Login>& logins = {}) const;

  // The tenant's database under its own or its sealed name; nothing when neither is there.
  // FAILED_PRECONDITION (WRONG_DATABASE) when it carries another tenant's or generation's tag.
  absl::StatusOr<std::optional<DatabaseState>> ObserveDatabase() const;
  // The same; NOT_FOUND (DATABASE_MISSING) when neither is there, FAILED_PRECONDITION (DATABASE_INVALID) after
  // a cut DROP.
  absl::StatusOr<DatabaseState> NeedDatabase() const;
  bool IsSealed(const DatabaseState& database) const;

  // Sets the verifiers of those of `logins` that are there, where the server does not show what it holds and
  // so no step can compare them.
  absl::Status SetHiddenVerifiers(const std::vector<Login>& logins) const;

  // A step that applies, in one transaction, whatever `missing` finds, and is done when it finds nothing.
  using Missing = std::function<absl::StatusOr<std::vector<Change>>()>;
  TaskStep Applying(absl::string_view name, Missing missing,
                    Durability durability = Durability::kNow) const;

 private:
  SqlTask(Cluster& cluster, Random& random, const TenantDefaults& defaults, const Task& task,
          TaskContext& context);

  Cluster& cluster_;
  Random& random_;
  const TenantDefaults& defaults_;
  const Task& task_;
  TaskContext& context_;
  Timeout timeout_;
  std::unique_ptr<ClusterSession> session_;
};

// Ends all sessions that `filter` finds, asking again until none is left.
[[nodiscard]] absl::Status EndSessions(const SqlTask& task, const SessionFilter& filter);

// The steps that leave no session (but those of `except_users`) and no prepared transaction in the database,
// wherever its name stands. The door must be closed before.
[[nodiscard]] std::vector<TaskStep> EmptyingSteps(const SqlTask& task,
                                                  std::function<std::vector<std::string>()> except_users);

// Logs in over the way applications take, as a short-lived login made like the tenant's own with a password of
// the agent's, and writes, if it is not closed for growth. The database must be open to the owner role. Leaves no login behind, and removes
// those of earlier, cut proofs. All changes before it are durable when it answers OK.
[[nodiscard]] absl::Status ProveOpen(const SqlTask& task);

// Whether the owner role lacks the right to make schemas because LimitGrowth took it, and not because somebody else did.
[[nodiscard]] absl::StatusOr<bool> IsClosedForGrowth(const SqlTask& task, const DatabaseState& database);

// Takes from the owner role the right to insert into its tables and to make tables in its schemas, or gives it back. The
// database must allow connections.
[[nodiscard]] TaskStep LimitObjects(const SqlTask& task, bool closed);

// INVALID_ARGUMENT for a login outside the tenant's family, or whose verifier is none.
[[nodiscard]] absl::Status CheckLogins(const TenantObjects& tenant, const std::vector<Login>& logins);
// FAILED_PRECONDITION (DATABASE_INVALID): what a cut DROP DATABASE left.
[[nodiscard]] absl::Status InvalidDatabase(const DatabaseState& database);

// INVALID_ARGUMENT for a name that is not a tenant's to have.
[[nodiscard]] absl::Status CheckDatabaseName(absl::string_view name);

}  // namespace croft::agent
