// Reads and writes events.

#include "controlplane/catalog/sqlite/events.h"

#include <algorithm>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/columns.h"
#include "controlplane/catalog/sqlite/table.h"

namespace croft::catalog {
namespace {

using domain::FleetEvent;
using sqlite::Rows;
using sqlite::SqlBuilder;

// All but the position, which the catalog gives.
constexpr Table kEvents(Col("time", &FleetEvent::time), Col("type", &FleetEvent::type),
                        Col("subject", &FleetEvent::subject), Col("tenant", &FleetEvent::tenant),
                        Col("tenant_uid", &FleetEvent::tenant_uid), Col("host", &FleetEvent::host),
                        Col("data", MapCodec(), &FleetEvent::data));

SqlBuilder Select() {
  return SqlBuilder().Append("SELECT position, ").Append(kEvents.Names()).Append(" FROM events ");
}

absl::StatusOr<std::vector<FleetEvent>> Collect(Rows rows) {
  std::vector<FleetEvent> events;
  while (rows.Next()) {
    FleetEvent& event = events.emplace_back();
    rows.Read(0, event.position);
    CROFT_RETURN_IF_ERROR(kEvents.Read(rows, 1, event));
  }
  if (!rows.status().ok()) return rows.status();
  return events;
}

}  // namespace

EventReads::EventReads(sqlite::Database& database)
    : list_(database, Select().Append("WHERE position > ? ORDER BY position LIMIT ?")),
      list_of_tenant_(database, Select().Append("INDEXED BY events_by_tenant WHERE tenant <> '' AND "
                                                "tenant = ? AND position > ? ORDER BY position LIMIT ?")),
      oldest_(database, "SELECT position, time FROM events ORDER BY position LIMIT ?"),
      first_since_(database,
                   "SELECT position FROM events INDEXED BY events_by_time WHERE time >= ? "
                   "ORDER BY time, position LIMIT 1") {}

absl::StatusOr<std::vector<FleetEvent>> EventReads::List(const EventQuery& query) {
  const int32_t count = std::max(query.limit, 0);
  if (query.tenant.empty()) return Collect(list_.Query(query.after, count));
  return Collect(list_of_tenant_.Query(query.tenant, query.after, count));
}

absl::StatusOr<EventRun> EventReads::Oldest(absl::Time time, int32_t limit) {
  EventRun run;
  Rows rows = oldest_.Query(std::max(limit, 0));
  while (rows.Next()) {
    int64_t position = 0;
    absl::Time at;
    rows.Read(0, position, at);
    if (at >= time) return run;
    run = {run.count + 1, position};
  }
  if (!rows.status().ok()) return rows.status();
  return run;
}

absl::StatusOr<std::optional<int64_t>> EventReads::FirstSince(absl::Time time) {
  Rows rows = first_since_.Query(time);
  if (rows.Next()) return std::optional<int64_t>(rows.Get<int64_t>(0));
  if (!rows.status().ok()) return rows.status();
  return std::optional<int64_t>();
}

EventWrites::EventWrites(sqlite::Database& database)
    : insert_(database, SqlBuilder()
                            .Append("INSERT INTO events (position, ")
                            .Append(kEvents.Names())
                            .Append(") VALUES (?, ")
                            .Append(kEvents.Places())
                            .Append(")")),
      delete_(database, "DELETE FROM events WHERE position <= ?") {}

absl::Status EventWrites::Append(int64_t position, const FleetEvent& event) {
  return kEvents.Bind(event, [&](const auto&... columns) { return insert_.Execute(position, columns...); });
}

absl::Status EventWrites::Cut(int64_t position) { return delete_.Execute(position); }

}  // namespace croft::catalog
