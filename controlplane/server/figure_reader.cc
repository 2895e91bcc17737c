// Reads the figures of all parts of the control plane.

#include "controlplane/server/figure_reader.h"

#include <optional>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "common/crypto/x509.h"
#include "common/enums.h"
#include "common/files.h"

namespace croft::server {
namespace {

constexpr size_t kMaxCertificateBytes = 256 * 1024;

int64_t SizeOf(const std::string& file) {
  struct stat facts {};
  return stat(file.c_str(), &facts) == 0 ? facts.st_size : 0;
}

}  // namespace

FigureReader::FigureReader(std::string version, MeasuredFiles files, MeasuredParts parts)
    : version_(std::move(version)),
      files_(std::move(files)),
      parts_(parts),
      start_time_(parts.clock.Now()) {}

metrics::Figures FigureReader::Read() const {
  metrics::Figures figures{.version = version_, .now = parts_.clock.Now(), .start_time = start_time_};
  const domain::Revision revision = parts_.catalog.revision();
  figures.epoch = revision.epoch;
  figures.revision = revision.revision;
  figures.calls = parts_.calls.Read();
  figures.operations = parts_.operations.Read();
  for (const domain::TenantState state : AllOf<domain::TenantState>()) {
    if (state != domain::TenantState::kPurged) figures.tenants[state] = parts_.index.CountIn(state);
  }
  figures.tenants_closed_for_growth = parts_.index.CountClosedForGrowth();
  if (auto hosts = parts_.catalog.ListHosts(); hosts.ok()) {
    for (domain::Host& host : *hosts) {
      const std::optional<absl::Time> heard = parts_.fleet.LastHeard(host.id);
      figures.hosts.push_back({std::move(host), heard});
    }
  }
  figures.backups = parts_.backups.Read();
  ReadSchedules(figures);
  const Writer::Waiting waiting = parts_.writer.waiting();
  figures.events_waiting = static_cast<int64_t>(waiting.events);
  figures.event_waiting_since = waiting.since;
  figures.commits = parts_.writer.commits().Read();
  const handlers::WatchHub::Standing standing = parts_.watchers.standing();
  figures.watchers = static_cast<int64_t>(standing.watchers);
  figures.watcher_behind_since = standing.behind_since;
  ReadFiles(figures);
  return figures;
}

int64_t FigureReader::DiskFreeBytes() const {
  struct statvfs facts {};
  if (statvfs(files_.catalog.c_str(), &facts) != 0) return 0;
  return static_cast<int64_t>(facts.f_bavail) * static_cast<int64_t>(facts.f_frsize);
}

void FigureReader::ReadSchedules(metrics::Figures& figures) const {
  const absl::Time due = figures.now - kLate;
  if (auto late = parts_.catalog.DueSchedules(due, kLateSchedules); late.ok()) {
    figures.late_schedules = *std::move(late);
  }
  auto refused = parts_.catalog.RefusedSchedules(kRefusedTooOften, kLateSchedules);
  if (!refused.ok()) return;
  for (domain::Schedule& schedule : *refused) {
    if (schedule.next_time > due) figures.late_schedules.push_back(std::move(schedule));
  }
}

void FigureReader::ReadFiles(metrics::Figures& figures) const {
  figures.catalog_bytes = SizeOf(files_.catalog);
  figures.wal_bytes = SizeOf(files_.catalog + "-wal");
  figures.disk_free_bytes = DiskFreeBytes();
  figures.newest_copy = parts_.copies.newest();
  for (const auto& [name, file] : files_.certificates) {
    const absl::StatusOr<std::string> pem = ReadSmallFile(file, kMaxCertificateBytes);
    if (!pem.ok()) continue;
    const absl::StatusOr<crypto::CertificateFacts> facts = crypto::ReadCertificate(*pem);
    if (facts.ok()) figures.certificates.push_back({name, facts->not_after});
  }
}

}  // namespace croft::server
