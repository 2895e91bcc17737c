#include "tests/fakes/model_cluster.h"

#include <algorithm>

#include <absl/cleanup/cleanup.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>

#include "agent/postgres/sql_error.h"
#include "common/errors.h"
#include "tests/fakes/model_errors.h"

namespace croft::agent {
namespace {

// How often a lock that is held is looked at.
constexpr absl::Duration kFirstPoll = absl::Milliseconds(5);
constexpr absl::Duration kLongestPoll = absl::Milliseconds(160);
constexpr int32_t kVersion = 150020;

bool IsFamily(absl::string_view name, absl::string_view family) {
  if (family.empty() || !absl::StartsWith(name, absl::StrCat(family, "_"))) return false;
  const absl::string_view rest = name.substr(family.size() + 1);
  return !rest.empty() && std::all_of(rest.begin(), rest.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
}

// `t_<slug>_<uid>` and what may follow it.
bool LooksLikeOurs(absl::string_view name) {
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '_');
  const size_t uid = parts.front() == "t" ? 2 : 1;
  return parts.size() >= 3 && (parts.front() == "t" || parts.front() == "v") &&
         std::any_of(parts.begin() + uid, parts.end(), [](absl::string_view part) {
           return part.size() == 16 && std::all_of(part.begin(), part.end(), [](char c) {
                    return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7');
                  });
         });
}

// `roles` by name.
template <typename Roles>
std::vector<std::string> MissingGrants(const std::string& name, const ModelDatabase& database,
                                       const Roles& roles) {
  std::vector<std::string> missing;
  const size_t generation = name.rfind("_g");
  if (!absl::StartsWith(name, "t_") || generation == std::string::npos) return missing;
  const std::string owner = name.substr(0, generation);
  const std::string reader = owner + "_r";
  const auto expect = [&](absl::string_view what, const std::string& role, DatabasePrivilege privilege) {
    if (database.grants.count({role, privilege}) == 0) missing.push_back(absl::StrCat(what, " to ", role));
  };
  for (const auto& [role, state] : roles) {
    const bool group = role == owner || role == reader;
    if (!group && !(IsFamily(role, owner) && state->spec.can_login)) continue;
    expect("CONNECT", role, DatabasePrivilege::kConnect);
    if (role == owner) expect("CREATE", role, DatabasePrivilege::kCreate);
    if (role == owner) expect("TEMPORARY", role, DatabasePrivilege::kTemporary);
    if (role != reader || database.reader_sees_tables) continue;
    missing.push_back(absl::StrCat("USAGE on a schema to ", role));
    missing.push_back(absl::StrCat("default privileges to ", role));
  }
  std::sort(missing.begin(), missing.end());
  return missing;
}

RoleState StateOf(const std::string& name, const ModelRole& role) {
  RoleState state{.name = name,
                  .can_login = role.spec.can_login,
                  .inherits = role.spec.inherits,
                  .connection_limit = role.spec.connection_limit,
                  .member_of = role.spec.member_of,
                  .settings = role.spec.settings,
                  .shows_password = true,
                  .verifier = role.spec.verifier};
  std::sort(state.member_of.begin(), state.member_of.end());
  return state;
}

}  // namespace

// ---- The agent's sessions.

class ModelClusterSession final : public ClusterSession {
 public:
  ModelClusterSession(ModelServer& server, ModelTraffic& traffic, std::string uid, int64_t id)
      : server_(server), traffic_(traffic), uid_(std::move(uid)), id_(id) {}

  ~ModelClusterSession() override { (void)End(); }

  absl::StatusOr<std::vector<RoleState>> ObserveRoles(const std::vector<std::string>& names,
                                                      absl::string_view family) override {
    std::vector<RoleState> found;
    CROFT_RETURN_IF_ERROR(Call("ObserveRoles", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) {
      for (const auto& [name, role] : server_.roles_.rows()) {
        const bool named = std::find(names.begin(), names.end(), name) != names.end();
        if (named || IsFamily(name, family)) found.push_back(StateOf(name, *role));
      }
      return absl::OkStatus();
    }));
    return found;
  }

  absl::StatusOr<std::optional<DatabaseState>> ObserveDatabase(absl::string_view name) override {
    std::optional<DatabaseState> state;
    CROFT_RETURN_IF_ERROR(Call("ObserveDatabase", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) {
      const ModelDatabase* database = server_.databases_.Find(std::string(name));
      if (database == nullptr) return absl::OkStatus();
      state = {.name = std::string(name),
               .owner = database->owner,
               .allows_connections = database->allows_connections,
               .invalid = database->invalid,
               .connection_limit = database->invalid ? -1 : database->connection_limit,
               .tag = database->tag,
               .settings = database->settings,
               .role_settings = database->role_settings,
               .grants = {database->grants.begin(), database->grants.end()}};
      return absl::OkStatus();
    }));
    return state;
  }

  bool MayLimitTemporaryFiles() const override { return true; }

  absl::Status Apply(const std::vector<Change>& changes, Durability durability) override {
    return Call("Apply", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) {
      for (const Change& change : changes) {
        const absl::Status status = server_.Do(change);
        if (status.ok()) continue;
        server_.roles_.RollBack();
        server_.databases_.RollBack();
        return status;
      }
      server_.Commit(durability);
      return absl::OkStatus();
    });
  }

  absl::Status CreateDatabase(absl::string_view name, absl::string_view locale) override {
    const std::string database(name);
    return Call(
        "CreateDatabase",
        [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) -> absl::Status {
          if (!locale.empty() && locale != "C" && locale != "C.UTF-8") {
            return MakeError(absl::StatusCode::kInvalidArgument, "unknown locale",
                             {.reason = "INVALID_LOCALE"});
          }
          if (IsThere(database)) {
            return SqlError(sqlstate::kDuplicateDatabase,
                            absl::StrCat("database \"", name, "\" already exists"));
          }
          server_.databases_.Put(database, {.grants = {{"", DatabasePrivilege::kConnect},
                                                       {"", DatabasePrivilege::kTemporary}}});
          server_.Commit(Durability::kNow);
          return absl::OkStatus();
        },
        database);
  }

  absl::Status DropDatabase(absl::string_view name) override {
    const std::string dropped(name);
    return Call("DropDatabase", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) -> absl::Status {
      const ModelDatabase* found = server_.databases_.Find(dropped);
      if (found == nullptr) return absl::OkStatus();
      for (auto session = server_.sessions_.begin(); session != server_.sessions_.end();) {
        session = session->second.database == dropped && EndsNow(session->second)
                      ? server_.sessions_.erase(session)
                      : std::next(session);
      }
      if (server_.InUse(dropped)) return InUseError(dropped);
      if (!found->invalid && traffic_.CutsDrop()) {
        ModelDatabase cut = *found;
        cut.invalid = true;
        server_.databases_.Put(dropped, std::move(cut));
        server_.Commit(Durability::kNow);
        server_.EndBackend(uid_, id_);
        return Lost();
      }
      server_.databases_.Erase(dropped);
      server_.Commit(Durability::kNow);
      return absl::OkStatus();
    });
  }

  absl::StatusOr<SchemaState> ObserveSchema(absl::string_view database, absl::string_view /*owner*/,
                                            absl::string_view /*reader*/) override {
    SchemaState state;
    CROFT_RETURN_IF_ERROR(
        Call("ObserveSchema", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) -> absl::Status {
          CROFT_ASSIGN_OR_RETURN(const ModelDatabase inside, Enter(std::string(database)));
          state = {.public_owner = inside.public_owner,
                   .reader_sees_tables = inside.reader_sees_tables,
                   .extensions = inside.extensions};
          return absl::OkStatus();
        }));
    return state;
  }

  absl::Status PrepareSchema(absl::string_view database, const SchemaSpec& spec) override {
    const std::string name(database);
    return Call("PrepareSchema", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) -> absl::Status {
      CROFT_ASSIGN_OR_RETURN(ModelDatabase inside, Enter(name));
      CROFT_RETURN_IF_ERROR(server_.CheckRole(spec.owner));
      CROFT_RETURN_IF_ERROR(server_.CheckRole(spec.reader));
      for (const std::string& extension : spec.extensions) {
        CROFT_RETURN_IF_ERROR(CheckExtension(extension));
        inside.extensions.push_back(extension);
      }
      std::sort(inside.extensions.begin(), inside.extensions.end());
      inside.extensions.erase(std::unique(inside.extensions.begin(), inside.extensions.end()),
                              inside.extensions.end());
      inside.public_owner = spec.owner;
      inside.reader_sees_tables = true;
      inside.traces.insert(spec.owner);
      inside.traces.insert(spec.reader);
      server_.databases_.Put(name, std::move(inside));
      server_.Commit(Durability::kWithNext);
      return absl::OkStatus();
    });
  }

  absl::StatusOr<int64_t> CountSessions(const SessionFilter& filter) override {
    int64_t count = 0;
    CROFT_RETURN_IF_ERROR(Call("CountSessions", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) {
      for (const auto& [id, session] : server_.sessions_) count += ModelServer::Matches(session, filter);
      return absl::OkStatus();
    }));
    return count;
  }

  absl::StatusOr<int64_t> TerminateSessions(const SessionFilter& filter) override {
    int64_t asked = 0;
    CROFT_RETURN_IF_ERROR(Call("TerminateSessions", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) {
      for (auto session = server_.sessions_.begin(); session != server_.sessions_.end();) {
        const bool matches = ModelServer::Matches(session->second, filter);
        asked += matches;
        session =
            matches && EndsNow(session->second) ? server_.sessions_.erase(session) : std::next(session);
      }
      ++server_.version_;
      return absl::OkStatus();
    }));
    return asked;
  }

  absl::StatusOr<int64_t> CountPreparedTransactions(absl::string_view database) override {
    int64_t count = 0;
    CROFT_RETURN_IF_ERROR(
        Call("CountPreparedTransactions", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) {
          for (const ModelPrepared& one : server_.prepared_) count += one.database == database;
          return absl::OkStatus();
        }));
    return count;
  }

  absl::Status RollBackPrepared(absl::string_view database) override {
    return Call("RollBackPrepared", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) -> absl::Status {
      CROFT_RETURN_IF_ERROR(Enter(std::string(database)).status());
      auto& all = server_.prepared_;
      all.erase(std::remove_if(all.begin(), all.end(),
                               [&](const ModelPrepared& one) { return one.database == database; }),
                all.end());
      ++server_.version_;
      return absl::OkStatus();
    });
  }

  absl::StatusOr<bool> ReaderHasRights(absl::string_view database, absl::string_view /*reader*/) override {
    bool has = false;
    CROFT_RETURN_IF_ERROR(Call("ReaderHasRights", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) {
      const ModelDatabase* found = server_.databases_.Find(std::string(database));
      has = found != nullptr && found->reader_sees_tables;
      return absl::OkStatus();
    }));
    return has;
  }

  absl::Status GrantReader(absl::string_view database, absl::string_view owner,
                           absl::string_view reader) override {
    const std::string name(database);
    return Call("GrantReader", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) -> absl::Status {
      CROFT_ASSIGN_OR_RETURN(ModelDatabase inside, Enter(name));
      CROFT_RETURN_IF_ERROR(server_.CheckRole(std::string(owner)));
      CROFT_RETURN_IF_ERROR(server_.CheckRole(std::string(reader)));
      inside.reader_sees_tables = true;
      inside.traces.insert(std::string(owner));
      inside.traces.insert(std::string(reader));
      server_.databases_.Put(name, std::move(inside));
      server_.Commit(Durability::kNow);
      return absl::OkStatus();
    });
  }

  absl::StatusOr<int64_t> CountGrowthChanges(absl::string_view database, absl::string_view /*owner*/,
                                             bool closed) override {
    int64_t count = 0;
    CROFT_RETURN_IF_ERROR(
        Call("CountGrowthChanges", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) -> absl::Status {
          CROFT_ASSIGN_OR_RETURN(const ModelDatabase inside, Enter(std::string(database)));
          count = inside.growth_limited != closed ? 1 : 0;
          return absl::OkStatus();
        }));
    return count;
  }

  absl::Status LimitGrowth(absl::string_view database, absl::string_view owner, bool closed) override {
    const std::string name(database);
    return Call("LimitGrowth", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) -> absl::Status {
      CROFT_ASSIGN_OR_RETURN(ModelDatabase inside, Enter(name));
      CROFT_RETURN_IF_ERROR(server_.CheckRole(std::string(owner)));
      inside.growth_limited = closed;
      server_.databases_.Put(name, std::move(inside));
      server_.Commit(Durability::kNow);
      return absl::OkStatus();
    });
  }

  absl::StatusOr<std::vector<std::string>> HoldersOf(absl::string_view role) override {
    std::vector<std::string> holders;
    CROFT_RETURN_IF_ERROR(Call("HoldersOf", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) {
      for (const auto& [name, database] : server_.databases_.rows()) {
        const bool granted = std::any_of(database->grants.begin(), database->grants.end(),
                                         [&](const DatabaseGrant& grant) { return grant.role == role; });
        if (granted || database->traces.count(std::string(role)) > 0) holders.push_back(name);
      }
      return absl::OkStatus();
    }));
    return holders;
  }

  absl::StatusOr<bool> LeavesTraces(absl::string_view database, absl::string_view role) override {
    bool traces = false;
    CROFT_RETURN_IF_ERROR(Call("LeavesTraces", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) {
      const ModelDatabase* found = server_.databases_.Find(std::string(database));
      traces = found != nullptr && found->traces.count(std::string(role)) > 0;
      return absl::OkStatus();
    }));
    return traces;
  }

  absl::Status HandOver(absl::string_view database, absl::string_view from, absl::string_view to) override {
    const std::string name(database);
    return Call("HandOver", [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) -> absl::Status {
      CROFT_ASSIGN_OR_RETURN(ModelDatabase inside, Enter(name));
      CROFT_RETURN_IF_ERROR(server_.CheckRole(std::string(from)));
      CROFT_RETURN_IF_ERROR(server_.CheckRole(std::string(to)));
      inside.traces.erase(std::string(from));
      inside.traces.insert(std::string(to));
      if (absl::EndsWith(from, "_r")) inside.reader_sees_tables = false;
      // DROP OWNED leaves alone what the agent granted it on the database.
      server_.databases_.Put(name, std::move(inside));
      server_.Commit(Durability::kNow);
      return absl::OkStatus();
    });
  }

 private:
  // `made` is the database that a CREATE DATABASE makes.
  template <typename Work>
  absl::Status Call(absl::string_view name, const Work& work, const std::string& made = "") {
    if (absl::Status lost = Send(name, made); !lost.ok()) return End(std::move(lost));
    {
      const MutexLock lock(server_.mutex_);
      if (!IsOpen()) return Lost();
      CROFT_RETURN_IF_ERROR(traffic_.Refusal(name));
      CROFT_RETURN_IF_ERROR(work());
    }
    if (absl::Status lost = traffic_.OnAnswer(name); !lost.ok()) return End(std::move(lost));
    return absl::OkStatus();
  }

  absl::Status Send(absl::string_view name, const std::string& made) {
    // Cut off by an error, or by the death of its caller that unwinds through here.
    absl::Cleanup cut = [&] { LeaveBehind(made); };
    absl::Status sent = traffic_.OnCall(name);
    if (sent.ok()) std::move(cut).Cancel();
    return sent;
  }

  bool IsOpen() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) {
    return server_.backends_.count(id_) > 0;
  }

  // Returns `why`.
  absl::Status End(absl::Status why = absl::OkStatus()) {
    const MutexLock lock(server_.mutex_);
    if (IsOpen()) server_.EndBackend(uid_, id_);
    return why;
  }

  bool IsThere(const std::string& database) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) {
    return server_.databases_.Find(database) != nullptr || server_.being_made_.count(database) > 0;
  }

  void LeaveBehind(const std::string& made) {
    if (made.empty() || !traffic_.GoesOn(made)) return;
    const MutexLock lock(server_.mutex_);
    if (IsOpen() && !IsThere(made)) server_.being_made_[made] = {uid_, id_};
  }

  bool EndsNow(ModelSessionRow& session) {
    if (session.lingers < 0) session.lingers = traffic_.Lingers();
    return session.lingers-- <= 0;
  }

  // The agent's own way in: no CONNECT is asked of it, but the database's leave is.
  absl::StatusOr<ModelDatabase> Enter(const std::string& name) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(server_.mutex_) {
    const ModelDatabase* found = server_.databases_.Find(name);
    if (found == nullptr) return NoSuchDatabase(name);
    if (found->invalid || !found->allows_connections)
      return SqlError("55000",
                      absl::StrCat("database \"", name, "\" is not currently accepting connections"));
    return *found;
  }

  static absl::Status CheckExtension(absl::string_view extension) {
    const bool untrusted = extension == "postgres_fdw" || extension == "pg_stat_statements" ||
                           extension == "dblink" || extension == "file_fdw";
    const bool known = untrusted || extension == "pgcrypto" || extension == "citext" ||
                       extension == "hstore" || extension == "pg_trgm" || extension == "uuid-ossp";
    if (known && !untrusted) return absl::OkStatus();
    return MakeError(absl::StatusCode::kFailedPrecondition, "the extension cannot be had",
                     {.reason = known ? "EXTENSION_NOT_TRUSTED" : "EXTENSION_NOT_AVAILABLE",
                      .metadata = {{"extension", std::string(extension)}}});
  }

  ModelServer& server_;
  ModelTraffic& traffic_;
  const std::string uid_;
  const int64_t id_;
};

// ---- The cluster.

absl::StatusOr<std::unique_ptr<ClusterSession>> ModelCluster::Begin(absl::string_view uid, LockMode mode,
                                                                    Timeout timeout) {
  CROFT_RETURN_IF_ERROR(traffic_.OnCall("Begin"));
  for (absl::Duration poll = kFirstPoll;; poll = std::min(poll * 2, kLongestPoll)) {
    {
      const MutexLock lock(server_.mutex_);
      if (!server_.up_) return PostgresUnavailable("the database system is starting up");
      ModelServer::Lock& held = server_.locks_[std::string(uid)];
      const bool free = held.exclusive == 0 && (mode == LockMode::kShared || held.shared.empty());
      if (free) {
        const int64_t id = ++server_.last_id_;
        if (mode == LockMode::kExclusive) {
          held.exclusive = id;
        } else {
          held.shared.insert(id);
        }
        server_.backends_[id] = std::string(uid);
        return std::make_unique<ModelClusterSession>(server_, traffic_, std::string(uid), id);
      }
    }
    if (timeout.keep_going) CROFT_RETURN_IF_ERROR(timeout.keep_going());
    if (absl::Now() >= timeout.deadline) {
      return MakeError(absl::StatusCode::kDeadlineExceeded, "another task holds the tenant",
                       {.reason = "POSTGRES_TIMEOUT"});
    }
    absl::SleepFor(poll);
  }
}

absl::Status ModelCluster::ProveLogin(absl::string_view database, absl::string_view user,
                                      absl::string_view password, bool write, const Timeout& /*timeout*/) {
  CROFT_RETURN_IF_ERROR(traffic_.OnCall("ProveLogin"));
  CROFT_ASSIGN_OR_RETURN(const int64_t session, server_.Connect(database, user, password));
  absl::Status proven;
  if (write) {
    const MutexLock lock(server_.mutex_);
    const ModelSessionRow& row = server_.sessions_.at(session);
    const ModelRole* role = server_.roles_.Find(row.user);
    const auto acts_as = role->spec.settings.find("role");
    const std::string owner = acts_as == role->spec.settings.end() ? row.user : acts_as->second;
    const bool creates =
        server_.databases_.Find(row.database)->grants.count({owner, DatabasePrivilege::kCreate}) > 0;
    if (row.read_only)
      proven = SqlError("25006", "cannot execute CREATE SCHEMA in a read-only transaction");
    if (!row.read_only && !creates) proven = SqlError("42501", "permission denied for database");
  }
  server_.Disconnect(session);
  CROFT_RETURN_IF_ERROR(proven);
  return traffic_.OnAnswer("ProveLogin");
}

absl::StatusOr<ServerFacts> ModelCluster::Identify(const Timeout& /*timeout*/) {
  CROFT_RETURN_IF_ERROR(traffic_.OnCall("Identify"));
  if (!server_.up()) return PostgresUnavailable("the database system is starting up");
  return ServerFacts{.version = kVersion,
                     .version_text = "15.20",
                     .system_identifier = server_.system_identifier_,
                     .timeline = 1,
                     .tls = true};
}

absl::StatusOr<ClusterListing> ModelCluster::List(const Timeout& /*timeout*/) {
  CROFT_RETURN_IF_ERROR(traffic_.OnCall("List"));
  if (!server_.up()) return PostgresUnavailable("the database system is starting up");
  ClusterListing listing;
  const auto roles = server_.Roles();
  for (const auto& [name, database] : server_.Databases()) {
    if (!database->tag && !LooksLikeOurs(name)) continue;
    listing.databases.push_back({.name = name,
                                 .tag = database->tag,
                                 .allows_connections = database->allows_connections,
                                 .invalid = database->invalid,
                                 .size_bytes = 7 << 20,
                                 .missing_grants = MissingGrants(name, *database, roles)});
  }
  for (const auto& [name, role] : roles) {
    if (LooksLikeOurs(name)) listing.roles.push_back({.name = name, .can_login = role->spec.can_login});
  }
  return listing;
}

}  // namespace croft::agent
