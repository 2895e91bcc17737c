#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/string_view.h>

#include "controlplane/domain/fleet_check.h"

// Parts of CheckFleet.
namespace croft::domain {

// Who is who while a fleet is checked.
class Knowledge {
 public:
  Knowledge(const CatalogOutline& before, const CatalogView& after);

  const CatalogView& view() const { return view_; }

  // nullptr for a uid that no tenant has.
  const Tenant* TenantOf(absl::string_view uid) const;
  // Of a tenant that was purged.
  bool IsTombstone(absl::string_view uid) const;
  // Of a tenant, or one that was purged, of which nothing can be said.
  bool IsBusy(absl::string_view uid) const;
  // Tenants that live on the host and that nothing works on, by id.
  std::vector<const Tenant*> SettledOn(absl::string_view host) const;

  enum class Copy { kNone, kSealed, kLeaving };
  // Whether this is an undo copy: kept, or being dropped at this moment. `database` without its seal.
  Copy CopyAt(absl::string_view host, absl::string_view database) const;

  // Whether the catalog had the backup, or a copy of it, in that store at either moment.
  bool KnowsBackup(const PlacedBackup& backup) const;
  bool HadBackup(const PlacedBackup& backup) const;

  std::vector<std::string> Busy() const;

 private:
  void NoteWork(const std::vector<Operation>& running);
  void NoteCleanUp(const Operation& operation);

  const CatalogView& view_;
  std::map<std::string, const Tenant*, std::less<>> by_uid_;
  std::map<std::string, std::vector<const Tenant*>, std::less<>> by_host_;
  std::map<std::string, std::string, std::less<>> tombstones_;  // uid -> id
  std::set<std::string, std::less<>> busy_;                     // ids
  std::map<std::pair<std::string, std::string>, Copy> copies_;
  std::set<PlacedBackup> backups_before_;
  std::set<PlacedBackup> backups_;
};

void CheckHost(const Knowledge& knowledge, const Inventory& inventory, std::vector<FleetFinding>& findings);

// `inventory` is of the host that looked into `store`.
void CheckStore(const Knowledge& knowledge, const std::string& store, const Inventory& inventory,
                std::vector<FleetFinding>& findings);

}  // namespace croft::domain
