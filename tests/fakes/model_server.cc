#include <algorithm>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>

#include "agent/postgres/sql_error.h"
#include "common/crypto/scram.h"
#include "common/errors.h"
#include "tests/fakes/model_cluster.h"
#include "tests/fakes/model_errors.h"

namespace croft::agent {
namespace {

// Whether `verifier` was made from `password`.
bool Fits(absl::string_view verifier, absl::string_view password) {
  const std::vector<std::string> parts = absl::StrSplit(verifier, '$');
  if (parts.size() != 3) return false;
  const std::vector<std::string> head = absl::StrSplit(parts[1], ':');
  std::string salt;
  if (head.size() != 2 || !absl::Base64Unescape(head[1], &salt)) return false;
  return crypto::ScramVerifier(password, salt) == verifier;
}

}  // namespace

// ---- Applications.

absl::StatusOr<int64_t> ModelServer::Connect(absl::string_view database, absl::string_view user,
                                             absl::string_view password) {
  const MutexLock lock(mutex_);
  if (!up_) return PostgresUnavailable("the database system is starting up");
  const std::string role_name(user);
  const std::string name(database);
  const ModelRole* role = roles_.Find(role_name);
  const bool expired = role != nullptr && role->spec.valid_until && *role->spec.valid_until <= absl::Now();
  if (role == nullptr || expired || !role->spec.verifier || !Fits(*role->spec.verifier, password)) {
    return SqlError("28P01", absl::StrCat("password authentication failed for user \"", user, "\""));
  }
  CROFT_RETURN_IF_ERROR(CheckEntry(name, role_name));
  const auto of_role = std::count_if(sessions_.begin(), sessions_.end(),
                                     [&](const auto& one) { return one.second.user == role_name; });
  const auto of_database = std::count_if(sessions_.begin(), sessions_.end(),
                                         [&](const auto& one) { return one.second.database == name; });
  const int32_t limit = databases_.Find(name)->connection_limit;
  const bool full = (role->spec.connection_limit >= 0 && of_role >= role->spec.connection_limit) ||
                    (limit >= 0 && of_database >= limit);
  if (full) return SqlError("53300", "too many connections");
  const auto setting = role->spec.settings.find("default_transaction_read_only");
  const bool read_only = setting != role->spec.settings.end() && setting->second == "on";
  sessions_[++last_id_] = {.database = name, .user = role_name, .read_only = read_only};
  ++version_;
  return last_id_;
}

absl::Status ModelServer::Insert(int64_t session, int64_t row) {
  const MutexLock lock(mutex_);
  const auto found = sessions_.find(session);
  if (!up_ || found == sessions_.end()) return Lost();
  if (found->second.read_only) return SqlError("25006", "cannot execute INSERT in a read-only transaction");
  ModelDatabase database = *databases_.Find(found->second.database);
  if (database.growth_limited) return SqlError("42501", "permission denied for table rows");
  database.rows.push_back(row);
  databases_.Put(found->second.database, std::move(database));
  Commit(Durability::kNow);
  --version_;  // rows do not count
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> ModelServer::Select(int64_t session) {
  const MutexLock lock(mutex_);
  const auto found = sessions_.find(session);
  if (!up_ || found == sessions_.end()) return Lost();
  return databases_.Find(found->second.database)->rows;
}

absl::Status ModelServer::Prepare(int64_t session) {
  const MutexLock lock(mutex_);
  const auto found = sessions_.find(session);
  if (!up_ || found == sessions_.end()) return Lost();
  prepared_.push_back({found->second.database, found->second.user});
  ++version_;
  return absl::OkStatus();
}

void ModelServer::Disconnect(int64_t session) {
  const MutexLock lock(mutex_);
  sessions_.erase(session);
  ++version_;
}

bool ModelServer::IsOpen(int64_t session) const {
  const MutexLock lock(mutex_);
  return sessions_.count(session) > 0;
}

// ---- Misfortune.

void ModelServer::Crash() {
  const MutexLock lock(mutex_);
  up_ = false;
  ++version_;
  sessions_.clear();
  backends_.clear();
  locks_.clear();
  being_made_.clear();
  roles_.LoseUnsynced();
  databases_.LoseUnsynced();
}

void ModelServer::Start() {
  const MutexLock lock(mutex_);
  up_ = true;
}

bool ModelServer::up() const {
  const MutexLock lock(mutex_);
  return up_;
}

void ModelServer::EndAgentSessions() {
  const MutexLock lock(mutex_);
  const auto ended = backends_;
  for (const auto& [backend, uid] : ended) EndBackend(uid, backend);
}

void ModelServer::FinishCreate(const std::string& database) {
  const MutexLock lock(mutex_);
  const auto found = being_made_.find(database);
  if (found == being_made_.end()) return;
  const Making made = found->second;
  being_made_.erase(found);
  GiveBackLock(made.uid, made.backend);
  databases_.Put(database,
                 {.grants = {{"", DatabasePrivilege::kConnect}, {"", DatabasePrivilege::kTemporary}}});
  Commit(Durability::kNow);
}

void ModelServer::EndBackend(const std::string& uid, int64_t backend) {
  backends_.erase(backend);
  // One that makes a database sees only afterwards that nobody waits for it.
  const bool busy = std::any_of(being_made_.begin(), being_made_.end(),
                                [&](const auto& one) { return one.second.backend == backend; });
  if (!busy) GiveBackLock(uid, backend);
}

void ModelServer::GiveBackLock(const std::string& uid, int64_t backend) {
  const auto found = locks_.find(uid);
  if (found == locks_.end()) return;
  if (found->second.exclusive == backend) found->second.exclusive = 0;
  found->second.shared.erase(backend);
  if (found->second.exclusive == 0 && found->second.shared.empty()) locks_.erase(found);
}

// ---- Views.

int64_t ModelServer::version() const {
  const MutexLock lock(mutex_);
  return version_;
}

ModelTable<ModelDatabase>::Rows ModelServer::Databases() const {
  const MutexLock lock(mutex_);
  return databases_.rows();
}

ModelTable<ModelRole>::Rows ModelServer::Roles() const {
  const MutexLock lock(mutex_);
  return roles_.rows();
}

std::map<int64_t, ModelSessionRow> ModelServer::Sessions() const {
  const MutexLock lock(mutex_);
  return sessions_;
}

std::optional<ModelDatabase> ModelServer::Database(absl::string_view name) const {
  const MutexLock lock(mutex_);
  const ModelDatabase* found = databases_.Find(std::string(name));
  return found == nullptr ? std::nullopt : std::optional<ModelDatabase>(*found);
}

bool ModelServer::LetsIn(const std::string& database, const std::string& role) const {
  const MutexLock lock(mutex_);
  return CheckEntry(database, role).ok();
}

absl::Status ModelServer::SetRows(absl::string_view database, std::vector<int64_t> rows) {
  const MutexLock lock(mutex_);
  const ModelDatabase* found = databases_.Find(std::string(database));
  if (found == nullptr) return NoSuchDatabase(database);
  ModelDatabase changed = *found;
  changed.rows = std::move(rows);
  databases_.Put(std::string(database), std::move(changed));
  Commit(Durability::kNow);
  return absl::OkStatus();
}

// ---- Rules.

void ModelServer::Commit(Durability durability) {
  roles_.Commit();
  databases_.Commit();
  ++version_;
  if (durability == Durability::kWithNext) return;
  roles_.Sync();
  databases_.Sync();
}

absl::StatusOr<ModelDatabase> ModelServer::Editable(const std::string& name) const {
  const ModelDatabase* found = databases_.Find(name);
  if (found == nullptr) return NoSuchDatabase(name);
  if (found->invalid) return SqlError(sqlstate::kNotInPrerequisiteState, "cannot alter invalid database");
  return *found;
}

absl::Status ModelServer::CheckRole(const std::string& name) const {
  return roles_.Find(name) == nullptr ? NoSuchRole(name) : absl::OkStatus();
}

bool ModelServer::IsMember(const std::string& member, const std::string& group) const {
  const ModelRole* role = roles_.Find(member);
  return role != nullptr && std::find(role->spec.member_of.begin(), role->spec.member_of.end(), group) !=
                                role->spec.member_of.end();
}

absl::Status ModelServer::CheckEntry(const std::string& database, const std::string& role_name) const {
  const ModelRole* role = roles_.Find(role_name);
  if (role == nullptr || !role->spec.can_login)
    return SqlError("28000", absl::StrCat("role \"", role_name, "\" is not permitted to log in"));
  const ModelDatabase* found = databases_.Find(database);
  if (found == nullptr) return NoSuchDatabase(database);
  if (found->invalid) return SqlError("55000", "cannot connect to invalid database");
  if (!found->allows_connections)
    return SqlError("55000",
                    absl::StrCat("database \"", database, "\" is not currently accepting connections"));
  const auto holds = [&](const std::string& name) {
    return found->grants.count({name, DatabasePrivilege::kConnect}) > 0;
  };
  bool connects = holds("") || holds(role_name);
  if (role->spec.inherits) {
    for (const std::string& group : role->spec.member_of) connects = connects || holds(group);
  }
  if (connects) return absl::OkStatus();
  return SqlError(sqlstate::kInsufficientPrivilege,
                  absl::StrCat("permission denied for database \"", database, "\""));
}

bool ModelServer::Referenced(const std::string& role) const {
  for (const auto& [name, database] : databases_.rows()) {
    if (database->owner == role || database->public_owner == role || database->traces.count(role) > 0)
      return true;
    for (const DatabaseGrant& grant : database->grants) {
      if (grant.role == role) return true;
    }
  }
  return std::any_of(prepared_.begin(), prepared_.end(),
                     [&](const ModelPrepared& one) { return one.owner == role; });
}

bool ModelServer::InUse(const std::string& database) const {
  return std::any_of(sessions_.begin(), sessions_.end(),
                     [&](const auto& one) { return one.second.database == database; }) ||
         std::any_of(prepared_.begin(), prepared_.end(),
                     [&](const ModelPrepared& one) { return one.database == database; });
}

bool ModelServer::Matches(const ModelSessionRow& session, const SessionFilter& filter) {
  if (filter.database.empty() && filter.user.empty()) return false;
  if (!filter.database.empty() && session.database != filter.database) return false;
  if (!filter.user.empty() && session.user != filter.user) return false;
  return std::find(filter.except_users.begin(), filter.except_users.end(), session.user) ==
         filter.except_users.end();
}

// ---- Changes.

absl::Status ModelServer::Do(const Change& change) {
  return std::visit([this](const auto& one) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return One(one); },
                    change);
}

absl::Status ModelServer::One(const CreateRole& change) {
  const RoleSpec& spec = change.role;
  if (roles_.Find(spec.name) != nullptr)
    return SqlError(sqlstate::kDuplicateObject, absl::StrCat("role \"", spec.name, "\" already exists"));
  for (const std::string& group : spec.member_of) CROFT_RETURN_IF_ERROR(CheckRole(group));
  roles_.Put(spec.name, {spec});
  return absl::OkStatus();
}

absl::Status ModelServer::One(const AlterRole& change) {
  CROFT_RETURN_IF_ERROR(CheckRole(change.name));
  ModelRole role = *roles_.Find(change.name);
  if (change.can_login) role.spec.can_login = *change.can_login;
  if (change.inherits) role.spec.inherits = *change.inherits;
  if (change.connection_limit) role.spec.connection_limit = *change.connection_limit;
  if (change.clear_password) role.spec.verifier.reset();
  if (change.verifier) role.spec.verifier = *change.verifier;
  for (const std::string& name : change.reset_settings) role.spec.settings.erase(name);
  for (const auto& [name, value] : change.settings) role.spec.settings[name] = value;
  roles_.Put(change.name, std::move(role));
  return absl::OkStatus();
}

absl::Status ModelServer::One(const GrantMembership& change) {
  CROFT_RETURN_IF_ERROR(CheckRole(change.role));
  CROFT_RETURN_IF_ERROR(CheckRole(change.member));
  if (IsMember(change.member, change.role)) return absl::OkStatus();
  ModelRole role = *roles_.Find(change.member);
  role.spec.member_of.push_back(change.role);
  roles_.Put(change.member, std::move(role));
  return absl::OkStatus();
}

absl::Status ModelServer::One(const DropRole& change) {
  CROFT_RETURN_IF_ERROR(CheckRole(change.name));
  if (Referenced(change.name))
    return SqlError(
        sqlstate::kDependentObjects,
        absl::StrCat("role \"", change.name, "\" cannot be dropped because some objects depend on it"));
  roles_.Erase(change.name);
  const auto rows = roles_.rows();
  for (const auto& [name, row] : rows) {
    if (!IsMember(name, change.name)) continue;
    ModelRole member = *row;
    auto& groups = member.spec.member_of;
    groups.erase(std::remove(groups.begin(), groups.end(), change.name), groups.end());
    roles_.Put(name, std::move(member));
  }
  return absl::OkStatus();
}

absl::Status ModelServer::One(const RevokePublic& change) {
  const ModelDatabase* found = databases_.Find(change.database);
  if (found == nullptr) return NoSuchDatabase(change.database);
  ModelDatabase database = *found;
  for (const auto privilege :
       {DatabasePrivilege::kConnect, DatabasePrivilege::kCreate, DatabasePrivilege::kTemporary}) {
    database.grants.erase({"", privilege});
  }
  databases_.Put(change.database, std::move(database));
  return absl::OkStatus();
}

absl::Status ModelServer::One(const GrantOnDatabase& change) {
  const ModelDatabase* found = databases_.Find(change.database);
  if (found == nullptr) return NoSuchDatabase(change.database);
  CROFT_RETURN_IF_ERROR(CheckRole(change.role));
  ModelDatabase database = *found;
  for (const DatabasePrivilege privilege : change.privileges)
    database.grants.insert({change.role, privilege});
  databases_.Put(change.database, std::move(database));
  return absl::OkStatus();
}

absl::Status ModelServer::One(const RevokeOnDatabase& change) {
  const ModelDatabase* found = databases_.Find(change.database);
  if (found == nullptr) return NoSuchDatabase(change.database);
  if (!change.role.empty()) CROFT_RETURN_IF_ERROR(CheckRole(change.role));
  ModelDatabase database = *found;
  for (const DatabasePrivilege privilege : change.privileges)
    database.grants.erase({change.role, privilege});
  databases_.Put(change.database, std::move(database));
  return absl::OkStatus();
}

absl::Status ModelServer::One(const AllowConnections& change) {
  CROFT_ASSIGN_OR_RETURN(ModelDatabase database, Editable(change.database));
  database.allows_connections = change.allow;
  databases_.Put(change.database, std::move(database));
  return absl::OkStatus();
}

absl::Status ModelServer::One(const SetConnectionLimit& change) {
  CROFT_ASSIGN_OR_RETURN(ModelDatabase database, Editable(change.database));
  database.connection_limit = change.limit;
  databases_.Put(change.database, std::move(database));
  return absl::OkStatus();
}

absl::Status ModelServer::One(const SetDatabaseSetting& change) {
  CROFT_ASSIGN_OR_RETURN(ModelDatabase database, Editable(change.database));
  database.settings[change.name] = change.value;
  databases_.Put(change.database, std::move(database));
  return absl::OkStatus();
}

absl::Status ModelServer::One(const SetRoleSetting& change) {
  CROFT_ASSIGN_OR_RETURN(ModelDatabase database, Editable(change.database));
  database.role_settings[change.role][change.name] = change.value;
  databases_.Put(change.database, std::move(database));
  return absl::OkStatus();
}

absl::Status ModelServer::One(const TagDatabase& change) {
  CROFT_ASSIGN_OR_RETURN(ModelDatabase database, Editable(change.database));
  database.tag = change.tag;
  databases_.Put(change.database, std::move(database));
  return absl::OkStatus();
}

absl::Status ModelServer::One(const RenameDatabase& change) {
  CROFT_ASSIGN_OR_RETURN(ModelDatabase database, Editable(change.from));
  if (databases_.Find(change.to) != nullptr)
    return SqlError(sqlstate::kDuplicateDatabase,
                    absl::StrCat("database \"", change.to, "\" already exists"));
  if (InUse(change.from)) return InUseError(change.from);
  databases_.Erase(change.from);
  databases_.Put(change.to, std::move(database));
  return absl::OkStatus();
}

}  // namespace croft::agent
