#pragma once

#include <map>
#include <set>
#include <string>
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
  kHostSilent,           // it did not report: nothing is known of what it holds
  kStoreSilent,          // no host got into it
  kDatabaseMissing,      // the catalog says that it is there
  kDatabaseOrphaned,     // it looks like Croft's, and the catalog knows nothing of its tenant
  kDatabaseDoubled,      // beside the one where its tenant lives and the undo copies
  kDatabaseHalfDropped,  // left of a tenant that was purged or never came to be, or by a DROP that was cut
  kDatabaseOpen,         // though its tenant is to be kept out
  kDatabaseFencedByNobody,  // closed, though its tenant is to be let in and nothing is under way
  kDatabaseMistagged,       // its comment names no tenant, or another one or another generation
  kDatabaseScratch,         // of a proof that has ended
  kDirectoryOrphaned,       // a folder in a server's `base` that belongs to no database
  kRoleMissing,
  kRoleOrphaned,    // it looks like Croft's and belongs to nothing on this host
  kRoleOpen,        // it can log in, though its tenant is to be kept out
  kRoleClosed,      // it cannot log in, though its tenant is to be let in
  kRoleLeftBehind,  // a short-lived login of Croft's own
  kBackupMissing,   // the catalog says that it can be restored, and it is not whole in its store
  kBackupOrphaned,  // it lies in a store, and the catalog has no such backup
  kBackupHalf,      // an archive without its manifest
  kKeyOrphaned,     // beside backups of a tenant that is gone
  kTenantHomeless,  // its host is not in the catalog, or was declared missing
  kRoleDrifted,     // its password is another one than lookups hand out
};

// kNote: goes away by itself, or harms nobody.
enum class Severity { kNote, kProblem };

// One difference.
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

// What of an earlier moment is needed to tell what has changed since.
struct CatalogOutline {
  std::map<std::string, int64_t> versions;  // of tenants, by id
  std::vector<Operation> running;
  std::set<std::pair<std::string, std::string>> backups;  // (uid, id)
};
[[nodiscard]] CatalogOutline OutlineOf(const CatalogView& view);

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

}  // namespace croft::domain
