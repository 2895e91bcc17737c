#include "tests/sim/schedule_model.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <variant>

#include <absl/strings/str_cat.h>

#include "common/names.h"
#include "controlplane/domain/operation.h"
#include "tests/controlplane/domain/policy_model.h"
#include "tests/controlplane/domain/retention_model.h"

namespace croft::sim {
namespace {

// How many backups and proofs a host gets at once.
constexpr int kBudget = 2;
// From a slot to its run when nothing is in the way: a look at schedules, the next one where a process died with the
// first, and the commit.
constexpr absl::Duration kPrompt = absl::Minutes(1);
// After a tenant's last operation, until all that follows from it has begun.
constexpr absl::Duration kQuiet = absl::Minutes(5);

using domain::BackupState;
using domain::OperationKind;
using domain::ScheduleKind;

using Backups = std::map<std::string, domain::Backup>;

std::string NewestProven(const Backups& stored) {
  std::string newest;
  for (const auto& [id, backup] : stored) {
    if (domain::Proven(backup)) newest = id;
  }
  return newest;
}

// Whether the tenant's policy, and what is kept whatever that says, lets go of `id`.
bool IsSurplus(const domain::Tenant& policy, const Backups& stored, const std::string& id) {
  if (id == NewestProven(stored)) return false;
  std::vector<domain::Backup> newest_first;
  for (auto backup = stored.rbegin(); backup != stored.rend(); ++backup)
    newest_first.push_back(backup->second);
  const auto index = std::distance(stored.upper_bound(id), stored.end());
  return !domain::RulesKeep(policy, newest_first, static_cast<size_t>(index));
}

}  // namespace

void Obstacle::Begin(absl::Time time) {
  if (!since_) since_ = time;
}

void Obstacle::End(absl::Time time) {
  if (!since_) return;
  const Interval ended(*since_, time + delay_);
  since_.reset();
  if (!past_.empty() && ended.first <= past_.back().second) {
    past_.back().second = ended.second;
  } else {
    past_.push_back(ended);
  }
}

void Obstacle::AppendTo(std::vector<Interval>& intervals) const {
  intervals.insert(intervals.end(), past_.begin(), past_.end());
  if (since_) intervals.emplace_back(*since_, absl::InfiniteFuture());
}

// ---- What is asked of it.

domain::Tenant ScheduleModel::WithPolicy(domain::Tenant tenant) const {
  std::vector<domain::BackupPolicy> policies;
  for (const auto& [id, policy] : policies_) policies.push_back(policy);
  domain::SetRules(domain::PolicyModel(tenant, policies).Result().rules, tenant);
  return tenant;
}

void ScheduleModel::Expect(const domain::Tenant& tenant, const std::optional<Times>& times) {
  const domain::Tenant policy = WithPolicy(tenant);
  Client client{.id = tenant.id,
                .said = tenant,
                .policy = policy,
                .backups = Timetable("backup", times.value_or(Times{.every = policy.backup_every})),
                .proofs = Timetable("proof", {.every = policy.prove_every}),
                // A time at which there is nothing to prove is served by that.
                .nothing_to_prove = Obstacle(2 * policy.prove_every)};
  client.nothing_to_prove.Begin(world_.scheduler.Now());
  clients_.emplace(tenant.id, std::move(client));
}

void ScheduleModel::NoteService(bool serves) {
  if (serves == serves_) return;
  serves_ = serves;
  if (serves) {
    down_.End(world_.scheduler.Now());
  } else {
    down_.Begin(world_.scheduler.Now());
  }
}

size_t ScheduleModel::JudgeResting() {
  size_t left = 0;
  for (auto& [id, client] : clients_) {
    if (client.judged) continue;
    if (client.running > 0 || client.last_end + kQuiet > world_.scheduler.Now()) {
      ++left;
      continue;
    }
    client.judged = true;
    CheckLate(client, client.backups);
    CheckLate(client, client.proofs);
    CheckKept(client);
  }
  return left;
}

// The newest proven backup stays until the next scheduled one looks at what is to be deleted.
void ScheduleModel::CheckKept(const Client& client) {
  std::set<std::string> listed;
  const std::vector<domain::Backup> backups = *world_.catalog.ListBackups(client.id, {}, 10'000);
  for (const domain::Backup& backup : backups) listed.insert(backup.id);
  std::set<std::string> in_store;
  const std::string uid = (*world_.catalog.GetTenant(client.id))->uid;
  for (auto archive = world_.archives.lower_bound({uid, "", ""});
       archive != world_.archives.end() && std::get<0>(archive->first) == uid; ++archive) {
    in_store.insert(std::get<1>(archive->first));
  }
  std::set<std::string> known;
  for (const auto& [id, backup] : client.stored) {
    known.insert(id);
    world_.tally.Work("schedules: backups kept");
    if (IsSurplus(client.policy, client.stored, id) && !client.spared.contains(id))
      world_.Violate(18, absl::StrCat(id, " of ", client.id, " is kept, and it was to be deleted"));
  }
  if (listed != known || in_store != known)
    world_.Violate(18, absl::StrCat(client.id, " has other backups than were made and not deleted"));
}

// ---- Slots.

void ScheduleModel::Serve(Client& client, Timetable& table) {
  const auto violate = [&](absl::string_view what) {
    world_.Violate(18, absl::StrCat("the ", table.name(), " of ", client.id, " ", what));
  };
  if (!table.known()) return violate("has no schedule");
  CheckLate(client, table);
  size_t unserved = 0;
  switch (table.Serve(world_.scheduler.Now(), unserved)) {
    case Timetable::Run::kInTime:
      world_.tally.Work(absl::StrCat("schedules: ", table.name(), "s in their slot"));
      break;
    case Timetable::Run::kMadeUpFor:
      world_.tally.Work(absl::StrCat("schedules: ", table.name(), "s made up for"));
      break;
    case Timetable::Run::kTwice: violate("begins twice in one slot"); break;
    case Timetable::Run::kEarly: violate("begins before its time"); break;
    case Timetable::Run::kOutside: violate("begins while its window is closed"); break;
  }
  for (; unserved > 0; --unserved)
    world_.tally.Work(absl::StrCat("schedules: ", table.name(), " slots with nothing"));
}

void ScheduleModel::CheckLate(Client& client, Timetable& table) {
  if (!table.known())
    return world_.Violate(18, absl::StrCat("there is no ", table.name(), " schedule of ", client.id));
  const absl::Time due = table.Due();
  if (world_.scheduler.Now() <= due + kPrompt || IsExcused(client, table, due + kPrompt)) return;
  world_.Violate(
      18, absl::StrCat("the ", table.name(), " of ", client.id, " is missed or late by ",
                       absl::FormatDuration(world_.scheduler.Now() - due), ", and nothing was in its way"));
}

bool ScheduleModel::IsExcused(const Client& client, Timetable& table, absl::Time from) const {
  std::vector<Obstacle::Interval> intervals;
  table.AppendClosed(from, world_.scheduler.Now(), intervals);
  for (Obstacle::Interval& closed : intervals) closed.second += kPrompt;
  down_.AppendTo(intervals);
  client.busy.AppendTo(intervals);
  if (const auto host = hosts_.find(client.host); host != hosts_.end())
    host->second.full.AppendTo(intervals);
  if (&table == &client.proofs) client.nothing_to_prove.AppendTo(intervals);
  std::sort(intervals.begin(), intervals.end());
  absl::Time covered = from;
  for (const auto& [start, end] : intervals) {
    if (start > covered) break;
    covered = std::max(covered, end);
  }
  return covered >= world_.scheduler.Now();
}

// ---- Commits.

void ScheduleModel::AfterCommit(const std::vector<catalog::Change>& changes) {
  for (const catalog::Change& change : changes) {
    std::visit([this](const auto& one) { Note(one); }, change);
  }
}

void ScheduleModel::Note(const catalog::PutTenant& put) {
  const auto client = clients_.find(put.tenant.id);
  if (client != clients_.end()) client->second.host = put.tenant.placement.host;
}

// The slots of backups are others from now on, for those whose interval is another by it. Where they lie, the schedule says
// that comes with it; until then none may begin.
void ScheduleModel::Note(const catalog::PutBackupPolicy& put) {
  policies_[put.policy.id] = put.policy;
  for (auto& [id, client] : clients_) {
    const absl::Duration before = client.policy.backup_every;
    client.policy = WithPolicy(client.said);
    if (client.policy.backup_every == before) continue;
    if (client.backups.known()) {
      CheckLate(client, client.backups);
      client.former = client.backups;
    }
    const Times times{.every = client.policy.backup_every};
    // Back to what its schedule still says.
    const bool as_before = client.former && client.former->every() == times.every;
    client.backups = as_before ? *client.former : Timetable(client.backups.name(), times);
    world_.tally.Work("schedules: tenants that follow a policy");
  }
}

void ScheduleModel::Note(const catalog::PutSchedule& put) {
  const domain::ScheduleKey& key = put.schedule.key;
  const auto client = clients_.find(key.resource.substr(key.resource.find('/') + 1));
  if (client == clients_.end()) return;
  Timetable* table = key.kind == ScheduleKind::kBackUp  ? &client->second.backups
                     : key.kind == ScheduleKind::kProve ? &client->second.proofs
                                                        : nullptr;
  if (table == nullptr || table->known()) return;
  if (key.kind == ScheduleKind::kBackUp) client->second.former.reset();
  if (!table->Begin(world_.scheduler.Now(), put.schedule.next_time))
    world_.Violate(18, absl::StrCat("the first ", table->name(), " of ", client->first, " is not next"));
}

void ScheduleModel::Note(const catalog::PutOperation& put) {
  const domain::Operation& operation = put.operation;
  const auto found = clients_.find(operation.tenant);
  if (found == clients_.end() || operation.caller != "system") return;
  Client& client = found->second;
  if (const auto before = running_.find(operation.id); before != running_.end()) {
    Load(before->second, -1);
    running_.erase(before);
  }
  const std::optional<size_t> step = domain::CurrentStep(operation);
  const Work work{
      .tenant = client.id,
      .host = step ? operation.steps[*step].host : "",
      .reads = operation.kind == OperationKind::kBackUp || operation.kind == OperationKind::kVerify};
  if (begun_.insert(operation.id).second) Begins(client, operation, work);
  if (!domain::Ended(operation)) {
    Load(work, +1);
    running_.emplace(operation.id, work);
    return;
  }
  client.last_end = world_.scheduler.Now();
  // A proof that finds a backup incomplete says so by failing.
  const bool found_something = operation.kind == OperationKind::kVerify && operation.error &&
                               domain::IsVerdict(operation.error->reason);
  if (operation.state != domain::OperationState::kSucceeded && !found_something)
    world_.Violate(18, absl::StrCat(operation.id, " of ", client.id, " did not succeed"));
}

void ScheduleModel::Begins(Client& client, const domain::Operation& operation, const Work& work) {
  if (work.reads && hosts_[work.host].reading >= kBudget)
    world_.Violate(18, absl::StrCat(operation.id, " is one too many on ", work.host));
  if (operation.kind == OperationKind::kBackUp) Serve(client, client.backups);
  if (operation.kind == OperationKind::kVerify) Serve(client, client.proofs);
}

void ScheduleModel::Load(const Work& work, int change) {
  const absl::Time now = world_.scheduler.Now();
  const auto note = [now](Obstacle& obstacle, bool there) {
    if (there) {
      obstacle.Begin(now);
    } else {
      obstacle.End(now);
    }
  };
  Client& client = clients_.at(work.tenant);
  client.running += change;
  note(client.busy, client.running > 0);
  HostLoad& host = hosts_[work.host];
  host.all += change;
  if (work.reads) host.reading += change;
  note(host.full, host.all >= kBudget);
}

void ScheduleModel::Note(const catalog::PutBackup& put) {
  const domain::Backup& backup = put.backup;
  const auto found = clients_.find(backup.tenant);
  if (found == clients_.end() || backup.state == BackupState::kCreating) return;
  Client& client = found->second;
  const bool goes = backup.state == BackupState::kDeleting;
  if (goes && client.deleted.insert(backup.id).second &&
      !IsSurplus(client.policy, client.stored, backup.id)) {
    world_.Violate(18, absl::StrCat(backup.id, " of ", client.id, " is deleted, and it was to be kept"));
  }
  const bool fresh = !client.stored.contains(backup.id);
  if (fresh) client.spared.clear();
  client.stored[backup.id] = backup;
  client.spared.insert(NewestProven(client.stored));
  if (!domain::Usable(backup)) client.spared.insert(backup.id);
  const bool any = std::any_of(client.stored.begin(), client.stored.end(),
                               [](const auto& one) { return domain::Usable(one.second); });
  if (any) {
    client.nothing_to_prove.End(world_.scheduler.Now());
  } else {
    client.nothing_to_prove.Begin(world_.scheduler.Now());
  }
}

void ScheduleModel::Note(const catalog::DeleteBackup& deleted) {
  const auto found = clients_.find(deleted.tenant);
  if (found == clients_.end()) return;
  if (!found->second.deleted.contains(deleted.id))
    world_.Violate(18, absl::StrCat(deleted.id, " of ", deleted.tenant, " is gone"));
  found->second.stored.erase(deleted.id);
}

}  // namespace croft::sim
