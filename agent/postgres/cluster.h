#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "agent/postgres/database_tag.h"
#include "agent/postgres/timeout.h"

// One PostgreSQL server as tasks see it: what it shows (Observe…, List…, Count…) and what can be done to
// it, in plain values. Behind it is a real server, or a model that passes the same contract suite
// (tests/contract/cluster_contract.h).
namespace croft::agent {

struct RoleState {
  std::string name;
  bool can_login = false;
  bool inherits = true;
  bool superuser = false;
  int32_t connection_limit = -1;                // -1 is none
  std::vector<std::string> member_of;           // direct, sorted
  std::map<std::string, std::string> settings;  // those that hold in every database
  bool shows_password = false;                  // whether `verifier` is what the server holds
  std::optional<std::string> verifier;          // nothing: no password is set

  friend bool operator==(const RoleState&, const RoleState&) = default;
};

enum class DatabasePrivilege { kConnect, kCreate, kTemporary };

struct DatabaseGrant {
  std::string role;  // empty is PUBLIC
  DatabasePrivilege privilege = DatabasePrivilege::kConnect;

  friend auto operator<=>(const DatabaseGrant&, const DatabaseGrant&) = default;
};

struct DatabaseState {
  std::string name;
  std::string owner;
  bool allows_connections = true;
  bool invalid = false;           // a DROP was cut: only another DROP works
  int32_t connection_limit = -1;  // -1 is none
  std::optional<DatabaseTag> tag;
  std::map<std::string, std::string> settings;  // those that hold for every role
  // By role: those that hold for it in this database.
  std::map<std::string, std::map<std::string, std::string>> role_settings;
  std::vector<DatabaseGrant> grants;  // sorted, the database owner's own left out

  friend bool operator==(const DatabaseState&, const DatabaseState&) = default;
};

// ---- Changes: values that ClusterSession::Apply carries out together.

struct RoleSpec {
  std::string name;
  bool can_login = false;
  bool inherits = false;
  bool bypass_rls = false;
  int32_t connection_limit = -1;
  std::optional<std::string> verifier;
  std::optional<absl::Time> valid_until;
  std::vector<std::string> member_of;
  std::map<std::string, std::string> settings;
};

struct CreateRole {
  RoleSpec role;
};
// Only what is given changes.
struct AlterRole {
  std::string name;
  std::optional<bool> can_login;
  std::optional<bool> inherits;
  std::optional<int32_t> connection_limit;
  std::optional<std::string> verifier;
  bool clear_password = false;
  std::map<std::string, std::string> settings;
  std::vector<std::string> reset_settings;
};
struct GrantMembership {
  std::string role;
  std::string member;
};
struct DropRole {
  std::string name;
};
// Everything PUBLIC may do in the database.
struct RevokePublic {
  std::string database;
};
struct GrantOnDatabase {
  std::string database;
  std::string role;
  std::vector<DatabasePrivilege> privileges;
};
struct RevokeOnDatabase {
  std::string database;
  std::string role;
  std::vector<DatabasePrivilege> privileges;
};
struct AllowConnections {
  std::string database;
  bool allow = false;
};
struct SetConnectionLimit {
  std::string database;
  int32_t limit = -1;
};
struct SetDatabaseSetting {
  std::string database;
  std::string name;
  std::string value;
};
// What holds for one role in one database.
struct SetRoleSetting {
  std::string database;
  std::string role;
  std::string name;
  std::string value;
};
struct TagDatabase {
  std::string database;
  DatabaseTag tag;
};
// Fails with UNAVAILABLE (DATABASE_IN_USE) while a session or a prepared transaction is in it.
struct RenameDatabase {
  std::string from;
  std::string to;
};

using Change = std::variant<CreateRole, AlterRole, GrantMembership, DropRole, RevokePublic, GrantOnDatabase,
                            RevokeOnDatabase, AllowConnections, SetConnectionLimit, SetDatabaseSetting,
                            SetRoleSetting, TagDatabase, RenameDatabase>;

// What of a tenant's schema Croft makes, inside the database.
struct SchemaSpec {
  std::string owner;   // of schema public
  std::string reader;  // reads what `owner` makes from now on
  std::vector<std::string> extensions;
};

struct SchemaState {
  std::string public_owner;             // empty: there is no schema public
  bool reader_sees_tables = false;      // default privileges of the owner for the reader are set
  std::vector<std::string> extensions;  // sorted
};

// Sessions of one database, or of one role, or both; one of the two is given.
struct SessionFilter {
  std::string database;
  std::string user;
  std::vector<std::string> except_users;
};

// When a change survives a crash of the server: before the call returns, or together with the next change of
// any session that is durable at once. A crash before that takes back the change whole.
enum class Durability { kNow, kWithNext };

// Work for one tenant under its advisory lock, which ends with the object, with the connection and with the
// server. One thread at a time. Every call may answer UNAVAILABLE (POSTGRES_UNAVAILABLE),
// DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED (DISK_FULL, TOO_MANY_CONNECTIONS) and PERMISSION_DENIED
// (NOT_PERMITTED); a call that fails may still have taken effect: look again.
class ClusterSession {
 public:
  virtual ~ClusterSession() = default;

  // Those of `names` that are there, and every role called `family`_<letters and digits>; by name. `family`
  // may be empty.
  virtual absl::StatusOr<std::vector<RoleState>> ObserveRoles(const std::vector<std::string>& names,
                                                              absl::string_view family) = 0;
  // Nothing when there is none of that name.
  virtual absl::StatusOr<std::optional<DatabaseState>> ObserveDatabase(absl::string_view name) = 0;

  // Whether the agent may set temp_file_limit, which binds tenants but takes a right of its own.
  virtual bool MayLimitTemporaryFiles() const = 0;

  // All changes in one transaction, in order: all of them take effect or none. ALREADY_EXISTS
  // (ALREADY_THERE), NOT_FOUND (NOT_THERE), FAILED_PRECONDITION (STILL_REFERENCED, for DropRole).
  virtual absl::Status Apply(const std::vector<Change>& changes, Durability durability) = 0;
  absl::Status Apply(const std::vector<Change>& changes) { return Apply(changes, Durability::kNow); }

  // From template0, with connections not allowed. `locale` is the server's default when empty.
  // ALREADY_EXISTS when it is there or being made; INVALID_ARGUMENT for an unknown locale.
  virtual absl::Status CreateDatabase(absl::string_view name, absl::string_view locale) = 0;
  // Ends its sessions. OK when it is not there. UNAVAILABLE (DATABASE_IN_USE) while something holds it.
  virtual absl::Status DropDatabase(absl::string_view name) = 0;

  // These two enter the database as the agent; only while it holds no tenant code. The connection stays
  // open until the next Apply, CreateDatabase or DropDatabase.
  virtual absl::StatusOr<SchemaState> ObserveSchema(absl::string_view database, absl::string_view owner,
                                                    absl::string_view reader) = 0;
  // Repeats harmlessly. Durable with the next change. FAILED_PRECONDITION for an extension that the server does not have
  // (EXTENSION_NOT_AVAILABLE), does not trust tenants with (EXTENSION_NOT_TRUSTED), or is set up to keep from them
  // (EXTENSION_NOT_ALLOWED).
  virtual absl::Status PrepareSchema(absl::string_view database, const SchemaSpec& spec) = 0;

  virtual absl::StatusOr<int64_t> CountSessions(const SessionFilter& filter) = 0;
  // Asks them to end and does not wait. Answers how many were asked.
  virtual absl::StatusOr<int64_t> TerminateSessions(const SessionFilter& filter) = 0;

  virtual absl::StatusOr<int64_t> CountPreparedTransactions(absl::string_view database) = 0;
  // Rolls them back, as `owner` or their own role. The database must allow connections.
  virtual absl::Status RollBackPrepared(absl::string_view database) = 0;

  // Whether `reader` has what PrepareSchema granted it in `database`: the default privileges of the tenant's owner, and
  // USAGE on a schema. Told from outside, so of a closed database, too.
  virtual absl::StatusOr<bool> ReaderHasRights(absl::string_view database, absl::string_view reader) = 0;
  // Grants it again what it lacks, as `owner` and without running the tenant's code; makes schema public where `owner`
  // owns no schema. The database must allow connections.
  virtual absl::Status GrantReader(absl::string_view database, absl::string_view owner,
                                   absl::string_view reader) = 0;

  // How many of `owner`'s tables and schemas in `database` LimitGrowth would change. The database must allow connections.
  virtual absl::StatusOr<int64_t> CountGrowthChanges(absl::string_view database, absl::string_view owner,
                                                     bool closed) = 0;
  // Closed: `owner` may not insert into its tables, nor make tables in its schemas; what it lost is marked in their ACLs, and
  // goes with them into dumps. Open: it has back what is marked. As `owner` and without running the tenant's code. What is
  // made or dropped meanwhile may be left as it is, and so may all that is left when it fails: count again.
  virtual absl::Status LimitGrowth(absl::string_view database, absl::string_view owner, bool closed) = 0;

  // Databases that name `role`, inside or by a grant on them, so that it cannot be dropped; by name.
  virtual absl::StatusOr<std::vector<std::string>> HoldersOf(absl::string_view role) = 0;

  // Whether `role` owns, or is granted, anything inside `database`.
  virtual absl::StatusOr<bool> LeavesTraces(absl::string_view database, absl::string_view role) = 0;
  // Gives all that `from` owns in `database` to `to` and takes all that it was granted there, without
  // running the tenant's code. The database must allow connections.
  virtual absl::Status HandOver(absl::string_view database, absl::string_view from,
                                absl::string_view to) = 0;
};

struct ServerFacts {
  int version = 0;           // 150020 is 15.20
  std::string version_text;  // "15.20"
  std::string system_identifier;
  int64_t timeline = 0;
  bool tls = false;  // whether it offers TLS
};

struct ListedDatabase {
  std::string name;
  std::optional<DatabaseTag> tag;
  bool allows_connections = false;
  bool invalid = false;
  int64_t size_bytes = 0;
  std::string owner;  // empty: the agent's own role
  // What Croft grants on it, and to readers inside it, and what is gone, such as `CONNECT to t_acme_…_a`. What a fence
  // takes is among it: the server does not say who took it.
  std::vector<std::string> missing_grants;
};

struct ListedRole {
  std::string name;
  bool can_login = false;
  bool expired = false;  // its VALID UNTIL has passed
  // SUPERUSER, CREATEDB, CREATEROLE or REPLICATION, or BYPASSRLS without a time at which it ends.
  bool overprivileged = false;
  std::string
      verifier_digest;  // SHA-256 in hexadecimal; empty for none or one that the server does not show
  // Databases that name it, while none of its tenant's is here: it cannot be dropped before they no longer do.
  std::vector<std::string> held_by;
};

struct ClusterListing {
  std::vector<ListedDatabase> databases;  // by name
  std::vector<ListedRole> roles;          // by name
  // Folders in `base` that belong to no database and have been still for so long that none is being made or dropped
  // there. Empty where the agent may not look: it must be let call pg_ls_dir and pg_stat_file.
  std::vector<std::string> orphan_directories;
};

enum class LockMode { kExclusive, kShared };

// Thread-safe.
class Cluster {
 public:
  virtual ~Cluster() = default;

  // Waits for the lock of `uid` as long as `timeout` lasts. `timeout` holds for the session's every call.
  virtual absl::StatusOr<std::unique_ptr<ClusterSession>> Begin(absl::string_view uid, LockMode mode,
                                                                Timeout timeout) = 0;

  // Logs in the way applications do and, with `write`, makes a table in a schema of its own, fills it,
  // reads it and rolls back. UNAUTHENTICATED (LOGIN_REFUSED) or PERMISSION_DENIED when it is not let in.
  virtual absl::Status ProveLogin(absl::string_view database, absl::string_view user,
                                  absl::string_view password, bool write, const Timeout& timeout) = 0;

  virtual absl::StatusOr<ServerFacts> Identify(const Timeout& timeout) = 0;

  // Everything of Croft's: databases that carry a tag or a name of the form t_…_<uid>_… or v_<uid>_…, roles named in
  // the first form.
  virtual absl::StatusOr<ClusterListing> List(const Timeout& timeout) = 0;
};

}  // namespace croft::agent
