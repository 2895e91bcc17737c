// What is on one server, held against who is to live there.

#include <algorithm>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/strip.h>

#include "controlplane/domain/fleet_check_parts.h"

namespace croft::domain {
namespace {

constexpr char kRestore[] = "restore its newest backup: `croftctl tenant restore ID --backup latest`";

constexpr size_t kHelperLetters = 8;

// A short-lived login of Croft's own: `m` or `p` and letters behind the owner's name.
bool IsHelper(absl::string_view role, absl::string_view owner) {
  if (role.size() != owner.size() + 2 + kHelperLetters || !absl::StartsWith(role, owner)) return false;
  const absl::string_view suffix = role.substr(owner.size());
  return absl::StartsWith(suffix, "_m") || absl::StartsWith(suffix, "_p");
}

// Logins take turns: one that was replaced stays, closed, for the next rotation.
bool IsLoginSlot(absl::string_view role, absl::string_view owner) {
  if (!absl::StartsWith(role, owner)) return false;
  const absl::string_view suffix = role.substr(owner.size());
  return suffix == "_a" || suffix == "_b" || suffix == "_ra" || suffix == "_rb";
}

bool CanGetIn(const FoundRole& role) { return role.can_login && !role.expired; }

class HostCheck {
 public:
  HostCheck(const Knowledge& knowledge, const Inventory& inventory, std::vector<FleetFinding>& findings)
      : knowledge_(knowledge), inventory_(inventory), findings_(findings) {
    for (const FoundDatabase& database : inventory.databases) databases_.emplace(database.name, &database);
    for (const FoundRole& role : inventory.roles) roles_.emplace(role.name, &role);
  }

  void Run() {
    for (const Tenant* tenant : knowledge_.SettledOn(inventory_.host)) CheckTenant(*tenant);
    for (const auto& [name, database] : databases_) CheckStray(*database);
    for (const auto& [name, role] : roles_) CheckStray(*role);
    for (const std::string& folder : inventory_.orphan_directories) {
      Add({.kind = FindingKind::kDirectoryOrphaned,
           .object = folder,
           .message = absl::StrCat("the folder base/", folder, " belongs to no database"),
           .remedy =
               "a server that was killed while it made or dropped a database left it; with the server "
               "stopped, the folder can be removed by hand"});
    }
  }

 private:
  void Add(FleetFinding finding) {
    finding.host = inventory_.host;
    findings_.push_back(std::move(finding));
  }
  void Add(const Tenant& tenant, FindingKind kind, const std::string& object, std::string message,
           std::string remedy, Severity severity = Severity::kProblem) {
    Add({.kind = kind,
         .severity = severity,
         .tenant = tenant.id,
         .uid = tenant.uid,
         .object = object,
         .message = std::move(message),
         .remedy = std::move(remedy)});
  }

  // Takes it, so that it is no stray any more.
  const FoundDatabase* TakeDatabase(const std::string& name) {
    const auto found = databases_.find(name);
    if (found == databases_.end()) return nullptr;
    const FoundDatabase* database = found->second;
    databases_.erase(found);
    return database;
  }
  const FoundRole* TakeRole(const std::string& name) {
    const auto found = roles_.find(name);
    if (found == roles_.end()) return nullptr;
    const FoundRole* role = found->second;
    roles_.erase(found);
    return role;
  }

  void CheckTenant(const Tenant& tenant) {
    const Door door = DoorOf(tenant);
    if (door == Door::kNone) return;  // what is there of it is a stray
    // The name that it should have goes first; a second one is a stray.
    const std::string& own = tenant.placement.database;
    const std::string sealed = WithSeal(own);
    const bool is_sealed =
        door == Door::kSealed ? databases_.count(sealed) > 0 : databases_.count(own) == 0;
    const FoundDatabase* database = TakeDatabase(is_sealed ? sealed : own);
    if (database == nullptr) {
      Add(tenant, FindingKind::kDatabaseMissing, own, "the tenant's database is not there", kRestore);
    } else {
      CheckDatabase(tenant, door, *database, is_sealed);
    }
    CheckRoles(tenant, door);
  }

  void CheckDatabase(const Tenant& tenant, Door door, const FoundDatabase& database, bool is_sealed) {
    if (database.invalid) {
      return Add(tenant, FindingKind::kDatabaseHalfDropped, database.name,
                 "a DROP of the tenant's database was cut: nobody can use it any more", kRestore);
    }
    CheckOwner(tenant, database);
    // A closed one is given what it lacks when it is opened.
    if (!is_sealed && database.allows_connections) CheckGrants(tenant, door, database);
    if (database.uid != tenant.uid || database.generation != tenant.placement.generation) {
      Add(tenant, FindingKind::kDatabaseMistagged, database.name,
          database.uid.empty()
              ? "its comment does not say whose it is"
              : absl::StrCat("its comment says uid ", database.uid, ", generation ", database.generation,
                             "; the catalog says generation ", tenant.placement.generation),
          database.uid.empty() || database.uid == tenant.uid
              ? "`croftctl admin repair-fleet` writes it anew where it is empty"
              : "find out whose data this is before anything else is done to it");
    }
    const bool closed = is_sealed && !database.allows_connections;
    if (door == Door::kSealed && !closed) {
      Add(tenant, FindingKind::kDatabaseOpen, database.name, "it is open, and its tenant is to be kept out",
          "`croftctl admin repair-fleet` closes it");
    } else if (door != Door::kSealed && (is_sealed || !database.allows_connections)) {
      Add(tenant, FindingKind::kDatabaseFencedByNobody, database.name,
          "it is closed, and neither the tenant's state nor an operation wants it so",
          "`croftctl admin repair-fleet` opens it");
    }
  }

  void CheckOwner(const Tenant& tenant, const FoundDatabase& database) {
    if (database.owner.empty()) return;
    Add(tenant, FindingKind::kDatabaseOwnedByOther, database.name,
        absl::StrCat("it belongs to ", database.owner,
                     ", who can undo a fence and let anybody in; Croft can neither close nor drop it"),
        absl::StrCat("find out who gave it away; then, as a superuser: ALTER DATABASE ", database.name,
                     " OWNER TO the agent's role"));
  }

  // What was granted and is gone, as far as the tenant's state wants it granted.
  void CheckGrants(const Tenant& tenant, Door door, const FoundDatabase& database) {
    constexpr absl::string_view kConnectTo = "CONNECT to ";
    std::vector<std::string> gone;
    for (const std::string& grant : database.missing_grants) {
      absl::string_view role = grant;
      const bool connect = absl::ConsumePrefix(&role, kConnectTo);
      // What is taken from a tenant that is closed for growth.
      const bool taken = tenant.storage.closed && grant == absl::StrCat("CREATE to ", tenant.owner_role);
      if (connect ? IsLetIn(tenant, door, role) : door == Door::kOpen && !taken) gone.push_back(grant);
    }
    if (gone.empty()) return;
    Add(tenant, FindingKind::kGrantMissing, database.name,
        absl::StrCat("Croft granted it and it is gone: ", absl::StrJoin(gone, ", ")),
        "`croftctl admin repair-fleet` grants it again");
  }

  static bool IsLetIn(const Tenant& tenant, Door door, absl::string_view role) {
    if (role == tenant.owner_role) return LetsIn(door, LoginRole::kApp);
    if (role == tenant.reader_role) return LetsIn(door, LoginRole::kReadOnly);
    return std::any_of(tenant.credentials.begin(), tenant.credentials.end(), [&](const Credential& one) {
      return one.login == role && LetsIn(door, one.role) && !one.disable_time;
    });
  }

  void CheckPrivileges(const Tenant& tenant, const FoundRole& role) {
    if (!role.overprivileged) return;
    Add(tenant, FindingKind::kRoleOverprivileged, role.name,
        "somebody gave it rights over the whole server, which none of a tenant's roles has",
        absl::StrCat("find out what was done with them; then, as a superuser: ALTER ROLE ", role.name,
                     " NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"));
  }

  void CheckRoles(const Tenant& tenant, Door door) {
    for (const std::string& group : {tenant.owner_role, tenant.reader_role}) {
      const FoundRole* role = TakeRole(group);
      if (role == nullptr) {
        AddMissingRole(tenant, group);
        continue;
      }
      CheckPrivileges(tenant, *role);
      if (CanGetIn(*role)) AddOpenRole(tenant, group, "it only groups others and must not log in");
    }
    for (const Credential& credential : tenant.credentials) CheckLogin(tenant, door, credential);
    TakeFamily(tenant);
  }

  void CheckLogin(const Tenant& tenant, Door door, const Credential& credential) {
    const FoundRole* role = TakeRole(credential.login);
    if (role == nullptr) return AddMissingRole(tenant, credential.login);
    CheckPrivileges(tenant, *role);
    const bool let_in = LetsIn(door, credential.role);
    if (!let_in && CanGetIn(*role)) {
      AddOpenRole(tenant, role->name, "it can log in, and its tenant is to be kept out");
    }
    // One that is on its way out may be gone already.
    if (let_in && !CanGetIn(*role) && !credential.disable_time) {
      Add(tenant, FindingKind::kRoleClosed, role->name, "it cannot log in, and its tenant is to be let in",
          "`croftctl admin repair-fleet` opens it");
    }
    const auto digest = knowledge_.view().verifier_digests.find(role->name);
    if (let_in && credential.published && !role->verifier_digest.empty() &&
        digest != knowledge_.view().verifier_digests.end() && digest->second != role->verifier_digest) {
      Add(tenant, FindingKind::kRoleDrifted, role->name,
          "its password is another one than lookups hand out", "`croftctl admin repair-fleet` sets it");
    }
  }

  // Roles named like the tenant's that it does not have.
  void TakeFamily(const Tenant& tenant) {
    const std::string prefix = tenant.owner_role + "_";
    for (auto it = roles_.lower_bound(prefix); it != roles_.end() && absl::StartsWith(it->first, prefix);) {
      const FoundRole& role = *it->second;
      it = roles_.erase(it);
      CheckPrivileges(tenant, role);
      if (IsHelper(role.name, tenant.owner_role)) {
        Add(tenant, FindingKind::kRoleLeftBehind, role.name,
            "a short-lived login of a task that was cut; nobody has its password",
            "the next task of its kind removes it", Severity::kNote);
      } else if (IsLoginSlot(role.name, tenant.owner_role)) {
        if (CanGetIn(role))
          AddOpenRole(tenant, role.name, "it can log in, and the tenant has no such login");
      } else {
        Add(tenant, FindingKind::kRoleOrphaned, role.name,
            "it is named like the tenant's, which has no such role",
            "find out who made it, then remove it by hand");
      }
    }
  }

  void AddMissingRole(const Tenant& tenant, const std::string& name) {
    Add(tenant, FindingKind::kRoleMissing, name, "the tenant's role is not there",
        "`croftctl admin repair-fleet` makes it anew");
  }
  void AddOpenRole(const Tenant& tenant, const std::string& name, std::string message) {
    Add(tenant, FindingKind::kRoleOpen, name, std::move(message),
        "`croftctl admin repair-fleet` closes it");
  }

  // A database where no tenant lives.
  void CheckStray(const FoundDatabase& database) {
    const std::string uid = database.uid.empty() ? UidInName(database.name) : database.uid;
    if (knowledge_.IsBusy(uid)) return;
    const Tenant* tenant = knowledge_.TenantOf(uid);
    FleetFinding finding{.uid = uid, .object = database.name};
    if (tenant != nullptr) finding.tenant = tenant->id;
    if (!Judge(database, tenant, uid, finding)) return;
    Add(std::move(finding));
  }

  // False when all is well with it.
  bool Judge(const FoundDatabase& database, const Tenant* tenant, const std::string& uid,
             FleetFinding& finding) const {
    const auto copy = knowledge_.CopyAt(inventory_.host, WithoutSeal(database.name));
    if (copy == Knowledge::Copy::kLeaving) return false;
    if (copy == Knowledge::Copy::kSealed) return JudgeCopy(database, finding);
    finding.remedy = "`croftctl admin repair-fleet` drops it";
    if (IsScratch(database.name)) {
      finding.kind = FindingKind::kDatabaseScratch;
      finding.message = "a proof that was cut left it";
    } else if (knowledge_.IsTombstone(uid)) {
      finding.kind = FindingKind::kDatabaseHalfDropped;
      finding.message = "its tenant was purged";
      finding.remedy = "drop it by hand";
    } else if (tenant == nullptr) {
      finding.kind = FindingKind::kDatabaseOrphaned;
      finding.message = "the catalog knows nothing of its tenant";
      finding.remedy =
          "nothing of it is touched: it may be all that is left of a tenant that an older catalog has "
          "forgotten. Look into it, and drop it by hand";
    } else if (tenant->state == TenantState::kFailed) {
      finding.kind = FindingKind::kDatabaseHalfDropped;
      finding.message = "its tenant never came to be";
      finding.remedy = "`croftctl tenant purge` removes it";
    } else if (database.invalid) {
      finding.kind = FindingKind::kDatabaseHalfDropped;
      finding.message = "a DROP of it was cut";
    } else {
      JudgeDouble(database, *tenant, finding);
    }
    return true;
  }

  static bool JudgeCopy(const FoundDatabase& database, FleetFinding& finding) {
    if (database.invalid || !database.allows_connections) return false;
    finding.kind = FindingKind::kDatabaseOpen;
    finding.message = "an undo copy that is open";
    finding.remedy =
        "close it by hand (ALTER DATABASE ... ALLOW_CONNECTIONS false); it is dropped when its time is up";
    return true;
  }

  static void JudgeDouble(const FoundDatabase& database, const Tenant& tenant, FleetFinding& finding) {
    finding.kind = FindingKind::kDatabaseDoubled;
    finding.message =
        absl::StrCat("the tenant lives in ", tenant.placement.database, " on hosts/", tenant.placement.host,
                     "; this one has generation ", database.generation);
    if (database.generation >= tenant.placement.generation || database.uid != tenant.uid) {
      finding.remedy =
          "nothing of it is touched: it may be newer than what the catalog knows. Compare the two";
    } else if (database.allows_connections) {
      finding.remedy =
          "close it by hand once you know who uses it; then `croftctl admin repair-fleet` drops it";
    }
  }

  // A role of nobody who lives here.
  void CheckStray(const FoundRole& role) {
    const std::string uid = UidInName(role.name);
    const Tenant* tenant = knowledge_.TenantOf(uid);
    if (knowledge_.IsBusy(uid) || (tenant != nullptr && KeepsCopy(*tenant) && !CanGetIn(role))) return;
    FleetFinding finding{.kind = FindingKind::kRoleOrphaned, .uid = uid, .object = role.name};
    finding.message = "nothing on this host belongs to it";
    finding.remedy = "find out what still names it, then remove it by hand";
    if (tenant != nullptr) finding.tenant = tenant->id;
    if (tenant != nullptr && KeepsCopy(*tenant)) {
      finding.kind = FindingKind::kRoleOpen;
      finding.message = "it can log in where only an undo copy of its tenant is";
    }
    if (tenant == nullptr && !knowledge_.IsTombstone(uid)) {
      finding.message = "the catalog knows nothing of its tenant";
    } else if (tenant == nullptr) {
      finding.message = "its tenant was purged";
      finding.remedy =
          "drop it by hand; where another tenant's grants still name it, it does no harm as long as it "
          "cannot log in";
    }
    if (!role.held_by.empty()) {
      absl::StrAppend(&finding.message, "; it is still named by ", absl::StrJoin(role.held_by, ", "));
    }
    Add(std::move(finding));
  }

  // Whether a database of the tenant's, whatever it is, is on this host: it needs its roles.
  bool KeepsCopy(const Tenant& tenant) const {
    return std::any_of(inventory_.databases.begin(), inventory_.databases.end(),
                       [&](const FoundDatabase& database) { return database.uid == tenant.uid; });
  }

  const Knowledge& knowledge_;
  const Inventory& inventory_;
  std::vector<FleetFinding>& findings_;
  std::map<std::string, const FoundDatabase*> databases_;
  std::map<std::string, const FoundRole*> roles_;
};

}  // namespace

void CheckHost(const Knowledge& knowledge, const Inventory& inventory,
               std::vector<FleetFinding>& findings) {
  HostCheck(knowledge, inventory, findings).Run();
}

}  // namespace croft::domain
