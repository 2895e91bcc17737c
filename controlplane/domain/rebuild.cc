// Makes a new catalog from the inventories of hosts and stores.

#include "controlplane/domain/rebuild.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/string_view.h>
#include <absl/strings/strip.h>

#include "common/names.h"
#include "controlplane/domain/host_choice.h"
#include "controlplane/domain/storage.h"

namespace croft::domain {
namespace {

constexpr size_t kSlugLength = 20;  // of a tenant's id in names
// No counter gets there; one that is said to would leave no room to count on.
constexpr int64_t kHighestCounter = int64_t{1} << 53;

bool IsOpen(const FoundDatabase& database) {
  return database.allows_connections && WithoutSeal(database.name) == database.name;
}

bool GetsIn(const FoundRole& role) { return role.can_login && !role.expired; }

// `t_<slug>_<uid>` of a database `t_<slug>_<uid>_g<generation>`, sealed or not; empty for other names.
std::string OwnerOf(absl::string_view database, absl::string_view uid, int64_t generation) {
  if (generation < 1 || generation > kHighestCounter) return "";
  std::string owner = WithoutSeal(database);
  const std::string suffix = absl::StrCat("_g", generation);
  if (!absl::EndsWith(owner, suffix)) return "";
  owner.resize(owner.size() - suffix.size());
  return absl::EndsWith(owner, absl::StrCat("_", uid)) && UidInName(owner) == uid ? owner : "";
}

std::string SlugOf(const Tenant& tenant) {
  absl::string_view slug = tenant.owner_role;
  absl::ConsumePrefix(&slug, "t_");
  absl::ConsumeSuffix(&slug, absl::StrCat("_", tenant.uid));
  return std::string(slug);
}

// No id has an underscore, or ends with a dash.
std::string IdFromNames(const Tenant& tenant) {
  std::string id = absl::StrReplaceAll(SlugOf(tenant), {{"_", "-"}});
  while (!id.empty() && id.back() == '-') id.pop_back();
  return CheckId(id, "id").ok() ? id : tenant.uid;
}

std::vector<std::string> ServerNames(const HostReport& report) {
  std::vector<std::string> names;
  for (const std::string& endpoint : report.advertise_endpoints) {
    absl::string_view name = absl::string_view(endpoint).substr(0, endpoint.rfind(':'));
    if (absl::ConsumePrefix(&name, "[")) absl::ConsumeSuffix(&name, "]");
    if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
  }
  return names;
}

// A database that carries the uid of a tenant in its comment and in its name.
struct Home {
  const ReportedHost* host = nullptr;
  const FoundDatabase* database = nullptr;
  std::string owner;

  const std::string& host_id() const { return host->inventory.host; }
  std::string Where() const { return absl::StrCat(database->name, " on ", HostName(host_id())); }
};

// On one host an open database is where the tenant works, even while a later one is being made beside it.
bool BeatsOnItsHost(const Home& one, const Home& other) {
  return std::tuple(IsOpen(*one.database), one.database->generation) >
         std::tuple(IsOpen(*other.database), other.database->generation);
}

// Of two hosts the later generation wins, also where it is closed: the other host may have been given up when the
// tenant was restored, and be back.
bool BeatsElsewhere(const Home& one, const Home& other) {
  return std::tuple(one.database->generation, IsOpen(*one.database)) >
         std::tuple(other.database->generation, IsOpen(*other.database));
}

class Rebuilder {
 public:
  Rebuilder(const std::vector<ReportedHost>& hosts,
            const std::map<std::string, RememberedTenant>& remembered, absl::Time now)
      : reported_(hosts), remembered_(remembered), now_(now) {
    std::sort(reported_.begin(), reported_.end(),
              [](const auto& a, const auto& b) { return a.host.id < b.host.id; });
  }

  Rebuilt Run() {
    TakeHosts();
    FindHomes();
    for (const auto& [uid, homes] : homes_) AddTenant(uid, homes);
    TakeBackups();
    RaiseOrders();
    NameTenants();
    AddBackups();
    SortHosts();
    CountRoom();
    NoteUnfound();
    NoteStores();
    return std::move(rebuilt_);
  }

 private:
  template <typename... Parts>
  void Note(const Parts&... parts) {
    rebuilt_.notes.push_back(absl::StrCat(parts...));
  }

  bool WasPurged(const std::string& uid) const {
    const auto found = remembered_.find(uid);
    return found != remembered_.end() && found->second.purged;
  }

  void TakeHosts() {
    for (const ReportedHost& reported : reported_) {
      Host& host = rebuilt_.hosts.emplace_back(reported.host);
      host.create_time = host.update_time = now_;
      host.version = 1;
      host.accepted_system_identifier = host.report.system_identifier;
      host.server_names = ServerNames(host.report);
    }
  }

  void FindHomes() {
    for (const ReportedHost& reported : reported_) {
      for (const FoundDatabase& database : reported.inventory.databases) {
        if (IsScratch(database.name)) continue;
        Home home{&reported, &database, OwnerOf(database.name, database.uid, database.generation)};
        const bool is_home = !database.invalid && !home.owner.empty() && !WasPurged(database.uid);
        if (is_home) homes_[database.uid].push_back(std::move(home));
        if (!is_home) NoteStray(home);
      }
    }
  }

  void NoteStray(const Home& home) {
    if (home.database->invalid) return Note("left out: ", home.Where(), ", of which a DROP was cut");
    if (WasPurged(home.database->uid)) return Note("left out: ", home.Where(), ", whose tenant was purged");
    Note("left out: ", home.Where(), ", whose name and comment do not say together whose it is");
  }

  Tenant& NewTenant(const std::string& uid, const std::string& owner) {
    Tenant& tenant = tenants_[uid];
    tenant.uid = uid;
    tenant.owner_role = owner;
    tenant.reader_role = absl::StrCat(owner, "_r");
    tenant.create_time = tenant.update_time = now_;
    tenant.version = 1;
    tenant.state = TenantState::kSuspended;
    tenant.suspend_mode = SuspendMode::kBlocked;
    return tenant;
  }

  static const Home& Choose(const std::vector<Home>& homes) {
    std::map<std::string, const Home*> of_host;
    for (const Home& home : homes) {
      const Home*& best = of_host[home.host_id()];
      if (best == nullptr || BeatsOnItsHost(home, *best)) best = &home;
    }
    const Home* chosen = nullptr;
    for (const auto& [host, home] : of_host) {
      if (chosen == nullptr || BeatsElsewhere(*home, *chosen)) chosen = home;
    }
    return *chosen;
  }

  void AddTenant(const std::string& uid, const std::vector<Home>& homes) {
    const Home& home = Choose(homes);
    const Inventory& inventory = home.host->inventory;
    Tenant& tenant = NewTenant(uid, home.owner);
    tenant.placement = {home.host_id(), WithoutSeal(home.database->name), home.database->generation};
    // Its quota is lost; the next look at its size opens it.
    tenant.storage.closed = ShowsClosed(*home.database, home.owner);
    for (const Home& one : homes)
      tenant.last_generation = std::max(tenant.last_generation, one.database->generation);
    const bool writers = AddLogin(tenant, LoginRole::kApp, "_a", "_b", inventory);
    const bool readers = AddLogin(tenant, LoginRole::kReadOnly, "_ra", "_rb", inventory);
    if (IsOpen(*home.database) && writers) {
      tenant.state = TenantState::kReady;
      tenant.suspend_mode = SuspendMode::kNone;
    } else if (IsOpen(*home.database) && readers) {
      tenant.suspend_mode = SuspendMode::kReadOnly;
    }
    for (const Home& other : homes) NoteClaim(home, other);
  }

  // Closed earlier ones beside it are copies that a restore in place left.
  void NoteClaim(const Home& home, const Home& other) {
    if (other.database == home.database) return;
    const bool is_copy = other.host == home.host && !IsOpen(*other.database) &&
                         other.database->generation < home.database->generation;
    if (is_copy) return;
    Note("two databases claim to be the same tenant's: ", home.Where(), " was taken",
         IsOpen(*home.database) ? "" : ", which is closed", ", ", other.Where(), " was not",
         IsOpen(*other.database) ? ", though it is open: find out who uses it, then close it" : "");
  }

  // Two logins take turns. The password of one that is in use is unknown and may be hidden, so the other one is
  // published. Returns whether any gets in.
  static bool AddLogin(Tenant& tenant, LoginRole role, absl::string_view first, absl::string_view second,
                       const Inventory& inventory) {
    std::string closed;
    std::string missing;
    bool lets_in = false;
    for (const absl::string_view suffix : {second, first}) {
      const std::string name = absl::StrCat(tenant.owner_role, suffix);
      const auto found = std::find_if(inventory.roles.begin(), inventory.roles.end(),
                                      [&](const FoundRole& one) { return one.name == name; });
      if (found == inventory.roles.end()) {
        missing = name;
      } else if (GetsIn(*found)) {
        lets_in = true;
      } else {
        closed = name;
      }
    }
    std::string login = !closed.empty() ? closed : missing;
    if (login.empty()) login = absl::StrCat(tenant.owner_role, second);
    tenant.credentials.push_back({.login = std::move(login), .role = role, .published = true});
    return lets_in;
  }

  // Several hosts' looks into one store show the same.
  void TakeBackups() {
    for (const ReportedHost& reported : reported_) {
      for (const FoundBackup& backup : reported.inventory.backups) {
        if (!backup.has_archive || !backup.manifest || !CheckId(backup.id, "backup").ok()) continue;
        const std::pair key(backup.uid, backup.id);
        const auto [known, first] = backups_.emplace(key, &backup);
        if (!first && known->second->store != backup.store)
          further_.emplace(key, std::pair(&reported, &backup));
      }
    }
    for (const auto& [key, backup] : backups_) {
      if (tenants_.count(backup->uid) == 0) AddLost(*backup);
      NoteNewest(*backup);
    }
  }

  // A name that no host has, for one that is gone for good: what lived on it can be restored elsewhere.
  std::string LostHost() {
    const auto found = std::find_if(rebuilt_.hosts.begin(), rebuilt_.hosts.end(),
                                    [](const Host& host) { return host.missing; });
    if (found != rebuilt_.hosts.end()) return found->id;
    std::string id = "lost";
    for (const ReportedHost& reported : reported_) {
      if (reported.host.id == id) id += "-0";  // they are in order, and so are these
    }
    Host& host = rebuilt_.hosts.emplace_back();
    host.id = host.uid = id;
    host.create_time = host.update_time = now_;
    host.version = 1;
    host.missing = true;
    return id;
  }

  // Nothing but backups is left of it on the hosts that reported. Only what has a key is taken: whoever can write to a
  // store can make up the rest.
  void AddLost(const FoundBackup& backup) {
    const FoundManifest& manifest = *backup.manifest;
    const std::string owner = OwnerOf(manifest.database, backup.uid, manifest.generation);
    const auto known = remembered_.find(backup.uid);
    if (owner.empty() || owner != manifest.owner_role || known == remembered_.end() || known->second.purged)
      return;
    Tenant& tenant = NewTenant(backup.uid, owner);
    tenant.placement = {LostHost(), WithoutSeal(manifest.database), manifest.generation};
    tenant.last_generation = manifest.generation;
    // Only so can it be restored. Lookups are refused until then, for no host shows it.
    tenant.state = TenantState::kReady;
    tenant.suspend_mode = SuspendMode::kNone;
    AddLogin(tenant, LoginRole::kApp, "_a", "_b", Inventory());
    AddLogin(tenant, LoginRole::kReadOnly, "_ra", "_rb", Inventory());
    lost_.insert(backup.uid);
  }

  // Backups come in order of their ids, which begin with when they were made.
  void NoteNewest(const FoundBackup& backup) {
    const auto found = tenants_.find(backup.uid);
    if (found == tenants_.end()) return;
    Tenant& tenant = found->second;
    const FoundManifest& manifest = *backup.manifest;
    tenant.last_backup = backup.id;
    tenant.locale = manifest.locale;
    tenant.extensions = manifest.extensions;
    if (manifest.generation <= kHighestCounter)
      tenant.last_generation = std::max(tenant.last_generation, manifest.generation);
    if (lost_.count(backup.uid) > 0 && manifest.generation > tenant.placement.generation &&
        OwnerOf(manifest.database, backup.uid, manifest.generation) == tenant.owner_role) {
      tenant.placement.database = WithoutSeal(manifest.database);
      tenant.placement.generation = manifest.generation;
    }
  }

  void RaiseOrders() {
    for (const ReportedHost& reported : reported_) {
      for (const ObeyedPosition& position : reported.inventory.positions) {
        const auto found = tenants_.find(position.uid);
        if (found == tenants_.end()) continue;
        found->second.order = std::max(found->second.order, std::min(position.order, kHighestCounter));
      }
    }
  }

  std::string RememberedId(const std::string& uid) const {
    const auto found = remembered_.find(uid);
    return found != remembered_.end() && CheckId(found->second.id, "id").ok() ? found->second.id : "";
  }

  void NameTenants() {
    std::set<std::string> used;
    std::map<std::string, int> made;
    for (auto& [uid, tenant] : tenants_) {
      const std::string id = RememberedId(uid);
      if (id.empty()) ++made[IdFromNames(tenant)];
      if (!id.empty()) tenant.id = used.insert(id).second ? id : WithUid(id, uid);
    }
    for (auto& [uid, tenant] : tenants_) {
      if (tenant.id.empty()) NameByNames(tenant, made, used);
      if (lost_.count(uid) > 0) NoteLost(tenant);
      rebuilt_.tenants.push_back(tenant);
    }
    std::sort(rebuilt_.tenants.begin(), rebuilt_.tenants.end(),
              [](const Tenant& a, const Tenant& b) { return a.id < b.id; });
  }

  static std::string WithUid(absl::string_view id, absl::string_view uid) {
    return absl::StrCat(id.substr(0, kSlugLength), "-", uid);
  }

  void NameByNames(Tenant& tenant, std::map<std::string, int>& made, const std::set<std::string>& used) {
    const std::string id = IdFromNames(tenant);
    const bool is_double = made[id] > 1 || used.count(id) > 0;
    tenant.id = is_double ? WithUid(id, tenant.uid) : id;
    if (!is_double && SlugOf(tenant).size() < kSlugLength) return;
    Note(
        "the tenant ", tenant.id, " (", tenant.placement.database,
        ") may have had a longer id, of which its names hold only the first letters: give it as an alias, ",
        "`croftctl tenant update ", tenant.id, " --alias ID`");
  }

  void NoteLost(const Tenant& tenant) {
    Note("of the tenant ", tenant.id, " only backups were found: if it lives on a host that was left out, ",
         "rebuild again with that host; else `croftctl tenant restore ", tenant.id, " --backup ",
         tenant.last_backup, "` brings it back on another host, and opens it: whether it was suspended or ",
         "retired is not known");
  }

  // The same archive as it was found in further stores.
  std::vector<BackupCopy> CopiesOf(const FoundBackup& backup) const {
    std::vector<BackupCopy> copies;
    std::set<std::string> taken = {backup.store};
    const auto [first, last] = further_.equal_range({backup.uid, backup.id});
    for (auto it = first; it != last; ++it) {
      const auto& [reported, found] = it->second;
      const bool same = found->manifest->sha256 == backup.manifest->sha256;
      if (!same || !taken.insert(found->store).second) continue;
      const auto& names = reported->host.report.store_names;
      const auto name = names.find(found->store);
      copies.push_back({.store = found->store,
                        .store_name = name == names.end() ? "" : name->second,
                        .state = BackupState::kAvailable,
                        .create_time = backup.manifest->create_time});
    }
    return copies;
  }

  void AddBackups() {
    int64_t nobodys = 0;
    for (const auto& [key, found] : backups_) {
      const FoundBackup& backup = *found;
      const auto tenant = tenants_.find(backup.uid);
      if (tenant == tenants_.end()) {
        ++nobodys;
        continue;
      }
      const FoundManifest& manifest = *backup.manifest;
      rebuilt_.backups.push_back({.tenant = tenant->second.id,
                                  .id = backup.id,
                                  .tenant_uid = backup.uid,
                                  .create_time = manifest.create_time,
                                  .update_time = now_,
                                  .version = 1,
                                  .state = BackupState::kAvailable,
                                  .origin = BackupOrigin::kManual,
                                  .store = backup.store,
                                  .size_bytes = backup.size_bytes,
                                  .sha256 = manifest.sha256,
                                  .generation = manifest.generation,
                                  .server_version = manifest.server_version,
                                  .table_count = manifest.table_count,
                                  .row_count = manifest.row_count,
                                  .wrapped_key = manifest.wrapped_key,
                                  .copies = CopiesOf(backup)});
    }
    if (nobodys > 0) {
      Note(nobodys, " backups were left out: their tenants were purged, or no key of them is here; ",
           "`croftctl admin check-fleet` names them");
    }
  }

  void SortHosts() {
    std::sort(rebuilt_.hosts.begin(), rebuilt_.hosts.end(),
              [](const Host& a, const Host& b) { return a.id < b.id; });
  }

  void CountRoom() {
    for (Host& host : rebuilt_.hosts) {
      for (const Tenant& tenant : rebuilt_.tenants) {
        if (tenant.placement.host == host.id) TakeRoom(host, tenant.quota.connections);
      }
    }
  }

  void NoteUnfound() {
    for (const auto& [uid, known] : remembered_) {
      if (known.purged || tenants_.count(uid) > 0) continue;
      Note("nothing was found of the tenant ", known.id.empty() ? uid : known.id,
           ", whose key is in the key store: it lives on a host that was left out, or is lost, or never ",
           "came to be");
    }
  }

  void NoteStores() {
    std::set<std::string> read;
    std::map<std::string, std::string> problems;
    for (const ReportedHost& reported : reported_) {
      for (const LookedInto& look : reported.inventory.stores) {
        if (look.problem.empty()) read.insert(look.store);
        if (!look.problem.empty()) problems.emplace(look.store, look.problem);
      }
    }
    for (const auto& [store, problem] : problems) {
      if (read.count(store) == 0)
        Note("the store ", store, " could not be read, so its backups are missing: ", problem);
    }
    for (const ReportedHost& reported : reported_) {
      for (const FoundBackup& backup : reported.inventory.backups) {
        const bool unread = backup.has_manifest && !backup.manifest;
        if (unread && backups_.count({backup.uid, backup.id}) == 0)
          Note("left out: the backup ", backup.uid, "/", backup.id, " in the store ", backup.store,
               ", whose manifest cannot be read");
      }
    }
  }

  std::vector<ReportedHost> reported_;
  const std::map<std::string, RememberedTenant>& remembered_;
  const absl::Time now_;
  std::map<std::string, std::vector<Home>> homes_;                             // by uid
  std::map<std::string, Tenant> tenants_;                                      // by uid
  std::set<std::string> lost_;                                                 // uids
  std::map<std::pair<std::string, std::string>, const FoundBackup*> backups_;  // by uid and id
  // The same in other stores.
  std::multimap<std::pair<std::string, std::string>, std::pair<const ReportedHost*, const FoundBackup*>>
      further_;
  Rebuilt rebuilt_;
};

}  // namespace

Rebuilt RebuildCatalog(const std::vector<ReportedHost>& hosts,
                       const std::map<std::string, RememberedTenant>& remembered, absl::Time now) {
  return Rebuilder(hosts, remembered, now).Run();
}

}  // namespace croft::domain
