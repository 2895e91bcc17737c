#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/histogram.h"
#include "common/sync.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/metrics/figures.h"

namespace croft::metrics {

// Counts operations as commits change them. Its memory grows with those that run, not with those that have ended.
// Thread-safe.
class OperationCounts {
 public:
  // `clock` outlives it.
  explicit OperationCounts(const Clock& clock) : clock_(clock) {}

  // Reads those that run; call once, before the writer starts.
  absl::Status Load(catalog::Catalog& catalog);
  void Apply(const std::vector<catalog::Change>& changes);

  OperationFigures Read() const;

 private:
  enum class Phase { kWaiting, kWorking };
  struct Running {
    domain::OperationKind kind = domain::OperationKind::kCreate;
    domain::OperationState state = domain::OperationState::kRunning;
    absl::Time create_time;
    Phase phase = Phase::kWaiting;
    absl::Time phase_since;                // when the current step began to wait, or was sent
    std::optional<absl::Time> not_before;  // of the current step
  };

  absl::Status LoadPages(catalog::Catalog& catalog, catalog::OperationQuery query);
  void Put(const domain::Operation& operation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(const domain::Operation& operation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  mutable Mutex mutex_;
  std::map<std::string, Running> running_ ABSL_GUARDED_BY(mutex_);  // by id
  std::map<std::pair<domain::OperationKind, Outcome>, int64_t> ended_ ABSL_GUARDED_BY(mutex_);
  std::map<domain::OperationKind, std::unique_ptr<Histogram>> took_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::metrics
