#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <absl/time/time.h>

#include "common/clock.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/fleet/fleet.h"
#include "controlplane/handlers/watch_hub.h"
#include "controlplane/lookup/placement_index.h"
#include "controlplane/metrics/backup_census.h"
#include "controlplane/metrics/call_counts.h"
#include "controlplane/metrics/figures.h"
#include "controlplane/metrics/operation_counts.h"
#include "controlplane/server/catalog_copies.h"
#include "controlplane/server/writer.h"

namespace croft::server {

// The parts of a control plane that count something.
struct MeasuredParts {
  const Clock& clock;
  catalog::Catalog& catalog;
  const lookup::PlacementIndex& index;
  const metrics::CallCounts& calls;
  const metrics::OperationCounts& operations;
  const metrics::BackupCensus& backups;
  Writer& writer;
  const fleet::Fleet& fleet;
  const CatalogCopies& copies;
  const handlers::WatchHub& watchers;
};

struct MeasuredFiles {
  std::string catalog;
  std::map<std::string, std::string> certificates;  // PEM files, by what the figures call them
};

// Reads the figures of a control plane's parts: those who serve metrics and those who say whether all is well read the
// same ones. Thread-safe.
class FigureReader {
 public:
  // How late a schedule is, and how often in a row it was refused, before it counts: both some ten minutes.
  static constexpr absl::Duration kLate = absl::Minutes(10);
  static constexpr int32_t kRefusedTooOften = 8;
  static constexpr int32_t kLateSchedules = 100;

  // All parts outlive it.
  FigureReader(std::string version, MeasuredFiles files, MeasuredParts parts);

  metrics::Figures Read() const;
  // Of the catalog's disk; 0 while it cannot be read.
  int64_t DiskFreeBytes() const;

 private:
  void ReadSchedules(metrics::Figures& figures) const;
  void ReadFiles(metrics::Figures& figures) const;

  const std::string version_;
  const MeasuredFiles files_;
  const MeasuredParts parts_;
  const absl::Time start_time_;
};

}  // namespace croft::server
