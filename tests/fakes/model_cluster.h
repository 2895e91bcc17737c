#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "agent/postgres/cluster.h"
#include "common/sync.h"

// A PostgreSQL server as far as tenants' databases go: roles, databases, doors, sessions, prepared transactions
// and rows, in memory. It passes the contract suite of the real one, and can be told to show the nasty answers that
// docs tell of: calls that took effect although they failed, databases that appear after their maker has gone,
// drops cut in the middle, sessions that do not go at once, restarts that take back what was not yet durable.
namespace croft::agent {

// What befalls the agent's calls. May throw; the call then had its effect if it was on its way back. An error is
// what a lost connection answers: the session has gone, and its lock with it.
class ModelTraffic {
 public:
  virtual ~ModelTraffic() = default;
  // An error: the call never arrives.
  virtual absl::Status OnCall(absl::string_view /*call*/) { return absl::OkStatus(); }
  // An error: the call was carried out, and its answer is lost.
  virtual absl::Status OnAnswer(absl::string_view /*call*/) { return absl::OkStatus(); }
  // An error: PostgreSQL refuses the call and does nothing; the session goes on.
  virtual absl::Status Refusal(absl::string_view /*call*/) { return absl::OkStatus(); }
  // A CREATE DATABASE was cut off by OnCall. True: it had arrived all the same, and its backend goes on, with the
  // tenant's lock, until whoever says so calls FinishCreate.
  virtual bool GoesOn(absl::string_view /*database*/) { return false; }
  // A DROP DATABASE is cut after the point from which only another DROP works.
  virtual bool CutsDrop() { return false; }
  // How often a session that is told to end goes on before it does.
  virtual int Lingers() { return 0; }
};

struct ModelRole {
  RoleSpec spec;
};

struct ModelDatabase {
  std::string owner = "postgres";
  bool allows_connections = false;
  bool invalid = false;
  int32_t connection_limit = -1;
  std::optional<DatabaseTag> tag;
  std::map<std::string, std::string> settings;
  std::map<std::string, std::map<std::string, std::string>> role_settings;
  std::set<DatabaseGrant> grants;
  std::string public_owner = "pg_database_owner";
  bool reader_sees_tables = false;
  std::vector<std::string> extensions;
  bool growth_limited = false;
  // What tenants stored, in the order of commits. One number a row.
  std::vector<int64_t> rows;
  // Roles that own or are granted something inside, beside the owner of the rows.
  std::set<std::string> traces;
};

struct ModelPrepared {
  std::string database;
  std::string owner;
};

struct ModelSessionRow {
  std::string database;
  std::string user;
  bool read_only = false;
  int lingers = -1;  // how often it still goes on when told to end; -1: was not told yet
};

// Rows by name. A transaction's changes can be taken back, and so can those that are not durable yet.
template <typename Row>
class ModelTable {
 public:
  using Rows = std::map<std::string, std::shared_ptr<const Row>>;

  const Rows& rows() const { return rows_; }
  const Row* Find(const std::string& name) const {
    const auto found = rows_.find(name);
    return found == rows_.end() ? nullptr : found->second.get();
  }
  void Put(const std::string& name, Row row) {
    Remember(name);
    rows_[name] = std::make_shared<const Row>(std::move(row));
  }
  void Erase(const std::string& name) {
    Remember(name);
    rows_.erase(name);
  }
  void Commit() {
    for (auto& [name, before] : changed_) unsynced_.try_emplace(name, std::move(before));
    changed_.clear();
  }
  void RollBack() {
    for (auto change = changed_.rbegin(); change != changed_.rend(); ++change) Restore(*change);
    changed_.clear();
  }
  void Sync() { unsynced_.clear(); }
  void LoseUnsynced() {
    for (const auto& before : unsynced_) Restore(before);
    unsynced_.clear();
  }

 private:
  using Before = std::pair<const std::string, std::shared_ptr<const Row>>;

  void Remember(const std::string& name) {
    const auto found = rows_.find(name);
    changed_.emplace_back(name, found == rows_.end() ? nullptr : found->second);
  }
  void Restore(const Before& before) {
    if (before.second == nullptr) {
      rows_.erase(before.first);
    } else {
      rows_[before.first] = before.second;
    }
  }

  Rows rows_;
  std::vector<Before> changed_;
  std::map<std::string, std::shared_ptr<const Row>> unsynced_;
};

// Thread-safe.
class ModelServer {
 public:
  explicit ModelServer(std::string system_identifier) : system_identifier_(std::move(system_identifier)) {}

  // ---- Applications.

  // A session of `user` in `database`, the way PostgreSQL decides who gets in.
  absl::StatusOr<int64_t> Connect(absl::string_view database, absl::string_view user,
                                  absl::string_view password);
  // Commits one row, durably. UNAVAILABLE when the session is gone.
  absl::Status Insert(int64_t session, int64_t row);
  absl::StatusOr<std::vector<int64_t>> Select(int64_t session);
  // Leaves a prepared transaction behind.
  absl::Status Prepare(int64_t session);
  void Disconnect(int64_t session);
  bool IsOpen(int64_t session) const;

  // ---- Misfortune.

  // All sessions, locks and changes that were not durable are gone. Refuses everybody until Start.
  void Crash();
  void Start();
  bool up() const;
  // Ends all sessions of agents. Those of applications stay.
  void EndAgentSessions();
  // A database that a backend makes although nobody waits for it is there, and the tenant's lock is free. Nothing
  // when the server went down meanwhile.
  void FinishCreate(const std::string& database);

  // ---- What lies in it, for checks and for models of what works inside databases.

  // Rises with every change but that of rows.
  int64_t version() const;
  ModelTable<ModelDatabase>::Rows Databases() const;
  ModelTable<ModelRole>::Rows Roles() const;
  std::map<int64_t, ModelSessionRow> Sessions() const;
  std::optional<ModelDatabase> Database(absl::string_view name) const;
  // Whether `role` could log in to `database` now, limits aside.
  bool LetsIn(const std::string& database, const std::string& role) const;
  // Replaces what tenants stored in `database`, durably. NOT_FOUND.
  absl::Status SetRows(absl::string_view database, std::vector<int64_t> rows);

 private:
  friend class ModelCluster;
  friend class ModelClusterSession;
  struct Lock {
    int64_t exclusive = 0;  // the backend that holds it
    std::set<int64_t> shared;
  };
  // A database that is being made by a backend which nobody waits for.
  struct Making {
    std::string uid;
    int64_t backend = 0;
  };

  // The connection of an agent's backend has ended. Its lock is free, unless it is still busy.
  void EndBackend(const std::string& uid, int64_t backend) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GiveBackLock(const std::string& uid, int64_t backend) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Status Do(const Change& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status One(const CreateRole& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status One(const AlterRole& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status One(const GrantMembership& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status One(const DropRole& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status One(const RevokePublic& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status One(const GrantOnDatabase& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status One(const RevokeOnDatabase& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status One(const AllowConnections& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status One(const SetConnectionLimit& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status One(const SetDatabaseSetting& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status One(const SetRoleSetting& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status One(const TagDatabase& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status One(const RenameDatabase& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::StatusOr<ModelDatabase> Editable(const std::string& name) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckRole(const std::string& name) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckEntry(const std::string& database, const std::string& role) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Referenced(const std::string& role) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool InUse(const std::string& database) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsMember(const std::string& member, const std::string& group) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static bool Matches(const ModelSessionRow& session, const SessionFilter& filter);
  void Commit(Durability durability) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string system_identifier_;
  mutable Mutex mutex_;
  bool up_ ABSL_GUARDED_BY(mutex_) = true;
  int64_t version_ ABSL_GUARDED_BY(mutex_) = 1;
  int64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  ModelTable<ModelRole> roles_ ABSL_GUARDED_BY(mutex_);
  ModelTable<ModelDatabase> databases_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Making> being_made_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, std::string> backends_ ABSL_GUARDED_BY(mutex_);  // of agents that are connected -> uid
  std::map<int64_t, ModelSessionRow> sessions_ ABSL_GUARDED_BY(mutex_);
  std::vector<ModelPrepared> prepared_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Lock> locks_ ABSL_GUARDED_BY(mutex_);
};

// The agent's way to a model server. `server` and `traffic` outlive it and its sessions.
class ModelCluster final : public Cluster {
 public:
  ModelCluster(ModelServer& server, ModelTraffic& traffic) : server_(server), traffic_(traffic) {}

  absl::StatusOr<std::unique_ptr<ClusterSession>> Begin(absl::string_view uid, LockMode mode,
                                                        Timeout timeout) override;
  absl::Status ProveLogin(absl::string_view database, absl::string_view user, absl::string_view password,
                          bool write, const Timeout& timeout) override;
  absl::StatusOr<ServerFacts> Identify(const Timeout& timeout) override;
  absl::StatusOr<ClusterListing> List(const Timeout& timeout) override;

 private:
  ModelServer& server_;
  ModelTraffic& traffic_;
};

}  // namespace croft::agent
