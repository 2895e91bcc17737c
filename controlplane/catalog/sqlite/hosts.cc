// Reads and writes hosts.

#include "controlplane/catalog/sqlite/hosts.h"

#include <utility>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/columns.h"
#include "controlplane/catalog/sqlite/table.h"

namespace croft::catalog {
namespace {

using domain::Host;
using sqlite::Rows;
using sqlite::Sql;
using sqlite::SqlBuilder;

using domain::HostReport;

constexpr Table kHosts(
    Col("id", &Host::id), Col("uid", &Host::uid), Col("create_time", &Host::create_time),
    Col("update_time", &Host::update_time), Col("version", &Host::version),
    Col("labels", MapCodec(), &Host::labels),
    Col("limit_databases", &Host::limits, &domain::HostLimits::databases),
    Col("limit_connections", &Host::limits, &domain::HostLimits::connections),
    Col("limit_reserve_bytes", &Host::limits, &domain::HostLimits::reserve_bytes),
    Col("cordoned", &Host::cordoned), Col("missing", &Host::missing),
    Col("certificate_fingerprint", &Host::certificate_fingerprint),
    Col("previous_fingerprint", &Host::previous_fingerprint),
    Col("join_secret_hash", BytesCodec(), &Host::join_secret_hash),
    Col("join_expire_time", &Host::join_expire_time), Col("server_names", ListCodec(), &Host::server_names),
    Col("up", &Host::up), Col("last_seen_time", &Host::last_seen_time),
    Col("agent_version", &Host::report, &HostReport::agent_version),
    Col("postgres_up", &Host::report, &HostReport::postgres_up),
    Col("postgres_version", &Host::report, &HostReport::postgres_version),
    Col("system_identifier", &Host::report, &HostReport::system_identifier),
    Col("timeline", &Host::report, &HostReport::timeline),
    Col("advertise_endpoints", ListCodec(), &Host::report, &HostReport::advertise_endpoints),
    Col("free_bytes", &Host::report, &HostReport::free_bytes),
    Col("stores", ListCodec(), &Host::report, &HostReport::stores),
    Col("tls", &Host::report, &HostReport::tls),
    Col("root_certificate", &Host::report, &HostReport::root_certificate),
    Col("problem", &Host::report, &HostReport::problem),
    Col("task_kinds", ListCodec(), &Host::report, &HostReport::task_kinds),
    Col("accepted_system_identifier", &Host::accepted_system_identifier),
    Col("databases_reserved", &Host::databases_reserved),
    Col("connections_reserved", &Host::connections_reserved), Col("awaited", &Host::awaited),
    Col("unconfirmed", &Host::unconfirmed),
    Col("free_bytes_unknown", &Host::report, &HostReport::free_bytes_unknown),
    Col("managed", &Host::report, &HostReport::managed),
    Col("max_connections", &Host::report, &HostReport::max_connections),
    Col("missing_rights", MissingRightsCodec(), &Host::report, &HostReport::missing_rights),
    Col("store_names", MapCodec(), &Host::report, &HostReport::store_names));

SqlBuilder Select(Sql rest) {
  return SqlBuilder().Append("SELECT ").Append(kHosts.Names()).Append(" FROM hosts ").Append(rest);
}

absl::StatusOr<std::vector<Host>> Collect(Rows rows) {
  std::vector<Host> hosts;
  while (rows.Next()) CROFT_RETURN_IF_ERROR(kHosts.Read(rows, 0, hosts.emplace_back()));
  if (!rows.status().ok()) return rows.status();
  return hosts;
}

}  // namespace

HostReads::HostReads(sqlite::Database& database)
    : find_(database, Select("WHERE id = ?")), list_(database, Select("ORDER BY id")) {}

absl::StatusOr<std::optional<Host>> HostReads::Find(absl::string_view id) {
  CROFT_ASSIGN_OR_RETURN(std::vector<Host> hosts, Collect(find_.Query(id)));
  if (hosts.empty()) return std::optional<Host>();
  return std::optional<Host>(std::move(hosts.front()));
}

absl::StatusOr<std::vector<Host>> HostReads::List() { return Collect(list_.Query()); }

HostWrites::HostWrites(sqlite::Database& database)
    : put_(database, SqlBuilder()
                         .Append("INSERT OR REPLACE INTO hosts (")
                         .Append(kHosts.Names())
                         .Append(") VALUES (")
                         .Append(kHosts.Places())
                         .Append(")")),
      delete_(database, "DELETE FROM hosts WHERE id = ?") {}

absl::Status HostWrites::Put(const Host& host) {
  return kHosts.Bind(host, [&](const auto&... columns) { return put_.Execute(columns...); });
}

absl::Status HostWrites::Delete(absl::string_view id) { return delete_.Execute(id); }

}  // namespace croft::catalog
