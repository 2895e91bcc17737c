#pragma once

#include <map>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "controlplane/domain/backup.h"
#include "controlplane/domain/host.h"
#include "controlplane/domain/inventory.h"
#include "controlplane/domain/tenant.h"

// A catalog made of what agents find, when the catalog and every copy of it are gone. Pure.
namespace croft::domain {

struct ReportedHost {
  Host host;  // identity and report, the rest as it is for a new one
  Inventory inventory;
};

// What the key store has kept of a tenant.
struct RememberedTenant {
  std::string id;       // empty where it is not known
  bool purged = false;  // its data key was destroyed
};

struct Rebuilt {
  std::vector<Tenant> tenants;     // by id; of each credential only login, role and that it is published
  std::vector<Host> hosts;         // by id
  std::vector<Backup> backups;     // by tenant's uid and id
  std::vector<std::string> notes;  // what people should know, a sentence each
};

// A tenant lives in the database that carries its uid: on each host the open one, or else the latest; of several hosts the
// one with the later generation. What else claims to be the tenant's is noted. It is READY when its application's login
// gets in there, and else SUSPENDED, whoever closed it and why. One of which only backups are left, and its key, is READY
// on a host that is missing, so that it can be restored.
//
// Its id is the one that `remembered` has, by uid, or else made of the names, which hold its first letters. Its published
// logins are such as nobody can be using, since nobody knows the passwords of those in use: the check of the fleet finds
// them closed or missing, and until they are mended the tenant is not confirmed. Nobody whose data key was destroyed
// comes back.
[[nodiscard]] Rebuilt RebuildCatalog(const std::vector<ReportedHost>& hosts,
                                     const std::map<std::string, RememberedTenant>& remembered,
                                     absl::Time now);

}  // namespace croft::domain
