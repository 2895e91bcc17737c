#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <absl/time/time.h>

#include "controlplane/domain/backup.h"
#include "controlplane/domain/host.h"
#include "controlplane/domain/inventory.h"
#include "controlplane/domain/operation.h"
#include "controlplane/domain/tenant.h"

// The catalog held against what hosts and stores hold. Pure.
//
// The two are read at different moments, so nothing is said of what may have changed in between: an inventory is
// taken between two looks at the catalog, and a tenant that an operation works on in either, or that is another
// version in the second, is left out.
namespace croft::domain {

enum class FindingKind {
  kHostSilent,
  kStoreSilent,
  kDatabaseMissing,
  kDatabaseOrphaned,
  kDatabaseDoubled,
  kDatabaseHalfDropped,
  kDatabaseOpen,
  kDatabaseFencedByNobody,
  kDatabaseMistagged,
  kDatabaseScratch,
  kDirectoryOrphaned,
  kRoleMissing,
  kRoleOrphaned,
  kRoleOpen,
  kRoleClosed,
  kRoleLeftBehind,
  kBackupMissing,
  kCopyMissing,
  kBackupOrphaned,
  kBackupHalf,
  kKeyOrphaned,
  kTenantHomeless,
  kRoleDrifted,
  kGrantMissing,
  kRoleOverprivileged,
  kDatabaseOwnedByOther,
};

// kNote: goes away by itself, or harms nobody.
enum class Severity { kNote, kProblem };

// One difference; admin.proto says what each kind means.
struct FleetFinding {
  FindingKind kind = FindingKind::kHostSilent;
  Severity severity = Severity::kProblem;
  std::string host;    // id; empty for what lies in a store
  std::string store;   // id
  std::string tenant;  // id where the catalog knows it
  std::string uid;
  std::string object;
  std::string message;
  std::string remedy;
};

// The catalog at one moment.
struct CatalogView {
  // SHA-256 in hexadecimal of each verifier that lookups' passwords belong to, by login.
  std::map<std::string, std::string> verifier_digests;
  std::vector<Tenant> tenants;     // tombstones left out
  std::vector<Tenant> tombstones;  // of uids that were found and belong to no tenant
  std::vector<Operation> running;  // clean-ups included
  std::vector<Backup> backups;
  std::vector<Host> hosts;
};

// What may lie in a store: uid, backup's id, store's id.
using PlacedBackup = std::tuple<std::string, std::string, std::string>;

// What of an earlier moment is needed to tell what has changed since.
struct CatalogOutline {
  std::map<std::string, int64_t> versions;  // of tenants, by id
  std::vector<Operation> running;
  std::set<PlacedBackup> backups;
};
// The catalog as it was at `asked`, when the operations `running` ran, told by what of `after`, a later moment, has not
// changed since: nothing is read twice.
[[nodiscard]] CatalogOutline OutlineAt(absl::Time asked, std::vector<Operation> running,
                                       const CatalogView& after);

// What the hosts said. A host of the catalog that is in neither list was not asked.
struct FleetView {
  std::vector<Inventory> inventories;
  std::map<std::string, std::string> silent;  // host id -> why
};

struct FleetCheck {
  std::vector<FleetFinding> findings;  // by host or store, then by kind and object
  std::vector<std::string> busy;       // ids of tenants that nothing is said of
  int64_t stores_checked = 0;
};

[[nodiscard]] FleetCheck CheckFleet(const CatalogOutline& before, const CatalogView& after,
                                    const FleetView& fleet);

// Whether this host is where the tenant lives and shows its database and its published logins as the catalog says.
[[nodiscard]] bool ShowsAsSaid(const Inventory& inventory, const Tenant& tenant);

// Whether `tenant`, which nothing works on, is to let anybody in.
enum class Door {
  kOpen,
  kReadersOnly,
  kSealed,
  kNone,  // there is no database
};
[[nodiscard]] Door DoorOf(const Tenant& tenant);
[[nodiscard]] bool LetsIn(Door door, LoginRole role);

}  // namespace croft::domain
