#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "common/clock.h"

// What an agent must still know after a crash or a power cut: the highest (epoch, order) it has obeyed for
// each tenant and the highest epoch of all, so that no stale command has an effect; and which tasks it
// accepted and how they ended, so that a repeat is answered and not done again. Never a secret: a task that
// was cut is sent again with its secrets.
namespace croft::agent {

// Which attempt of which step; the same key means the same command.
struct TaskKey {
  std::string operation;
  int32_t step = 0;
  int32_t attempt = 0;

  friend auto operator<=>(const TaskKey&, const TaskKey&) = default;
};

// Orders the commands about one tenant.
struct Position {
  int64_t epoch = 0;
  int64_t order = 0;

  friend auto operator<=>(const Position&, const Position&) = default;
};

struct JournalEntry {
  TaskKey key;
  std::string outcome;
};

// Whatever changes is on disk when the call answers OK. An error other than STALE_COMMAND and STALE_EPOCH
// means that nothing is known of the disk: stop the process. Thread-safe; calls that write block for the
// disk.
class Journal {
 public:
  virtual ~Journal() = default;

  virtual int64_t HighestEpoch() const = 0;
  // FAILED_PRECONDITION (STALE_EPOCH) when `epoch` is lower than the highest.
  virtual absl::Status RaiseEpoch(int64_t epoch) = 0;

  // To be called before the task's first effect. Answers the outcome where the task has one already,
  // nothing when it is to be run: it is new, or was cut. FAILED_PRECONDITION (STALE_COMMAND) when the
  // journal holds a higher position for `tenant_uid`, or a higher epoch.
  virtual absl::StatusOr<std::optional<std::string>> Accept(const TaskKey& key, const Position& position,
                                                            absl::string_view tenant_uid) = 0;
  // How an accepted task ended, in the caller's own encoding.
  virtual absl::Status Finish(const TaskKey& key, absl::string_view outcome) = 0;
  // The control plane has recorded the outcome. It is kept for a day more, for repeats that are under way.
  virtual absl::Status Settle(const TaskKey& key) = 0;
  // Highest position of each tenant, by uid.
  virtual absl::StatusOr<std::map<std::string, Position>> Positions() const = 0;
  // Outcomes that were not settled, in the order in which they came.
  virtual absl::StatusOr<std::vector<JournalEntry>> Unsettled() const = 0;
};

// FAILED_PRECONDITION or DATA_LOSS with a sentence for people when the file cannot be used.
[[nodiscard]] absl::StatusOr<std::unique_ptr<Journal>> OpenJournal(absl::string_view path,
                                                                   const Clock& clock);

}  // namespace croft::agent
