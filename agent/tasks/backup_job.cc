// Makes short-lived logins and scratch databases for a backup task, and removes them.

#include "agent/tasks/backup_job.h"

#include <algorithm>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "agent/backup/dump.h"
#include "agent/tasks/task_step.h"
#include "common/crypto/scram.h"
#include "common/errors.h"
#include "common/ids.h"
#include "common/log.h"

namespace croft::agent {
namespace {

constexpr size_t kLetters = 8;
constexpr size_t kSaltBytes = 16;
constexpr size_t kUidEntropyBytes = 16;
constexpr int32_t kShortLivedConnections = 6;
// 150020 is 15.20.
constexpr int kVersionsOfAMajor = 10000;
constexpr absl::Duration kLongestLife = absl::Hours(24);
constexpr absl::Duration kCleanupTime = absl::Seconds(30);
constexpr absl::Duration kCleanupTimeOfASuccess = absl::Minutes(10);
constexpr absl::Duration kSessionPoll = absl::Milliseconds(10);

// Reads whatever its owner has taken a right to from itself.
constexpr char kReadsAllData[] = "pg_read_all_data";

// What Croft's own sessions must have alike, whatever the database and the tenant are set to.
std::map<std::string, std::string> SettingsFor(LoginPurpose purpose, const ClusterSession& session,
                                               int server_version) {
  std::map<std::string, std::string> settings = PinnedSettings(server_version);
  if (purpose == LoginPurpose::kRestore) {
    // These are the tenant's to decide where its own code runs.
    for (const char* tenants : {"search_path", "TimeZone", "DateStyle"}) settings.erase(tenants);
  }
  if (session.MayLimitTemporaryFiles()) settings["temp_file_limit"] = "-1";
  return settings;
}

bool IsShortLived(const RoleState& role, const std::string& owner_role) {
  const std::string prefix = absl::StrCat(owner_role, kShortLivedMark);
  return absl::StartsWith(role.name, prefix) && role.name.size() == prefix.size() + kLetters;
}

absl::StatusOr<std::vector<std::string>> DatabasesOpenTo(Connection& maintenance, const std::string& role) {
  const auto rows = maintenance.Rows<std::string>(
      Bind("SELECT DISTINCT d.datname::text FROM pg_database d, aclexplode(d.datacl) a "
           "JOIN pg_roles r ON r.oid = a.grantee WHERE r.rolname = $1",
           {role}));
  CROFT_RETURN_IF_ERROR(rows.status());
  std::vector<std::string> databases;
  for (const auto& [database] : *rows) databases.push_back(database);
  return databases;
}

// The way of the agent, which is the shortest, as another role.
Conninfo As(const ServerAccess& access, const std::string& database, const std::string& user,
            const std::string& password) {
  Conninfo conninfo = access.agent;
  for (const char* own : {"passfile", "options", "service", "sslcert", "sslkey", "sslpassword"})
    conninfo.erase(own);
  conninfo["dbname"] = database;
  conninfo["user"] = user;
  conninfo["password"] = password;
  return conninfo;
}

}  // namespace

BackupJob::BackupJob(const BackupTools& tools, const Task& task, TaskContext& context)
    : tools_(tools),
      task_(task),
      context_(context),
      timeout_(TimeoutOf(task, context)),
      access_(tools.access()),
      place_{.uid = access_.program_uid,
             .gid = access_.program_gid,
             .scratch_directory = tools.scratch_directory,
             .scratch_prefix = task.tenant.uid} {}

absl::StatusOr<Store*> FindStore(const BackupTools& tools, absl::string_view id) {
  for (const std::unique_ptr<Store>& store : tools.stores) {
    if (store->id() == id) return store.get();
  }
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("this agent does not reach the backup store ", id, "; name it with --store"),
      {.reason = "STORE_NOT_REACHED", .metadata = {{"store", std::string(id)}}});
}

absl::StatusOr<Store*> BackupJob::FindStore(absl::string_view id) const {
  return croft::agent::FindStore(tools_, id);
}

absl::StatusOr<std::unique_ptr<ClusterSession>> BackupJob::Begin(const Timeout& timeout) const {
  return tools_.cluster.Begin(tenant().uid, LockMode::kExclusive, timeout);
}

Timeout BackupJob::CleanupTimeout(const absl::Status& outcome) {
  return {.deadline = absl::Now() + (outcome.ok() ? kCleanupTimeOfASuccess : kCleanupTime)};
}

absl::StatusOr<Connection> BackupJob::OpenMaintenance(const Timeout& timeout) const {
  Conninfo conninfo = access_.agent;
  conninfo["dbname"] = access_.maintenance_database;
  CROFT_ASSIGN_OR_RETURN(Connection connection, Connection::Open(conninfo, Trust::kPrivileged, timeout));
  connection.SetTimeout(timeout);
  return connection;
}

absl::StatusOr<Conninfo> MakeShortLivedLogin(const BackupJob& job, ClusterSession& session,
                                             const std::string& owner_role, const std::string& database,
                                             LoginPurpose purpose,
                                             const std::vector<std::string>& also_in) {
  Random& random = job.tools().random;
  const std::string password = crypto::NewPassword(random);
  CROFT_ASSIGN_OR_RETURN(const ServerFacts server, job.tools().cluster.Identify(job.timeout()));
  RoleSpec role{.name = absl::StrCat(owner_role, kShortLivedMark,
                                     UidFrom(random.Bytes(kUidEntropyBytes)).substr(0, kLetters)),
                .can_login = true,
                .connection_limit = kShortLivedConnections,
                .verifier = crypto::ScramVerifier(password, random.Bytes(kSaltBytes)),
                .valid_until = std::min(job.timeout().deadline, job.tools().clock.Now() + kLongestLife),
                .member_of = {owner_role},
                .settings = SettingsFor(purpose, session, server.version)};
  role.member_of.insert(role.member_of.end(), also_in.begin(), also_in.end());
  if (purpose == LoginPurpose::kRestore) {
    role.settings["role"] = owner_role;
  } else {
    role.inherits = true;
    role.bypass_rls = true;
    role.member_of.emplace_back(kReadsAllData);
  }
  Conninfo conninfo = As(job.access(), database, role.name, password);
  const GrantOnDatabase let_in{database, role.name, {DatabasePrivilege::kConnect}};
  absl::Status made = session.Apply({CreateRole{role}, let_in});
  if (absl::IsPermissionDenied(made) && purpose == LoginPurpose::kReadEverything) {
    // From 16 on an agent that is no superuser may hand on only what it has.
    role.member_of.pop_back();
    made = session.Apply({CreateRole{role}, let_in});
  }
  CROFT_RETURN_IF_ERROR(made);
  return conninfo;
}

absl::StatusOr<ClientPrograms> ProgramsFor(const BackupJob& job, const Manifest& manifest) {
  CROFT_ASSIGN_OR_RETURN(const ServerFacts server, job.tools().cluster.Identify(job.timeout()));
  const int major = server.version / kVersionsOfAMajor;
  if (manifest.facts.server_major > major) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat("the backup was taken from PostgreSQL ", manifest.facts.server_major,
                                  " and this server is ", server.version_text,
                                  "; restore it on a host of that version or a newer one"),
                     {.reason = "SERVER_TOO_OLD",
                      .metadata = {{"backup_version", manifest.facts.server_version},
                                   {"server_version", server.version_text}}});
  }
  return job.tools().programs.For(major);
}

absl::Status EndAllSessions(ClusterSession& session, const SessionFilter& filter, const Timeout& timeout) {
  for (;;) {
    CROFT_ASSIGN_OR_RETURN(const int64_t left, session.CountSessions(filter));
    if (left == 0) return absl::OkStatus();
    CROFT_RETURN_IF_ERROR(session.TerminateSessions(filter).status());
    CROFT_RETURN_IF_ERROR(CheckTimeout(timeout));
    absl::SleepFor(kSessionPoll);
  }
}

absl::Status RemoveShortLivedLogins(const BackupJob& job, ClusterSession& session,
                                    const std::string& owner_role, const Timeout& timeout) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, session.ObserveRoles({}, owner_role));
  std::vector<std::string> names;
  for (const RoleState& role : roles) {
    if (IsShortLived(role, owner_role)) names.push_back(role.name);
  }
  if (names.empty()) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(Connection maintenance, job.OpenMaintenance(timeout));
  for (const std::string& name : names) {
    std::vector<Change> changes = {AlterRole{.name = name, .can_login = false}};
    CROFT_RETURN_IF_ERROR(session.Apply(changes));
    CROFT_RETURN_IF_ERROR(EndAllSessions(session, {.user = name}, timeout));
    CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> databases, DatabasesOpenTo(maintenance, name));
    changes.clear();
    for (const std::string& database : databases) {
      changes.push_back(RevokeOnDatabase{database, name, {DatabasePrivilege::kConnect}});
    }
    changes.push_back(DropRole{name});
    const absl::Status removed = session.Apply(changes);
    // It can log in no more; a later task, or the drop of the tenant, removes it.
    if (!removed.ok()) {
      log::Warning("a short-lived login stays for now",
                   {{"role", name}, {"error", std::string(removed.message())}});
    }
  }
  return absl::OkStatus();
}

}  // namespace croft::agent
