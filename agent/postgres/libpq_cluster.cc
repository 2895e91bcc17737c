// Implements Cluster over libpq, with a pool of idle connections.

#include "agent/postgres/libpq_cluster.h"

#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "agent/postgres/connection.h"
#include "agent/postgres/libpq_session.h"
#include "agent/postgres/shared_dependencies.h"
#include "common/sync.h"

namespace croft::agent {
namespace {

constexpr size_t kIdleConnections = 4;
constexpr absl::Duration kUnlockTimeout = absl::Seconds(5);

// Idle maintenance connections. Thread-safe.
class Pool {
 public:
  std::optional<MaintenanceConnection> Take() {
    const MutexLock lock(mutex_);
    if (idle_.empty()) return std::nullopt;
    MaintenanceConnection taken = std::move(idle_.back());
    idle_.pop_back();
    return taken;
  }

  // Drops a connection that is lost or one too many; its locks end with it.
  void GiveBack(MaintenanceConnection returned) {
    returned.connection.SetTimeout({.deadline = absl::Now() + kUnlockTimeout});
    if (!returned.connection.Execute("SELECT pg_advisory_unlock_all()").ok()) return;
    const MutexLock lock(mutex_);
    if (idle_.size() < kIdleConnections) idle_.push_back(std::move(returned));
  }

 private:
  Mutex mutex_;
  std::vector<MaintenanceConnection> idle_ ABSL_GUARDED_BY(mutex_);
};

// What a tenant's roles that are there were granted and lack, of a database `d` that is called like a tenant's. A login
// that cannot log in lacks nothing: it waits for its rotation.
void AppendMissingGrants(Statement& query) {
  query
      .Append(
          "ARRAY(SELECT missing || ' to ' || r.rolname FROM "
          "regexp_replace(d.datname, '_g[0-9]+(_f)?$', '') AS tenant, pg_roles r, "
          "LATERAL (SELECT privilege FROM (VALUES ('CONNECT'), ('CREATE'), ('TEMPORARY')) AS granted "
          "(privilege) "
          "WHERE (privilege = 'CONNECT' OR r.rolname = tenant) AND NOT EXISTS ("
          "SELECT FROM aclexplode(d.datacl) a WHERE a.grantee = r.oid AND a.privilege_type = privilege) "
          "UNION ALL SELECT 'default privileges' WHERE r.rolname = tenant || '_r' AND NOT ")
      .Append(kReaderHasDefaults)
      .Append(" UNION ALL SELECT 'USAGE on a schema' WHERE r.rolname = tenant || '_r' AND NOT ")
      .Append(kReaderHasSchema)
      .Append(
          ") AS gone (missing) WHERE d.datname ~ '^t_.*_g[0-9]+(_f)?$' AND d.datconnlimit <> -2 "
          "AND r.rolname = ANY (ARRAY[tenant, tenant || '_r', tenant || '_a', tenant || '_b', "
          "tenant || '_ra', tenant || '_rb']::name[]) "
          "AND (r.rolcanlogin OR r.rolname = tenant OR r.rolname = tenant || '_r') ORDER BY 1)");
}

Conninfo AgentConninfo(const ServerAccess& access, absl::string_view database) {
  Conninfo conninfo = access.agent;
  conninfo["dbname"] = std::string(database);
  return conninfo;
}

class LibpqCluster final : public Cluster {
 public:
  explicit LibpqCluster(std::function<ServerAccess()> access) : access_(std::move(access)) {}

  absl::StatusOr<std::unique_ptr<ClusterSession>> Begin(absl::string_view uid, LockMode mode,
                                                        Timeout timeout) override {
    const std::string key = absl::StrCat("croft tenant ", uid);
    const Statement lock = mode == LockMode::kExclusive
                               ? Bind("SELECT pg_advisory_lock(hashtextextended($1, 0))", {key})
                               : Bind("SELECT pg_advisory_lock_shared(hashtextextended($1, 0))", {key});
    CROFT_ASSIGN_OR_RETURN(
        MaintenanceConnection maintenance,
        Maintain(timeout, [&](Connection& connection) { return connection.Execute(lock); }));
    const auto enter = [access = access_, timeout](absl::string_view database) {
      const ServerAccess now = access();
      return Connection::Open(
          AgentConninfo(now, database.empty() ? absl::string_view(now.maintenance_database) : database),
          Trust::kPrivileged, timeout);
    };
    const auto give_back = [pool = pool_](MaintenanceConnection returned) {
      pool->GiveBack(std::move(returned));
    };
    return std::make_unique<LibpqSession>(std::move(maintenance), timeout, access_().extensions, enter,
                                          give_back);
  }

  absl::Status ProveLogin(absl::string_view database, absl::string_view user, absl::string_view password,
                          bool write, const Timeout& timeout) override {
    CROFT_ASSIGN_OR_RETURN(
        Connection connection,
        Connection::Open(TenantConninfo(access_(), database, user, password), Trust::kTenant, timeout));
    if (!write) return connection.Execute("SELECT 1");
    // A schema of its own, since the tenant may have given away or dropped `public`.
    const std::string probe = absl::StrCat("croft_probe_", absl::ToUnixNanos(absl::Now()));
    return connection.ExecuteTogether({
        {"BEGIN"},
        {"CREATE SCHEMA %I", {probe}},
        {"CREATE TABLE %I.probe (value int NOT NULL)", {probe}},
        {"INSERT INTO %I.probe VALUES (1)", {probe}},
        {"SELECT value FROM %I.probe", {probe}},
        {"ROLLBACK"},
    });
  }

  absl::StatusOr<ServerFacts> Identify(const Timeout& timeout) override {
    ServerFacts facts;
    CROFT_RETURN_IF_ERROR(Look(timeout, [&](Connection& connection) -> absl::Status {
      auto row = connection.Row<int32_t, std::string, std::string, int64_t, bool>(
          "SELECT current_setting('server_version_num')::int, "
          "split_part(current_setting('server_version'), ' ', 1), "
          "(SELECT system_identifier::text FROM pg_control_system()), "
          "CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint()) "
          "ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END, "
          "current_setting('ssl')::bool");
      if (!row.ok()) return row.status();
      std::tie(facts.version, facts.version_text, facts.system_identifier, facts.timeline, facts.tls) =
          *std::move(row);
      return absl::OkStatus();
    }));
    return facts;
  }

  absl::StatusOr<ClusterListing> List(const Timeout& timeout) override {
    ClusterListing listing;
    CROFT_RETURN_IF_ERROR(
        Look(timeout, [&, own = access_().own_server](Connection& connection) -> absl::Status {
          const absl::Status filled = FillListing(connection, listing);
          return filled.ok() && own ? FillDirectories(connection, listing) : filled;
        }));
    return listing;
  }

 private:
  // A maintenance connection on which `first` succeeded. One from the pool may have died with its server
  // unseen, so its loss is answered by a new one.
  template <typename First>
  absl::StatusOr<MaintenanceConnection> Maintain(const Timeout& timeout, const First& first) {
    const ServerAccess access = access_();
    const Conninfo conninfo = AgentConninfo(access, access.maintenance_database);
    while (std::optional<MaintenanceConnection> pooled = pool_->Take()) {
      // The way to the server has changed: this one ends here.
      if (pooled->opened_by != conninfo) continue;
      pooled->connection.SetTimeout(timeout);
      const absl::Status status = MakeReady(*pooled, first);
      if (status.ok()) return *std::move(pooled);
      if (pooled->connection.usable()) {
        pool_->GiveBack(*std::move(pooled));
        return status;
      }
    }
    CROFT_ASSIGN_OR_RETURN(Connection connection, Connection::Open(conninfo, Trust::kPrivileged, timeout));
    connection.SetTimeout(timeout);
    MaintenanceConnection made{.connection = std::move(connection), .opened_by = conninfo};
    CROFT_RETURN_IF_ERROR(MakeReady(made, first));
    return made;
  }

  // On a server that somebody else keeps, rights may have been given or taken since the connection was last in use.
  template <typename First>
  absl::Status MakeReady(MaintenanceConnection& maintenance, const First& first) {
    CROFT_RETURN_IF_ERROR(first(maintenance.connection));
    const bool known = !maintenance.rights.role.empty();
    if (known && access_().own_server) return absl::OkStatus();
    CROFT_ASSIGN_OR_RETURN(maintenance.rights, FindSessionRights(maintenance.connection));
    return absl::OkStatus();
  }

  template <typename First>
  absl::Status Look(const Timeout& timeout, const First& first) {
    CROFT_ASSIGN_OR_RETURN(MaintenanceConnection maintenance, Maintain(timeout, first));
    pool_->GiveBack(std::move(maintenance));
    return absl::OkStatus();
  }

  static absl::Status FillListing(Connection& connection, ClusterListing& listing) {
    listing = {};
    CROFT_RETURN_IF_ERROR(FillDatabases(connection, listing));
    return FillRoles(connection, listing);
  }

  static absl::Status FillDatabases(Connection& connection, ClusterListing& listing) {
    Statement query =
        "SELECT datname, shobj_description(oid, 'pg_database'), datallowconn, datconnlimit = -2, "
        "coalesce(CASE WHEN datconnlimit <> -2 AND has_database_privilege(oid, 'CONNECT') "
        "THEN pg_database_size(oid) END, 0), "
        "CASE WHEN datdba = current_user::regrole THEN '' ELSE pg_get_userbyid(datdba)::text END, ";
    AppendMissingGrants(query);
    query.Append(
        " FROM pg_database d WHERE datname ~ '^(t_.*|v)_[a-z2-7]{16}_' "
        "OR shobj_description(oid, 'pg_database') ~ '^croft uid=' ORDER BY datname");
    auto databases = connection.Rows<std::string, std::optional<std::string>, bool, bool, int64_t,
                                     std::string, std::vector<std::string>>(query);
    if (!databases.ok()) return std::move(databases).status();
    for (auto& [name, comment, allows, invalid, size, owner, missing_grants] : *databases) {
      listing.databases.push_back({.name = std::move(name),
                                   .tag = comment ? ParseDatabaseTag(*comment) : std::nullopt,
                                   .allows_connections = allows,
                                   .invalid = invalid,
                                   .size_bytes = size,
                                   .owner = std::move(owner),
                                   .missing_grants = std::move(missing_grants)});
    }
    return absl::OkStatus();
  }

  static absl::Status FillRoles(Connection& connection, ClusterListing& listing) {
    auto shows = connection.Value<bool>(
        "SELECT has_column_privilege('pg_authid', 'rolpassword', 'SELECT') "
        "AND has_column_privilege('pg_authid', 'oid', 'SELECT')");
    if (!shows.ok()) return std::move(shows).status();
    Statement query =
        "SELECT rolname, rolcanlogin, coalesce(rolvaliduntil < now(), false), "
        "rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication "
        "OR rolbypassrls AND rolvaliduntil IS NULL, ";
    if (*shows) {
      query.Append(
          "coalesce((SELECT encode(sha256(convert_to(a.rolpassword, 'UTF8')), 'hex') FROM pg_authid a "
          "WHERE a.oid = r.oid), '')");
    } else {
      query.Append("''");
    }
    query.Append(
        ", CASE WHEN substring(rolname::text FROM '^(t_.*_[a-z2-7]{16})') IN "
        "(SELECT substring(datname::text FROM '^(t_.*_[a-z2-7]{16})_g') FROM pg_database "
        "WHERE datname ~ '^t_.*_[a-z2-7]{16}_g') THEN '{}' ELSE ");
    query.Append(kHolders);
    query.Append(
        " END FROM pg_roles r WHERE rolname ~ '^t_.*_[a-z2-7]{16}(_[a-z0-9]+)?$' ORDER BY rolname");
    auto roles =
        connection.Rows<std::string, bool, bool, bool, std::string, std::vector<std::string>>(query);
    if (!roles.ok()) return std::move(roles).status();
    for (auto& [name, can_login, expired, overprivileged, digest, held_by] : *roles) {
      listing.roles.push_back({.name = std::move(name),
                               .can_login = can_login,
                               .expired = expired,
                               .overprivileged = overprivileged,
                               .verifier_digest = std::move(digest),
                               .held_by = std::move(held_by)});
    }
    return absl::OkStatus();
  }

  // CREATE and DROP DATABASE have a folder without a row for some moments; a server that has just started has none
  // of the two under way. An agent that is no superuser may not look unless it was granted to.
  static absl::Status FillDirectories(Connection& connection, ClusterListing& listing) {
    auto may_look = connection.Value<bool>(
        "SELECT has_function_privilege('pg_ls_dir(text)', 'EXECUTE') "
        "AND has_function_privilege('pg_stat_file(text, boolean)', 'EXECUTE')");
    if (!may_look.ok()) return std::move(may_look).status();
    if (!*may_look) return absl::OkStatus();
    auto folders = connection.Rows<std::string>(
        "SELECT folder FROM pg_ls_dir('base') AS folder, pg_stat_file('base/' || folder, true) AS facts "
        "WHERE folder ~ '^[0-9]+$' AND facts.isdir "
        "AND NOT EXISTS (SELECT FROM pg_database WHERE oid::text = folder) "
        "AND (facts.modification < pg_postmaster_start_time() "
        "OR facts.modification < now() - interval '5 minutes') ORDER BY folder::bigint");
    if (!folders.ok()) return std::move(folders).status();
    for (auto& [folder] : *folders) listing.orphan_directories.push_back(std::move(folder));
    return absl::OkStatus();
  }

  const std::function<ServerAccess()> access_;
  const std::shared_ptr<Pool> pool_ = std::make_shared<Pool>();
};

}  // namespace

std::unique_ptr<Cluster> NewLibpqCluster(std::function<ServerAccess()> access) {
  return std::make_unique<LibpqCluster>(std::move(access));
}

}  // namespace croft::agent
