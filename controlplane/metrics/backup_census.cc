// Knows the newest backups of every tenant, for the figures of backups.

#include "controlplane/metrics/backup_census.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <absl/hash/hash.h>
#include <absl/time/clock.h>

#include "common/errors.h"
#include "common/log.h"

namespace croft::metrics {
namespace {

constexpr int32_t kPage = 500;
constexpr absl::Duration kRetry = absl::Seconds(30);

uint32_t SecondOf(absl::Time time) {
  return static_cast<uint32_t>(std::clamp<int64_t>(absl::ToUnixSeconds(time), 1, UINT32_MAX));
}

bool IsOpen(domain::TenantState state) {
  return state == domain::TenantState::kReady || state == domain::TenantState::kSuspended;
}

void Earliest(uint32_t second, std::optional<absl::Time>& earliest) {
  const absl::Time time = absl::FromUnixSeconds(second);
  if (!earliest || time < *earliest) earliest = time;
}

}  // namespace

uint64_t BackupCensus::KeyOf(absl::string_view tenant) { return absl::Hash<absl::string_view>()(tenant); }

void BackupCensus::Start() {
  thread_ = std::thread([this] { Run(); });
}

void BackupCensus::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

bool BackupCensus::stopping() const {
  const MutexLock lock(mutex_);
  return stopping_;
}

// False when it is to stop.
bool BackupCensus::Wait(absl::Duration time) {
  const absl::Time end = absl::Now() + time;
  const MutexLock lock(mutex_);
  for (absl::Time now = absl::Now(); !stopping_ && now < end; now = absl::Now()) {
    changed_.WaitFor(mutex_, end - now + absl::Milliseconds(1));
  }
  return !stopping_;
}

void BackupCensus::Run() {
  for (bool all_read = false; !stopping();) {
    const absl::Status status = all_read ? ReadChanged() : ReadAll();
    all_read = all_read || status.ok();
    if (!status.ok() && !stopping()) {
      log::Error("the backups cannot be counted; trying again", {{"error", log::Text(status)}});
    }
    if (!Wait(status.ok() ? kInterval : kRetry)) return;
  }
}

void BackupCensus::Apply(const std::vector<catalog::Change>& changes) {
  const MutexLock lock(mutex_);
  for (const catalog::Change& change : changes) {
    if (const auto* backup = std::get_if<catalog::PutBackup>(&change)) {
      touched_.insert(backup->backup.tenant);
    } else if (const auto* deleted = std::get_if<catalog::DeleteBackup>(&change)) {
      touched_.insert(deleted->tenant);
    } else if (const auto* put = std::get_if<catalog::PutTenant>(&change)) {
      const auto known = entries_.find(KeyOf(put->tenant.id));
      if (known == entries_.end() || known->second.state != put->tenant.state)
        touched_.insert(put->tenant.id);
    }
  }
}

absl::Status BackupCensus::ReadAll() {
  CROFT_RETURN_IF_ERROR(ReadAllPages());
  return ReadChanged();
}

// Between two pages it rests as long as a page takes, so that a large catalog costs at most half a core while it is read.
absl::Status BackupCensus::ReadAllPages() {
  catalog::TenantQuery query{.show_retired = true, .limit = kPage};
  for (bool more = true; more;) {
    const absl::Time begun = absl::Now();
    CROFT_ASSIGN_OR_RETURN(const catalog::TenantPage page, catalog_.ListTenants(query));
    for (const domain::Tenant& tenant : page.tenants) {
      CROFT_ASSIGN_OR_RETURN(const Entry entry, Count(tenant));
      const MutexLock lock(mutex_);
      entries_[KeyOf(tenant.id)] = entry;
    }
    more = page.next_after.has_value();
    if (more) query.after_id = *page.next_after;
    if (more && !Wait(absl::Now() - begun)) return absl::CancelledError("the control plane is ending");
  }
  return absl::OkStatus();
}

absl::Status BackupCensus::ReadChanged() {
  std::set<std::string> touched;
  {
    const MutexLock lock(mutex_);
    touched.swap(touched_);
  }
  for (auto tenant = touched.begin(); tenant != touched.end(); ++tenant) {
    if (const absl::Status status = Read(*tenant); !status.ok()) {
      const MutexLock lock(mutex_);
      touched_.insert(tenant, touched.end());
      return status;
    }
  }
  Publish();
  return absl::OkStatus();
}

absl::Status BackupCensus::Read(const std::string& tenant) {
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> found, catalog_.GetTenant(tenant));
  if (!found || found->state == domain::TenantState::kPurged) {
    const MutexLock lock(mutex_);
    entries_.erase(KeyOf(tenant));
    return absl::OkStatus();
  }
  CROFT_ASSIGN_OR_RETURN(const Entry entry, Count(*found));
  const MutexLock lock(mutex_);
  entries_[KeyOf(tenant)] = entry;
  return absl::OkStatus();
}

// The newest backups of a tenant that has very many are enough: nothing is said of the others but how many there are.
absl::StatusOr<BackupCensus::Entry> BackupCensus::Count(const domain::Tenant& tenant) {
  Entry entry{.create_second = SecondOf(tenant.create_time), .state = tenant.state};
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Backup> backups,
                         catalog_.ListBackups(tenant.id, {}, int32_t{kMostCounted} * kStates));
  for (const domain::Backup& backup : backups) {
    uint8_t& stored = entry.stored[static_cast<size_t>(backup.state)];
    if (stored < kMostCounted) ++stored;
    for (const domain::BackupCopy& copy : backup.copies) {
      const bool bad = copy.state == domain::BackupState::kFailed ||
                       (domain::IsStored(copy.state) && !domain::IsUsable(copy.state));
      if (bad && entry.failed_copies < kMostCounted) ++entry.failed_copies;
    }
    const uint32_t second = SecondOf(backup.create_time);
    if (domain::Usable(backup)) entry.usable_second = std::max(entry.usable_second, second);
    if (domain::Proven(backup)) entry.proven_second = std::max(entry.proven_second, second);
  }
  return entry;
}

void BackupCensus::Publish() {
  const MutexLock lock(mutex_);
  figures_ = Sum();
}

BackupFigures BackupCensus::Sum() const {
  BackupFigures figures;
  std::array<int64_t, kStates> stored{};
  for (const auto& [key, entry] : entries_) {
    for (size_t state = 0; state < kStates; ++state) stored[state] += entry.stored[state];
    figures.failed_copies += entry.failed_copies;
    if (!IsOpen(entry.state)) continue;
    if (entry.usable_second == 0) ++figures.tenants_without_backup;
    if (entry.proven_second == 0) ++figures.tenants_without_proven_backup;
    Earliest(std::max(entry.create_second, entry.usable_second), figures.oldest_restorable);
    if (entry.proven_second > 0) Earliest(entry.proven_second, figures.oldest_proven);
  }
  for (size_t state = 0; state < kStates; ++state) {
    figures.stored[static_cast<domain::BackupState>(state)] = stored[state];
  }
  return figures;
}

std::optional<BackupFigures> BackupCensus::Read() const {
  const MutexLock lock(mutex_);
  return figures_;
}

}  // namespace croft::metrics
