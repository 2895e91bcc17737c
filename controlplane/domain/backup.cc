// Which backups prove a retirement, which is the latest usable one, and which findings count.

#include "controlplane/domain/backup.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace croft::domain {
namespace {

constexpr absl::Duration kFirstCopyRetry = absl::Minutes(1);
constexpr absl::Duration kLongestCopyRetry = absl::Hours(1);

bool IsFinal(const Backup& backup, const Tenant& tenant) {
  return tenant.fence_time && tenant.delete_time && backup.origin == BackupOrigin::kFinal &&
         backup.tenant_uid == tenant.uid && backup.generation == tenant.placement.generation &&
         backup.create_time >= *tenant.delete_time;
}

}  // namespace

bool Passed(const Proof& proof) {
  return proof.outcome == NameOf(BackupState::kVerified) ||
         proof.outcome == NameOf(BackupState::kVerifiedWithNotes);
}

const BackupCopy* FindCopy(const Backup& backup, absl::string_view store_or_name) {
  const BackupCopy* named = nullptr;
  for (const BackupCopy& copy : backup.copies) {
    if (copy.store == store_or_name) return &copy;
    if (named == nullptr && !copy.store_name.empty() && copy.store_name == store_or_name) named = &copy;
  }
  return named;
}

BackupCopy* FindCopy(Backup& backup, absl::string_view store_or_name) {
  const BackupCopy* const found = FindCopy(std::as_const(backup), store_or_name);
  return found == nullptr ? nullptr : &backup.copies[static_cast<size_t>(found - backup.copies.data())];
}

std::vector<std::string> StoresOf(const Backup& backup) {
  std::vector<std::string> stores = {backup.store};
  for (const BackupCopy& copy : backup.copies) stores.push_back(copy.store);
  return stores;
}

std::vector<std::string> ReadableStoresOf(const Backup& backup) {
  const bool damaged = backup.state == BackupState::kDamaged;
  std::vector<std::string> stores;
  if (Stored(backup) && !damaged) stores.push_back(backup.store);
  for (const BackupCopy& copy : backup.copies) {
    if (damaged ? IsProven(copy.state) : IsUsable(copy.state)) stores.push_back(copy.store);
  }
  return stores;
}

std::string NextProofStore(const Backup& backup) {
  std::string store = backup.store;
  absl::Time proven = backup.verify_time.value_or(absl::InfinitePast());
  for (const BackupCopy& copy : backup.copies) {
    const absl::Time copy_proven = copy.verify_time.value_or(absl::InfinitePast());
    if (!IsUsable(copy.state) || copy_proven >= proven) continue;
    store = copy.store;
    proven = copy_proven;
  }
  return store;
}

absl::Duration CopyRetryDelay(int32_t failures) {
  return std::min(kLongestCopyRetry, kFirstCopyRetry * (int64_t{1} << std::clamp(failures - 1, 0, 10)));
}

bool IsVerdict(absl::string_view reason) {
  return reason == "ARCHIVE_DAMAGED" || reason == "CONTENT_DIFFERS" || reason == "BACKUP_INCOMPLETE" ||
         reason == "BACKUP_DAMAGED" || reason == "DUMP_DAMAGED" || reason == "MANIFEST_DAMAGED";
}

Findings FindingsOf(const Backup& backup) {
  if (!backup.verify_time) return Together(backup.findings, backup.proof_findings);
  Findings notes;
  for (const Finding& finding : backup.findings.listed) {
    if (finding.severity == FindingSeverity::kNote) notes.listed.push_back(finding);
  }
  notes.count = static_cast<int32_t>(notes.listed.size());
  return Together(notes, backup.proof_findings);
}

bool HasProof(const Tenant& tenant, const std::vector<Backup>& backups) {
  return std::any_of(backups.begin(), backups.end(),
                     [&](const Backup& backup) { return Proven(backup) && IsFinal(backup, tenant); });
}

const Backup* IncompleteFinalBackup(const Tenant& tenant, const std::vector<Backup>& backups) {
  const auto found = std::find_if(backups.begin(), backups.end(), [&](const Backup& backup) {
    return backup.state == BackupState::kIncomplete && IsFinal(backup, tenant);
  });
  return found == backups.end() ? nullptr : &*found;
}

const Backup* FindByGivenName(absl::string_view given_name, const std::vector<Backup>& backups) {
  if (given_name.empty()) return nullptr;
  const auto found = std::find_if(backups.begin(), backups.end(),
                                  [&](const Backup& backup) { return backup.given_name == given_name; });
  return found == backups.end() ? nullptr : &*found;
}

std::vector<Backup> HeldBackups(const std::vector<Backup>& backups) {
  std::vector<Backup> held;
  std::copy_if(backups.begin(), backups.end(), std::back_inserter(held), Held);
  return held;
}

std::string LatestUsable(const std::vector<Backup>& backups) {
  const Backup* best = nullptr;
  for (const Backup& backup : backups) {
    if (!Usable(backup)) continue;
    const bool better = best == nullptr || Proven(backup) > Proven(*best) ||
                        (Proven(backup) == Proven(*best) && backup.id > best->id);
    if (better) best = &backup;
  }
  return best == nullptr ? "" : best->id;
}

}  // namespace croft::domain
