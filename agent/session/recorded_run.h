#pragma once

#include <functional>
#include <optional>

#include <absl/status/statusor.h>

#include "agent/journal/journal.h"
#include "agent/session/task_queues.h"
#include "croft/v1/agent.pb.h"

// Runs a task between its two entries in the journal.
namespace croft::agent {

// Whether a journal's error is an answer to whoever asked and says nothing against the disk.
[[nodiscard]] bool IsAnswer(const absl::Status& status);

// Brings a task to its result, at most once to an outcome: the journal is asked first, so that a stale task is
// refused and a repeat is answered with what was recorded; then `run` is called, and its outcome is recorded before it
// is sent. If the disk is full, the result is sent unrecorded (tasks are idempotent). Returns nullopt if the result must
// not be sent because shutdown may have caused it. An error means that the journal cannot be trusted any more: end the
// process.
[[nodiscard]] absl::StatusOr<std::optional<v1::TaskResult>> RunRecorded(
    const QueuedTask& queued, Journal& journal, const std::function<absl::StatusOr<Outcome>()>& run);

}  // namespace croft::agent
