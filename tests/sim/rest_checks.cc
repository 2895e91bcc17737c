// What must be so when nothing is under way (invariants 6, 10 and 12).

#include <algorithm>
#include <map>
#include <set>

#include <absl/strings/match.h>
#include <absl/strings/str_join.h>

#include "controlplane/catalog/audit_chain.h"
#include "controlplane/domain/retention.h"
#include "controlplane/domain/storage.h"
#include "tests/controlplane/domain/policy_model.h"
#include "tests/sim/checks.h"

namespace croft::sim {
namespace {

using domain::TenantState;

bool Helps(const std::string& role, const std::string& owner) {
  return absl::StartsWith(role, absl::StrCat(owner, "_p")) ||
         absl::StartsWith(role, absl::StrCat(owner, "_m"));
}

size_t ForwardSteps(const domain::Operation& operation) {
  return static_cast<size_t>(std::count_if(operation.steps.begin(), operation.steps.end(),
                                           [](const domain::Step& step) { return !step.undo; }));
}

// When a schedule that is not late runs again, whatever its window and its budget make of it.
absl::Time LatestRun(const domain::ScheduleKey& key, const domain::Recurrence& recurrence, absl::Time now) {
  if (recurrence.cron) return domain::NextTime(key, recurrence, now + absl::Minutes(15));
  // On the grid: behind a window's opening, the next moment of it may be an interval away.
  return domain::NextTime(key, recurrence, now + 2 * recurrence.every);
}

}  // namespace

// What the catalog says should be on a host.
struct Checks::Expected {
  struct Host {
    std::set<std::string> databases;
    std::set<std::string> roles;
    int64_t rooms = 0;
    int64_t connections = 0;
    std::set<std::string> excused;  // owner roles whose clean-up was given up, and said so
  };
  std::map<std::string, Host> hosts;
  std::vector<domain::Tenant> tenants;
};

Checks::Expected Checks::ExpectAll() {
  Expected expected;
  (void)world_.catalog.ForEachTenant(
      [&](const domain::Tenant& tenant) { expected.tenants.push_back(tenant); });
  for (const domain::Tenant& tenant : expected.tenants) {
    if (tenant.state == TenantState::kPurged || tenant.placement.host.empty()) continue;
    Expected::Host& host = expected.hosts[tenant.placement.host];
    host.rooms += 1;
    host.connections += tenant.quota.connections;
    if (tenant.state == TenantState::kFailed) {
      host.excused.insert(tenant.owner_role);
      continue;
    }
    const bool blocked =
        tenant.state == TenantState::kSuspended && tenant.suspend_mode == domain::SuspendMode::kBlocked;
    const bool sealed = blocked || (tenant.state == TenantState::kRetired && tenant.fence_time);
    const bool either = tenant.state == TenantState::kRetired && !tenant.fence_time;
    const std::string name = tenant.placement.database;
    if (either) host.excused.insert(tenant.owner_role);
    if (!either) host.databases.insert(sealed ? agent::SealedName(name) : name);
    host.roles.insert(tenant.owner_role);
    host.roles.insert(tenant.reader_role);
    for (const domain::Credential& credential : tenant.credentials) host.roles.insert(credential.login);
  }
  return expected;
}

// Operations that ended and said that they left something behind.
void Checks::ExpectCopies(Expected& expected) const {
  for (const auto& [id, operation] : operations_) {
    const bool of_backups = operation.kind == domain::OperationKind::kBackUp ||
                            operation.kind == domain::OperationKind::kVerify ||
                            operation.kind == domain::OperationKind::kCopyBackup ||
                            operation.kind == domain::OperationKind::kDeleteBackup;
    if (of_backups) continue;
    for (const domain::Step& step : operation.steps) {
      // A purge that parked after it had dropped a database leaves the tenant without it.
      const bool dropped = operation.kind == domain::OperationKind::kPurge &&
                           operation.state == domain::OperationState::kFailed &&
                           std::holds_alternative<domain::DropTask>(step.task) &&
                           step.state == domain::StepState::kDone;
      // What was given up and then taken back left nothing.
      const bool taken_back =
          !step.undo && static_cast<size_t>(operation.point_of_no_return) == ForwardSteps(operation);
      if (!dropped && (step.state != domain::StepState::kFailed || taken_back)) continue;
      for (const domain::Tenant& tenant : expected.tenants) {
        if (tenant.id == operation.tenant) expected.hosts[step.host].excused.insert(tenant.owner_role);
      }
    }
  }
}

domain::PolicyInForce Checks::PolicyOf(const domain::Tenant& tenant) {
  return domain::PolicyModel(tenant, *world_.catalog.ListBackupPolicies()).Result();
}

// A tenant whose policy says so has its next backup and its next proof before it, and no more scheduled backups than it
// keeps.
void Checks::CheckBackupPolicy(const domain::Tenant& tenant,
                               std::map<domain::ScheduleKey, absl::Time>& times) {
  const std::string name = absl::StrCat("tenants/", tenant.id);
  const auto pruning = times.find({domain::ScheduleKind::kPruneBackups, name});
  const bool prunes = pruning != times.end();
  if (prunes) times.erase(pruning);
  const auto comes = [&](domain::ScheduleKind kind, const std::optional<domain::Recurrence>& recurrence) {
    if (!recurrence) return;
    const auto next = times.find({kind, name});
    if (next == times.end() || next->second > LatestRun(next->first, *recurrence, world_.scheduler.Now()))
      world_.Violate(14, absl::StrCat(NameOf(kind), " of ", tenant.id, " does not come in time"));
    if (next != times.end()) times.erase(next);
  };
  const domain::PolicyInForce policy = PolicyOf(tenant);
  comes(domain::ScheduleKind::kProve, domain::ProofRecurrenceOf(tenant, policy));
  comes(domain::ScheduleKind::kBackUp, domain::BackupRecurrenceOf(tenant, policy));
  if (!domain::BackupRecurrenceOf(tenant, policy)) return;
  const std::vector<domain::Backup> backups = *world_.catalog.ListBackups(tenant.id, {}, 10'000);
  // Rules that changed are taken up with the next scheduled backup.
  const auto last = std::find_if(backups.begin(), backups.end(), [](const domain::Backup& backup) {
    return backup.origin == domain::BackupOrigin::kScheduled && domain::Usable(backup);
  });
  if (last == backups.end() || last->create_time <= retention_.LastChange(tenant.id)) return;
  // One that was kept as the newest proven is let go of with the next scheduled backup.
  if (!prunes && domain::SurplusBackups(policy, backups).size() > 1)
    world_.Violate(14, absl::StrCat(tenant.id, " has scheduled backups that it does not keep"));
}

// Every tenant has the schedule that its row asks for and no other, and none that is due is left lying.
void Checks::CheckSchedules(const Expected& expected) {
  std::map<domain::ScheduleKey, absl::Time> times;
  const std::vector<domain::Schedule> all = *world_.catalog.DueSchedules(absl::InfiniteFuture(), 10'000);
  for (const domain::Schedule& schedule : all) {
    times[schedule.key] = schedule.next_time;
    if (schedule.next_time < world_.scheduler.Now() - absl::Hours(2))
      world_.Violate(14, absl::StrCat(NameOf(schedule.key.kind), " of ", schedule.key.resource,
                                      " is due and does not run"));
  }
  for (const domain::Tenant& tenant : expected.tenants) {
    if (const std::optional<domain::Schedule> wanted = domain::ScheduleOf(tenant)) {
      const auto found = times.find(wanted->key);
      if (found == times.end() || found->second < wanted->next_time)
        world_.Violate(14,
                       absl::StrCat(tenant.id, " is not to be ", NameOf(wanted->key.kind), "D in time"));
      times.erase(wanted->key);
    }
  }
  for (const domain::Tenant& tenant : expected.tenants) {
    CheckBackupPolicy(tenant, times);
    CheckCopies(tenant, times);
  }
  for (const auto& [key, time] : times) {
    if (absl::StartsWith(key.resource, "tenants/"))
      world_.Violate(14, absl::StrCat(NameOf(key.kind), " of ", key.resource, " is called for by nothing"));
  }
}

// Every change of a policy has reached all schedules, and one that was deleted is gone.
void Checks::CheckRollouts() {
  const std::vector<domain::BackupPolicy> policies = *world_.catalog.ListBackupPolicies();
  for (const domain::BackupPolicy& policy : policies) {
    if (policy.rollout.open || policy.deleted)
      world_.Violate(14, absl::StrCat("the policy ", policy.id, " is never applied"));
  }
}

void Checks::AtRest() {
  Expected expected = ExpectAll();
  const catalog::OperationPage left = *world_.catalog.ListOperations(
      {.ended = false, .kind = domain::OperationKind::kCleanUp, .limit = 1000});
  for (const domain::Operation& operation : left.operations) {
    world_.Violate(14, absl::StrCat(operation.id, " does not end"));
  }
  for (const domain::Tenant& tenant : expected.tenants) {
    const bool held = !tenant.current_operation.empty() && tenant.state != TenantState::kPurged;
    if (held) world_.Violate(14, absl::StrCat(tenant.id, " is still held by ", tenant.current_operation));
  }
  ExpectCopies(expected);
  CheckSchedules(expected);
  CheckRollouts();
  for (const auto& [id, host] : world_.hosts) {
    if (!host->lost) CheckHost(*host, expected);
  }
  CheckBackups();
  CheckAudit();
  events_.AtRest();
}

void Checks::CheckHost(SimHost& host, Expected& all) {
  Expected::Host& expected = all.hosts[host.id];
  const auto excused = [&](const std::string& name) {
    return std::any_of(expected.excused.begin(), expected.excused.end(),
                       [&](const std::string& owner) { return absl::StartsWith(name, owner); });
  };
  const auto databases = host.server.Databases();
  for (const auto& [name, database] : databases) {
    if (expected.databases.count(name) == 0 && !excused(name))
      world_.Violate(10, absl::StrCat("nobody knows of the database ", name, " of ", host.id));
  }
  for (const std::string& name : expected.databases) {
    if (databases.count(name) == 0 && !excused(name))
      world_.Violate(10, absl::StrCat("the database ", name, " of ", host.id, " is missing"));
  }
  const auto roles = host.server.Roles();
  for (const auto& [name, role] : roles) {
    // A helper of a task that was cut: it has run out, and the next task of its kind removes it.
    const std::string& role_name = name;
    const bool helper =
        std::any_of(all.tenants.begin(), all.tenants.end(),
                    [&](const domain::Tenant& tenant) { return Helps(role_name, tenant.owner_role); });
    // A replaced login is disabled and kept for the next rotation to take up again.
    const bool disabled = !role->spec.can_login && !role->spec.verifier;
    const bool known =
        std::any_of(all.tenants.begin(), all.tenants.end(), [&](const domain::Tenant& tenant) {
          return absl::StartsWith(role_name, tenant.owner_role) && tenant.placement.host == host.id;
        });
    if (expected.roles.count(name) == 0 && !excused(name) && !helper && !(disabled && known))
      world_.Violate(10, absl::StrCat("nobody knows of the role ", name, " of ", host.id));
  }
  for (const std::string& name : expected.roles) {
    if (roles.count(name) == 0 && !excused(name))
      world_.Violate(10, absl::StrCat("the role ", name, " of ", host.id, " is missing"));
  }
  for (const domain::Tenant& tenant : all.tenants) {
    if (tenant.placement.host != host.id) continue;
    for (const std::string& name :
         {tenant.placement.database, agent::SealedName(tenant.placement.database)}) {
      const auto found = databases.find(name);
      if (found == databases.end() || tenant.state == TenantState::kFailed) continue;
      CheckRows(tenant, *found->second);
      if (!excused(tenant.owner_role)) CheckGrowth(tenant, *found->second);
    }
    if (!excused(tenant.owner_role)) CheckLogins(host, tenant);
  }
  const auto stored = *world_.catalog.GetHost(host.id);
  if (!stored || !expected.excused.empty()) return;
  if (stored->databases_reserved != expected.rooms ||
      stored->connections_reserved != expected.connections) {
    world_.Violate(10,
                   absl::StrCat("the account of ", host.id, " says ", stored->databases_reserved,
                                " databases and ", stored->connections_reserved, " connections; there are ",
                                expected.rooms, " and ", expected.connections));
  }
}

// Exactly the logins that the tenant's state lets in get in, and with the passwords that lookups hand out.
void Checks::CheckLogins(SimHost& host, const domain::Tenant& tenant) {
  const auto roles = host.server.Roles();
  for (const domain::Credential& credential : tenant.credentials) {
    const bool reader = credential.role == domain::LoginRole::kReadOnly;
    const bool reads = tenant.state == TenantState::kSuspended &&
                       tenant.suspend_mode == domain::SuspendMode::kReadOnly && reader;
    const bool wanted = credential.published && (tenant.state == TenantState::kReady || reads);
    const auto role = roles.find(credential.login);
    const bool enters = role != roles.end() &&
                        host.server.LetsIn(tenant.placement.database, credential.login) &&
                        role->second->spec.verifier == credential.verifier;
    if (wanted != enters)
      world_.Violate(10, absl::StrCat(credential.login, wanted ? " does not get into " : " gets into ",
                                      tenant.placement.database, " of ", host.id));
  }
}

// A database is closed for growth where the catalog says so, and where its size and its quota want it so.
void Checks::CheckGrowth(const domain::Tenant& tenant, const agent::ModelDatabase& database) {
  const bool makes_schemas =
      database.grants.contains({tenant.owner_role, agent::DatabasePrivilege::kCreate});
  if (database.growth_limited != tenant.storage.closed || makes_schemas == tenant.storage.closed)
    world_.Violate(
        10, absl::StrCat(tenant.id, tenant.storage.closed ? " is not" : " is", " closed for growth"));
  const bool wanted = domain::IsToBeClosed(tenant.storage, world_.scheduler.Now());
  const bool judged =
      tenant.storage.level ==
      domain::StorageLevelAfter(tenant.storage.level, SizeOf(database), tenant.quota.storage_bytes);
  if (tenant.state == TenantState::kReady && (!judged || wanted != tenant.storage.closed))
    world_.Violate(14, absl::StrCat("the storage of ", tenant.id, " is not looked after"));
}

// What was restored and what was acknowledged since is there, and nothing is there twice.
void Checks::CheckRows(const domain::Tenant& tenant, const agent::ModelDatabase& database) {
  const std::pair<std::string, int64_t> where{tenant.uid, tenant.placement.generation};
  std::vector<int64_t> rows = database.rows;
  std::sort(rows.begin(), rows.end());
  if (std::adjacent_find(rows.begin(), rows.end()) != rows.end())
    world_.Violate(6, absl::StrCat("a row of ", tenant.id, " is there twice"));
  std::set<int64_t> allowed(world_.bases[where].begin(), world_.bases[where].end());
  std::set<int64_t> wanted = allowed;
  wanted.insert(world_.acknowledged[where].begin(), world_.acknowledged[where].end());
  allowed.insert(world_.tried[where].begin(), world_.tried[where].end());
  if (!std::includes(rows.begin(), rows.end(), wanted.begin(), wanted.end()))
    world_.Violate(6, absl::StrCat("acknowledged rows of ", tenant.id, " are lost"));
  if (!std::includes(allowed.begin(), allowed.end(), rows.begin(), rows.end()))
    world_.Violate(6, absl::StrCat(tenant.id, " has rows that it never stored"));
}

void Checks::CheckBackups() {
  std::set<PlacedArchive> tolerated;
  const std::vector<domain::Backup> backups = *world_.catalog.ListBackups("", {}, 10'000);
  for (const domain::Backup& backup : backups) {
    for (const std::string& store : domain::StoresOf(backup))
      tolerated.emplace(backup.tenant_uid, backup.id, store);
    if (domain::Usable(backup)) CheckArchive(backup, backup.store);
    for (const domain::BackupCopy& copy : backup.copies) {
      if (!domain::IsUsable(copy.state)) continue;
      world_.tally.Work("copies at rest");
      CheckArchive(backup, copy.store);
    }
  }
  for (const auto& [key, archive] : world_.archives) {
    const bool reachable =
        std::any_of(world_.hosts.begin(), world_.hosts.end(), [&, &stored = archive](const auto& host) {
          return host.second->Reaches(stored.store) && !host.second->lost;
        });
    if (tolerated.count(key) == 0 && reachable)
      world_.Violate(10,
                     absl::StrCat("nobody knows of the archive ", std::get<1>(key), " in ", archive.store));
  }
}

// It is called usable in that store.
void Checks::CheckArchive(const domain::Backup& backup, const std::string& store) {
  const auto found = world_.archives.find({backup.tenant_uid, backup.id, store});
  if (found == world_.archives.end() || !found->second.has_manifest) {
    world_.Violate(10, absl::StrCat("the backup ", backup.id, " is not in the store ", store));
  } else if (found->second.sha256 != backup.sha256) {
    world_.Violate(10, absl::StrCat("the archive ", backup.id, " in the store ", store,
                                    " is not the one that was reported"));
  }
}

// Each usable backup has its copies, or a schedule says when the next is made.
void Checks::CheckCopies(const domain::Tenant& tenant, std::map<domain::ScheduleKey, absl::Time>& times) {
  const bool more_comes =
      times.erase({domain::ScheduleKind::kCopyBackups, absl::StrCat("tenants/", tenant.id)}) > 0;
  const domain::PolicyInForce policy = PolicyOf(tenant);
  if (more_comes || policy.rules.copy_to.empty()) return;
  const std::vector<domain::Backup> backups = *world_.catalog.ListBackups(tenant.id, {}, 10'000);
  for (const domain::Backup& backup : backups) {
    if (!domain::Usable(backup)) continue;
    const domain::BackupCopy* copy = domain::FindCopy(backup, kFurtherName);
    const bool there = backup.store == kFurtherStore || (copy != nullptr && domain::IsStored(copy->state));
    if (!there) world_.Violate(14, absl::StrCat(backup.id, " of ", tenant.id, " is never copied"));
  }
}

void Checks::CheckAudit() {
  const auto head = catalog::VerifyAudit(
      world_.catalog, {*world_.catalog.RecordedAuditHead()},
      [](absl::string_view text, absl::string_view signature) { return signature == SignatureOf(text); },
      [] { return false; });
  if (!head.ok()) world_.Violate(12, absl::StrCat("the audit is broken: ", head.status().ToString()));
}

}  // namespace croft::sim
