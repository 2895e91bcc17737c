// What lies in one backup store, held against the catalog's backups.

#include <absl/strings/str_cat.h>

#include "controlplane/domain/fleet_check_parts.h"

namespace croft::domain {
namespace {

class StoreCheck {
 public:
  StoreCheck(const Knowledge& knowledge, const std::string& store, const Inventory& inventory,
             std::vector<FleetFinding>& findings)
      : knowledge_(knowledge), store_(store), inventory_(inventory), findings_(findings) {
    for (const FoundBackup& found : inventory.backups) {
      if (found.store == store) found_.emplace(std::pair(found.uid, found.id), &found);
    }
  }

  void Run() {
    for (const Backup& backup : knowledge_.view().backups) {
      if (backup.store == store_ && Stored(backup)) CheckKnown(backup, FindingKind::kBackupMissing);
      const BackupCopy* copy = FindCopy(backup, store_);
      if (copy != nullptr && copy->store == store_ && IsStored(copy->state))
        CheckKnown(backup, FindingKind::kCopyMissing);
    }
    for (const auto& [key, found] : found_) CheckFound(*found);
    for (const FoundKey& key : inventory_.keys) {
      if (key.store == store_) CheckKey(key);
    }
  }

 private:
  void Add(FindingKind kind, const std::string& uid, const std::string& object, std::string message,
           std::string remedy) {
    const Tenant* tenant = knowledge_.TenantOf(uid);
    findings_.push_back({.kind = kind,
                         .store = store_,
                         .tenant = tenant == nullptr ? "" : tenant->id,
                         .uid = uid,
                         .object = object,
                         .message = std::move(message),
                         .remedy = std::move(remedy)});
  }

  // What of it lacks in this store; empty when nothing does.
  std::string LackOf(const Backup& backup) const {
    const auto found = found_.find({backup.tenant_uid, backup.id});
    if (found == found_.end()) return "nothing of it is in its store";
    if (!found->second->has_manifest) return "its manifest is not in its store";
    if (!found->second->has_archive) return "its archive is not in its store";
    if (found->second->size_bytes == backup.size_bytes) return "";
    return absl::StrCat("its archive has ", found->second->size_bytes, " bytes where ", backup.size_bytes,
                        " were written");
  }

  void CheckKnown(const Backup& backup, FindingKind kind) {
    // A newer one than the look into the store says nothing.
    if (knowledge_.IsBusy(backup.tenant_uid) ||
        !knowledge_.HadBackup({backup.tenant_uid, backup.id, store_}))
      return;
    std::string lack = LackOf(backup);
    if (lack.empty()) return;
    if (kind == FindingKind::kCopyMissing) {
      return Add(kind, backup.tenant_uid, backup.id, std::move(lack),
                 "bring the store's files back; `croftctl admin repair-fleet` has it copied again");
    }
    const bool has_copies = !backup.copies.empty();
    Add(kind, backup.tenant_uid, backup.id, std::move(lack),
        has_copies
            ? "bring the store's files back; `croftctl admin repair-fleet` puts a usable copy in its "
              "place, or marks it as failed"
            : "bring the store's files back, or back the tenant up anew; `croftctl admin "
              "repair-fleet` marks this one as failed");
  }

  void CheckFound(const FoundBackup& found) {
    if (knowledge_.KnowsBackup({found.uid, found.id, store_}) || knowledge_.IsBusy(found.uid)) return;
    if (!found.has_manifest) {
      return Add(FindingKind::kBackupHalf, found.uid, found.id,
                 "an archive without its manifest is no backup", "delete its folder in the store by hand");
    }
    const bool gone = knowledge_.IsTombstone(found.uid);
    Add(FindingKind::kBackupOrphaned, found.uid, found.id,
        gone ? "its tenant was purged" : "the catalog has no such backup",
        gone ? "delete its folder in the store by hand"
             : "nothing of it is touched: it may be newer than what the catalog knows");
  }

  void CheckKey(const FoundKey& key) {
    if (knowledge_.TenantOf(key.uid) != nullptr || knowledge_.IsBusy(key.uid)) return;
    const bool gone = knowledge_.IsTombstone(key.uid);
    Add(FindingKind::kKeyOrphaned, key.uid, "key",
        gone ? "a data key of a tenant that was purged" : "the catalog knows nothing of its tenant",
        gone ? "delete its folder in the store by hand"
             : "nothing of it is touched: the backups beside it may be a tenant's only ones");
  }

  const Knowledge& knowledge_;
  const std::string& store_;
  const Inventory& inventory_;
  std::vector<FleetFinding>& findings_;
  std::map<std::pair<std::string, std::string>, const FoundBackup*> found_;
};

}  // namespace

void CheckStore(const Knowledge& knowledge, const std::string& store, const Inventory& inventory,
                std::vector<FleetFinding>& findings) {
  StoreCheck(knowledge, store, inventory, findings).Run();
}

}  // namespace croft::domain
