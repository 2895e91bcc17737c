// Runs a task between its two entries in the journal.

#include "agent/session/recorded_run.h"

#include <string>

#include "agent/session/wire.h"
#include "common/errors.h"

namespace croft::agent {

bool IsAnswer(const absl::Status& status) {
  const std::string reason = DetailsOf(status).reason;
  return reason == "STALE_COMMAND" || reason == "DISK_FULL";
}

absl::StatusOr<std::optional<v1::TaskResult>> RunRecorded(
    const QueuedTask& queued, Journal& journal, const std::function<absl::StatusOr<Outcome>()>& run) {
  const Task& task = queued.task;
  const TaskKey key = KeyOf(task.fencing);
  const auto recorded = journal.Accept(key, PositionOf(task.fencing), task.tenant.uid);
  if (!recorded.ok() && IsAnswer(recorded.status())) return ResultToProto(task.fencing, recorded.status());
  if (!recorded.ok()) return recorded.status();
  v1::TaskResult known;
  if (*recorded && known.ParseFromString(**recorded)) return known;
  const absl::StatusOr<Outcome> outcome = run();
  // A failure may be this stop's doing.
  if (!outcome.ok() && queued.stopping) return std::nullopt;
  v1::TaskResult result = ResultToProto(task.fencing, outcome);
  const absl::Status finished = journal.Finish(key, result.SerializeAsString());
  if (!finished.ok() && !IsAnswer(finished)) return finished;
  return result;
}

}  // namespace croft::agent
