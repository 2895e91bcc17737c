// Reads and writes schedules.

#include "controlplane/catalog/sqlite/schedules.h"

#include <algorithm>
#include <utility>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/columns.h"
#include "controlplane/catalog/sqlite/table.h"

namespace croft::catalog {
namespace {

using domain::Schedule;
using domain::ScheduleKey;
using sqlite::Rows;
using sqlite::SqlBuilder;

constexpr Table kSchedules(Col("kind", EnumCodec(), &Schedule::key, &ScheduleKey::kind),
                           Col("resource", &Schedule::key, &ScheduleKey::resource),
                           Col("next_time", &Schedule::next_time), Col("refusals", &Schedule::refusals),
                           Col("refusal_reason", &Schedule::refusal_reason),
                           Col("refusal_message", &Schedule::refusal_message),
                           Col("basis", &Schedule::basis));

SqlBuilder Select() {
  return SqlBuilder().Append("SELECT ").Append(kSchedules.Names()).Append(" FROM schedules ");
}

absl::StatusOr<std::vector<Schedule>> Collect(Rows rows) {
  std::vector<Schedule> schedules;
  while (rows.Next()) CROFT_RETURN_IF_ERROR(kSchedules.Read(rows, 0, schedules.emplace_back()));
  if (!rows.status().ok()) return rows.status();
  return schedules;
}

}  // namespace

ScheduleReads::ScheduleReads(sqlite::Database& database)
    : find_(database, Select().Append("WHERE kind = ? AND resource = ?")),
      due_(database, Select().Append("INDEXED BY schedules_by_time WHERE next_time <= ? "
                                     "ORDER BY next_time, kind, resource LIMIT ?")),
      refused_(database,
               Select().Append("INDEXED BY schedules_refused WHERE refusals > 0 AND refusals >= ? "
                               "ORDER BY refusals DESC, kind, resource LIMIT ?")) {}

absl::StatusOr<std::optional<Schedule>> ScheduleReads::Find(const ScheduleKey& key) {
  CROFT_ASSIGN_OR_RETURN(std::vector<Schedule> schedules,
                         Collect(find_.Query(NameOf(key.kind), key.resource)));
  if (schedules.empty()) return std::optional<Schedule>();
  return std::optional<Schedule>(std::move(schedules.front()));
}

absl::StatusOr<std::vector<Schedule>> ScheduleReads::Due(absl::Time now, int32_t limit) {
  return Collect(due_.Query(now, std::max(limit, 0)));
}

absl::StatusOr<std::vector<Schedule>> ScheduleReads::Refused(int32_t refusals, int32_t limit) {
  return Collect(refused_.Query(refusals, std::max(limit, 0)));
}

ScheduleWrites::ScheduleWrites(sqlite::Database& database)
    : put_(database, SqlBuilder()
                         .Append("INSERT OR REPLACE INTO schedules (")
                         .Append(kSchedules.Names())
                         .Append(") VALUES (")
                         .Append(kSchedules.Places())
                         .Append(")")),
      delete_(database, "DELETE FROM schedules WHERE kind = ? AND resource = ?") {}

absl::Status ScheduleWrites::Put(const Schedule& schedule) {
  return kSchedules.Bind(schedule, [&](const auto&... columns) { return put_.Execute(columns...); });
}

absl::Status ScheduleWrites::Delete(const ScheduleKey& key) {
  return delete_.Execute(NameOf(key.kind), key.resource);
}

}  // namespace croft::catalog
