#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/histogram.h"
#include "controlplane/domain/backup.h"
#include "controlplane/domain/host.h"
#include "controlplane/domain/operation.h"
#include "controlplane/domain/schedule.h"
#include "controlplane/domain/tenant.h"

// What a control plane measures, as plain values. Components count in their own terms; this is what is read from them for
// one scrape, and exposition.h writes it. Nothing here names a tenant: there may be a million.
namespace croft::metrics {

// Of one method of the API, since this process began.
struct CallFigures {
  std::string method;                         // such as "LookupService/Lookup"
  std::map<absl::StatusCode, int64_t> ended;  // calls, by how they ended
  std::optional<Histogram::Snapshot> took;    // of unary methods
  int64_t open = 0;                           // streams
};

// How an operation ended.
enum class Outcome {
  kSucceeded,
  kFailed,
  kCancelled,
  kBadBackup,  // a proof that did its work, and found the backup INCOMPLETE or DAMAGED
};

constexpr absl::string_view NameOf(Outcome value) {
  switch (value) {
    case Outcome::kSucceeded: return "SUCCEEDED";
    case Outcome::kFailed: return "FAILED";
    case Outcome::kCancelled: return "CANCELLED";
    case Outcome::kBadBackup: return "BAD_BACKUP";
  }
  return "";
}

struct OperationFigures {
  std::map<std::pair<domain::OperationKind, domain::OperationState>, int64_t> running;
  std::map<std::pair<domain::OperationKind, Outcome>, int64_t> ended;  // since this process began
  std::map<domain::OperationKind, Histogram::Snapshot> took;
  // Running operations by the state of their current step: it waits to be sent to its host, or its host works on it. One
  // whose step is appointed for later is neither.
  int64_t waiting = 0;
  int64_t working = 0;
  std::optional<absl::Time> waiting_since;  // of the one that waits longest
  std::optional<absl::Time> running_since;  // of the oldest one that is not appointed for later
};

// Of tenants that are READY or SUSPENDED; `stored` of all tenants.
struct BackupFigures {
  std::map<domain::BackupState, int64_t> stored;
  int64_t tenants_without_backup = 0;
  int64_t tenants_without_proven_backup = 0;
  // Of the tenants' newest proven backups, the oldest one's time; nullopt where there is none.
  std::optional<absl::Time> oldest_proven;
  // Of the times up to which each tenant could be restored from a usable backup (its creation where it has none), the
  // earliest one; nullopt without tenants.
  std::optional<absl::Time> oldest_restorable;
  int64_t failed_copies = 0;  // whose last try failed, or whose proof did
};

struct HostFigures {
  domain::Host host;
  std::optional<absl::Time> last_heard;  // in this process's life
};

struct CertificateFigures {
  std::string name;  // such as "server"
  absl::Time expire_time;
};

struct Figures {
  std::string version;
  absl::Time now;
  absl::Time start_time;
  int64_t epoch = 0;
  int64_t revision = 0;

  std::vector<CallFigures> calls;
  OperationFigures operations;
  std::map<domain::TenantState, int64_t> tenants;
  int64_t tenants_closed_for_growth = 0;
  std::vector<HostFigures> hosts;
  std::optional<BackupFigures> backups;  // nullopt while they are counted for the first time

  // Schedules whose time came long ago or that are refused again and again, up to a hundred of each; the former first.
  std::vector<domain::Schedule> late_schedules;

  // The writer: events that wait, since when, and how long commits take.
  int64_t events_waiting = 0;
  std::optional<absl::Time> event_waiting_since;
  Histogram::Snapshot commits;

  // The catalog's files in bytes, the free bytes of their disk, and the time of the newest copy.
  int64_t catalog_bytes = 0;
  int64_t wal_bytes = 0;
  int64_t disk_free_bytes = 0;
  std::optional<absl::Time> newest_copy;

  // Those who watch placements, and since when the slowest has not been told all there is.
  int64_t watchers = 0;
  std::optional<absl::Time> watcher_behind_since;

  std::vector<CertificateFigures> certificates;
};

}  // namespace croft::metrics
