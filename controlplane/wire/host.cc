// Converts hosts to the API.

#include "controlplane/wire/host.h"

#include "common/names.h"
#include "controlplane/domain/server_tls.h"
#include "controlplane/wire/enums.h"
#include "controlplane/wire/fields.h"

namespace croft::wire {

v1::Host ToProto(const domain::Host& host) {
  v1::Host proto;
  proto.set_name(HostName(host.id));
  proto.set_uid(host.uid);
  *proto.mutable_create_time() = ToProto(host.create_time);
  *proto.mutable_update_time() = ToProto(host.update_time);
  proto.set_etag(EtagOf(host.version));
  for (const auto& [key, value] : host.labels) (*proto.mutable_labels())[key] = value;
  proto.mutable_limits()->set_databases(host.limits.databases);
  proto.mutable_limits()->set_connections(host.limits.connections);
  proto.mutable_limits()->set_reserve_bytes(host.limits.reserve_bytes);
  proto.set_cordoned(host.cordoned);
  proto.set_state(ToProto(domain::StateOf(host)));
  if (host.last_seen_time) *proto.mutable_last_seen_time() = ToProto(*host.last_seen_time);
  proto.set_database_count(host.databases_reserved);

  const domain::HostReport& report = host.report;
  proto.mutable_advertise_endpoints()->Assign(report.advertise_endpoints.begin(),
                                              report.advertise_endpoints.end());
  proto.set_agent_version(report.agent_version);
  proto.set_postgres_version(report.postgres_version);
  proto.set_system_identifier(report.system_identifier);
  proto.set_timeline(report.timeline);
  proto.mutable_task_kinds()->Assign(report.task_kinds.begin(), report.task_kinds.end());
  proto.mutable_stores()->Assign(report.stores.begin(), report.stores.end());
  proto.mutable_store_names()->insert(report.store_names.begin(), report.store_names.end());
  proto.set_free_bytes(report.free_bytes);
  proto.set_tls(report.tls);
  proto.set_tls_verifiable(report.tls && domain::IsVerifiable(report));
  proto.set_postgres_up(report.postgres_up);
  proto.set_problem(report.problem);
  proto.set_free_bytes_unknown(report.free_bytes_unknown);
  proto.set_managed(report.managed);
  proto.set_max_connections(report.max_connections);
  for (const domain::MissingRight& missing : report.missing_rights) {
    v1::MissingRight& right = *proto.add_missing_rights();
    right.set_right(missing.right);
    right.set_consequence(missing.consequence);
    right.set_remedy(missing.remedy);
    right.mutable_task_kinds()->Assign(missing.task_kinds.begin(), missing.task_kinds.end());
  }
  return proto;
}

}  // namespace croft::wire
