#include "controlplane/catalog/sqlite/hosts.h"

#include <utility>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/columns.h"

namespace croft::catalog {
namespace {

using domain::Host;
using sqlite::Blob;
using sqlite::Rows;
using sqlite::Sql;
using sqlite::SqlBuilder;

constexpr Sql kColumns =
    "id, uid, create_time, update_time, version, labels, limit_databases, limit_connections, "
    "limit_reserve_bytes, "
    "cordoned, missing, certificate_fingerprint, previous_fingerprint, join_secret_hash, join_expire_time, "
    "server_names, up, "
    "last_seen_time, agent_version, postgres_up, postgres_version, system_identifier, timeline, "
    "advertise_endpoints, free_bytes, stores, tls, root_certificate, problem, task_kinds, "
    "accepted_system_identifier, databases_reserved, connections_reserved, awaited, unconfirmed, "
    "free_bytes_unknown, managed, max_connections, missing_rights";

absl::Status ReadHost(const Rows& rows, Host& host) {
  std::string labels, server_names, advertise_endpoints, stores, task_kinds, missing_rights;
  rows.Read(0, host.id, host.uid, host.create_time, host.update_time, host.version, labels,
            host.limits.databases, host.limits.connections, host.limits.reserve_bytes, host.cordoned,
            host.missing, host.certificate_fingerprint, host.previous_fingerprint, host.join_secret_hash,
            host.join_expire_time, server_names, host.up, host.last_seen_time, host.report.agent_version,
            host.report.postgres_up, host.report.postgres_version, host.report.system_identifier,
            host.report.timeline, advertise_endpoints, host.report.free_bytes, stores, host.report.tls,
            host.report.root_certificate, host.report.problem, task_kinds, host.accepted_system_identifier,
            host.databases_reserved, host.connections_reserved, host.awaited, host.unconfirmed,
            host.report.free_bytes_unknown, host.report.managed, host.report.max_connections,
            missing_rights);
  CROFT_RETURN_IF_ERROR(DecodeMissingRights(missing_rights, host.report.missing_rights));
  CROFT_RETURN_IF_ERROR(DecodeMap(labels, host.labels));
  CROFT_RETURN_IF_ERROR(DecodeList(server_names, host.server_names));
  CROFT_RETURN_IF_ERROR(DecodeList(advertise_endpoints, host.report.advertise_endpoints));
  CROFT_RETURN_IF_ERROR(DecodeList(stores, host.report.stores));
  return DecodeList(task_kinds, host.report.task_kinds);
}

absl::StatusOr<std::vector<Host>> Collect(Rows rows) {
  std::vector<Host> hosts;
  while (rows.Next()) CROFT_RETURN_IF_ERROR(ReadHost(rows, hosts.emplace_back()));
  if (!rows.status().ok()) return rows.status();
  return hosts;
}

}  // namespace

HostReads::HostReads(sqlite::Database& database)
    : find_(database, SqlBuilder().Append("SELECT ").Append(kColumns).Append(" FROM hosts WHERE id = ?")),
      list_(database, SqlBuilder().Append("SELECT ").Append(kColumns).Append(" FROM hosts ORDER BY id")) {}

absl::StatusOr<std::optional<Host>> HostReads::Find(absl::string_view id) {
  CROFT_ASSIGN_OR_RETURN(std::vector<Host> hosts, Collect(find_.Query(id)));
  if (hosts.empty()) return std::optional<Host>();
  return std::optional<Host>(std::move(hosts.front()));
}

absl::StatusOr<std::vector<Host>> HostReads::List() { return Collect(list_.Query()); }

HostWrites::HostWrites(sqlite::Database& database)
    : put_(
          database,
          SqlBuilder()
              .Append("INSERT OR REPLACE INTO hosts (")
              .Append(kColumns)
              .Append(
                  ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                  "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")),
      delete_(database, "DELETE FROM hosts WHERE id = ?") {}

absl::Status HostWrites::Put(const Host& host) {
  return put_.Execute(
      host.id, host.uid, host.create_time, host.update_time, host.version, EncodeMap(host.labels),
      host.limits.databases, host.limits.connections, host.limits.reserve_bytes, host.cordoned,
      host.missing, host.certificate_fingerprint, host.previous_fingerprint, Blob{host.join_secret_hash},
      host.join_expire_time, EncodeList(host.server_names), host.up, host.last_seen_time,
      host.report.agent_version, host.report.postgres_up, host.report.postgres_version,
      host.report.system_identifier, host.report.timeline, EncodeList(host.report.advertise_endpoints),
      host.report.free_bytes, EncodeList(host.report.stores), host.report.tls, host.report.root_certificate,
      host.report.problem, EncodeList(host.report.task_kinds), host.accepted_system_identifier,
      host.databases_reserved, host.connections_reserved, host.awaited, host.unconfirmed,
      host.report.free_bytes_unknown, host.report.managed, host.report.max_connections,
      EncodeMissingRights(host.report.missing_rights));
}

absl::Status HostWrites::Delete(absl::string_view id) { return delete_.Execute(id); }

}  // namespace croft::catalog
