#include "tests/sim/schedule_model.h"

#include <algorithm>
#include <tuple>
#include <variant>

#include <absl/strings/str_cat.h>

#include "common/names.h"
#include "controlplane/domain/operation.h"

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

bool CanBeRestored(BackupState state) {
  return state == BackupState::kAvailable || state == BackupState::kVerified ||
         state == BackupState::kVerifiedWithNotes;
}

bool WasProven(BackupState state) {
  return state == BackupState::kVerified || state == BackupState::kVerifiedWithNotes;
}

template <typename Backups>
std::string NewestProven(const Backups& stored) {
  std::string newest;
  for (const auto& [id, backup] : stored) {
    if (backup.proven) newest = id;
  }
  return newest;
}

// Whether a policy that keeps the `keep` newest usable ones, and the newest proven one, lets go of `id`.
template <typename Backups>
bool IsSurplus(const Backups& stored, int32_t keep, const std::string& id) {
  if (id == NewestProven(stored)) return false;
  const auto newer = std::count_if(stored.upper_bound(id), stored.end(),
                                   [](const auto& backup) { return backup.second.usable; });
  return newer >= keep;
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

void ScheduleModel::Expect(const domain::Tenant& tenant) {
  Client client{.id = tenant.id,
                .keep = tenant.backups_kept,
                .backups = {.name = "backup", .every = tenant.backup_every},
                .proofs = {.name = "proof", .every = tenant.prove_every},
                // A slot in which there is nothing to prove is served by that.
                .nothing_to_prove = Obstacle(2 * tenant.prove_every)};
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
    if (IsSurplus(client.stored, client.keep, id) && !client.spared.contains(id))
      world_.Violate(17, absl::StrCat(id, " of ", client.id, " is kept, and it was to be deleted"));
  }
  if (listed != known || in_store != known)
    world_.Violate(17, absl::StrCat(client.id, " has other backups than were made and not deleted"));
}

// ---- Slots.

void ScheduleModel::Serve(Client& client, Timetable& table) {
  const absl::Time now = world_.scheduler.Now();
  if (!table.anchor)
    return world_.Violate(17, absl::StrCat("a ", table.name, " of ", client.id, " has no schedule"));
  absl::Duration rest;
  const int64_t slot = absl::IDivDuration(now - *table.anchor + table.every / 2, table.every, &rest);
  if (slot < table.next) {
    return world_.Violate(17,
                          absl::StrCat("the ", table.name, " of ", client.id, " begins twice in one slot"));
  }
  const bool missed = slot > table.next;
  if (!missed && now < *table.anchor + slot * table.every) {
    return world_.Violate(17,
                          absl::StrCat("the ", table.name, " of ", client.id, " begins before its time"));
  }
  CheckLate(client, table);
  world_.tally.Work(absl::StrCat("schedules: ", table.name, missed ? "s made up for" : "s in their slot"));
  for (; table.next < slot; ++table.next)
    world_.tally.Work(absl::StrCat("schedules: ", table.name, " slots with nothing"));
  ++table.next;
}

void ScheduleModel::CheckLate(const Client& client, const Timetable& table) {
  if (!table.anchor)
    return world_.Violate(17, absl::StrCat("there is no ", table.name, " schedule of ", client.id));
  const absl::Time due = *table.anchor + table.next * table.every;
  if (world_.scheduler.Now() <= due + kPrompt || IsExcused(client, table, due + kPrompt)) return;
  world_.Violate(
      17, absl::StrCat("the ", table.name, " of ", client.id, " is missed or late by ",
                       absl::FormatDuration(world_.scheduler.Now() - due), ", and nothing was in its way"));
}

bool ScheduleModel::IsExcused(const Client& client, const Timetable& table, absl::Time from) const {
  std::vector<Obstacle::Interval> intervals;
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

void ScheduleModel::Note(const catalog::PutSchedule& put) {
  const domain::ScheduleKey& key = put.schedule.key;
  const auto client = clients_.find(key.resource.substr(key.resource.find('/') + 1));
  if (client == clients_.end()) return;
  Timetable* table = key.kind == ScheduleKind::kBackUp  ? &client->second.backups
                     : key.kind == ScheduleKind::kProve ? &client->second.proofs
                                                        : nullptr;
  if (table == nullptr || table->anchor) return;
  table->anchor = put.schedule.next_time;
  const absl::Duration ahead = *table->anchor - world_.scheduler.Now();
  if (ahead < absl::ZeroDuration() || ahead > table->every)
    world_.Violate(17, absl::StrCat("the first ", table->name, " of ", client->first, " is not next"));
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
    world_.Violate(17, absl::StrCat(operation.id, " of ", client.id, " did not succeed"));
}

void ScheduleModel::Begins(Client& client, const domain::Operation& operation, const Work& work) {
  if (work.reads && hosts_[work.host].reading >= kBudget)
    world_.Violate(17, absl::StrCat(operation.id, " is one too many on ", work.host));
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
      !IsSurplus(client.stored, client.keep, backup.id)) {
    world_.Violate(17, absl::StrCat(backup.id, " of ", client.id, " is deleted, and it was to be kept"));
  }
  const bool fresh = !client.stored.contains(backup.id);
  client.stored[backup.id] = {.usable = CanBeRestored(backup.state), .proven = WasProven(backup.state)};
  if (fresh) client.spared.clear();
  client.spared.insert(NewestProven(client.stored));
  const bool any = std::any_of(client.stored.begin(), client.stored.end(),
                               [](const auto& one) { return one.second.usable; });
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
    world_.Violate(17, absl::StrCat(deleted.id, " of ", deleted.tenant, " is gone"));
  found->second.stored.erase(deleted.id);
}

}  // namespace croft::sim
