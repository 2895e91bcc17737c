#include "tests/sim/checks.h"

#include <algorithm>

#include <absl/strings/match.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include "controlplane/operations/rules.h"

namespace croft::sim {
namespace {

using agent::ModelDatabase;

// Whether the role is one of the tenant's logins that write: not a reader, not a helper of Croft's own.
bool Writes(const agent::ModelRole& role) {
  const auto setting = role.spec.settings.find("default_transaction_read_only");
  return setting == role.spec.settings.end() || setting->second != "on";
}

bool IsHelper(const std::string& name, const std::string& owner) {
  return absl::StartsWith(name, absl::StrCat(owner, "_p")) ||
         absl::StartsWith(name, absl::StrCat(owner, "_m"));
}

// `t_<slug>_<uid>` of `t_<slug>_<uid>_g<n>` or of a login.
std::string OwnerOf(const std::string& name, const std::string& uid) {
  const size_t at = name.find(absl::StrCat("_", uid));
  return at == std::string::npos ? "" : name.substr(0, at + 1 + uid.size());
}

}  // namespace

// ---- After every call.

void Checks::AfterCall(SimHost& host, const agent::Task* task) {
  const int64_t version = host.server.version();
  int64_t& last = versions_[host.id];
  if (version == last) return;
  last = version;
  if (task != nullptr) CheckStale(host, *task);
  const Databases now = host.server.Databases();
  Databases& before = seen_[host.id];
  CheckGone(host, before, now, task);
  before = now;
  CheckDoors(host);
}

void Checks::CheckStale(const SimHost& host, const agent::Task& task) {
  Obeyed& newest = obeyed_[{host.id, task.tenant.uid}];
  if (agent::PositionOf(task.fencing) >= newest.position) {
    newest.acted = true;
  } else if (newest.acted || task.fencing.operation != newest.key.operation ||
             task.fencing.step != newest.key.step) {
    world_.Violate(3, absl::StrCat("a stale task of ", task.fencing.operation, " changed ", host.id));
  }
}

void Checks::CheckDoors(SimHost& host) {
  const auto roles = host.server.Roles();
  const auto sessions = host.server.Sessions();
  std::map<std::string, std::set<std::string>> open;  // uid -> databases
  for (const auto& [name, database] : seen_[host.id]) {
    if (!database->tag) continue;
    const std::string& uid = database->tag->uid;
    const std::string owner = OwnerOf(name, uid);
    for (const auto& [role_name, role] : roles) {
      if (!role->spec.can_login || IsHelper(role_name, owner)) continue;
      if (!host.server.LetsIn(name, role_name)) continue;
      if (!absl::StartsWith(role_name, owner))
        world_.Violate(11, absl::StrCat(role_name, " may enter ", name));
      if (Writes(*role)) open[uid].insert(name);
    }
    for (const auto& [id, session] : sessions) {
      if (session.database == name && !session.read_only && !IsHelper(session.user, owner))
        open[uid].insert(name);
    }
  }
  for (auto& [uid, places] : writable_) {
    std::erase_if(places, [&](const auto& place) { return place.first == host.id; });
  }
  for (const auto& [uid, databases] : open) {
    for (const std::string& database : databases) writable_[uid].insert({host.id, database});
  }
  for (const auto& [uid, places] : writable_) {
    std::vector<std::string> names;
    for (const auto& [on, database] : places) {
      if (!world_.Host(on).lost) names.push_back(absl::StrCat(on, "/", database));
    }
    if (names.size() > 1)
      world_.Violate(1, absl::StrCat(uid, " can write in ", absl::StrJoin(names, " and ")));
  }
}

void Checks::CheckGone(SimHost& host, const Databases& before, const Databases& now,
                       const agent::Task* task) {
  for (const auto& [name, database] : before) {
    const bool gone = now.find(name) == now.end();
    const bool renamed =
        gone && (now.count(agent::SealedName(name)) > before.count(agent::SealedName(name)) ||
                 (absl::EndsWith(name, "_f") && now.count(name.substr(0, name.size() - 2)) >
                                                    before.count(name.substr(0, name.size() - 2))));
    const auto* renumber = task == nullptr ? nullptr : std::get_if<agent::RenumberWork>(&task->work);
    if (gone && renumber != nullptr && name == agent::SealedName(renumber->database) && database->tag) {
      world_.Renumber(task->tenant.uid, renumber->generation, task->tenant.generation);
      continue;
    }
    if (gone && !renamed) {
      world_.Say("database ", name, " of ", host.id, " is gone");
      CheckDrop(*database, name, task);
    }
  }
}

// Who may drop what (invariants 6 and 9).
void Checks::CheckDrop(const ModelDatabase& database, const std::string& name, const agent::Task* task) {
  if (task == nullptr || !database.tag) return;
  const auto operation = *world_.catalog.GetOperation(task->fencing.operation);
  if (!operation) return;
  const auto tenant = *world_.catalog.GetTenant(operation->tenant);
  if (!tenant || tenant->uid != database.tag->uid) {
    world_.Violate(6, absl::StrCat(operation->id, " dropped ", name, ", which is not its tenant's"));
    return;
  }
  const bool placed = tenant->placement.generation == database.tag->generation;
  const bool serves = placed && tenant->state != domain::TenantState::kCreating &&
                      tenant->state != domain::TenantState::kFailed &&
                      tenant->state != domain::TenantState::kPurged;
  if (serves && operation->kind != domain::OperationKind::kPurge) {
    world_.Violate(6, absl::StrCat(operation->id, " dropped ", name, ", where its tenant lives"));
  }
  if (serves && operation->kind == domain::OperationKind::kPurge)
    CheckPurgedRows(*tenant, *operation, database);
}

void Checks::CheckPurgedRows(const domain::Tenant& tenant, const domain::Operation& operation,
                             const ModelDatabase& database) {
  world_.tally.Work("databases purged");
  if (!domain::Details<domain::PurgeDetails>(operation).waiver.empty() ||
      tenant.state != domain::TenantState::kRetired)
    return;
  std::set<int64_t> wanted(database.rows.begin(), database.rows.end());
  const auto& acknowledged = world_.acknowledged[{tenant.uid, database.tag->generation}];
  wanted.insert(acknowledged.begin(), acknowledged.end());
  bool saved = false;
  for (const auto& [key, archive] : world_.proofs) {
    if (std::get<0>(key) != tenant.uid || !tenant.fence_time || archive.snapshot_time < *tenant.delete_time)
      continue;
    const std::set<int64_t> rows(archive.rows.begin(), archive.rows.end());
    saved = saved || std::includes(rows.begin(), rows.end(), wanted.begin(), wanted.end());
  }
  if (!saved)
    world_.Violate(
        9, absl::StrCat(operation.id, " purged rows of ", tenant.id, " that no proven backup holds"));
}

// ---- Tasks.

void Checks::OnTask(const agent::Task& task) {
  CheckDispatched(task.fencing.operation, task.fencing.step, task.fencing.attempt);
}

void Checks::OnRun(SimHost& host, const agent::Task& task, int64_t epoch) {
  const agent::Position given{task.fencing.epoch, task.fencing.order};
  Obeyed& obeyed = obeyed_[{host.id, task.tenant.uid}];
  int64_t& highest = highest_epoch_[host.id];
  if (given < obeyed.position || given.epoch < std::max(highest, epoch))
    world_.Violate(3, absl::StrCat("a stale task of ", task.fencing.operation, " runs on ", host.id));
  if (given > obeyed.position) obeyed.acted = false;
  obeyed.position = std::max(obeyed.position, given);
  obeyed.key = agent::KeyOf(task.fencing);
  highest = std::max(highest, given.epoch);
}

void Checks::CheckDispatched(const std::string& id, int32_t step, int32_t attempt) {
  const auto operation = *world_.catalog.GetOperation(id);
  const bool stored = operation && static_cast<size_t>(step) < operation->steps.size() &&
                      operation->steps[static_cast<size_t>(step)].attempt >= attempt;
  if (!stored) world_.Violate(12, absl::StrCat(id, "/", step, "/", attempt, " was sent and is not stored"));
}

void Checks::OnText(const std::string& where, const std::string& text) {
  if (absl::StrContains(text, kCanary)) world_.Violate(13, absl::StrCat("a secret is in ", where));
}

// ---- Commits and effects.

void Checks::AfterCommit(const std::vector<catalog::Change>& changes) {
  for (const catalog::Change& change : changes) {
    if (const auto* tenant = std::get_if<catalog::PutTenant>(&change)) OnPut(*tenant);
    if (const auto* operation = std::get_if<catalog::PutOperation>(&change)) OnPut(*operation, changes);
    if (const auto* backup = std::get_if<catalog::PutBackup>(&change)) OnPut(*backup);
    if (const auto* backup = std::get_if<catalog::DeleteBackup>(&change)) OnDeleted(*backup);
    if (const auto* pruned = std::get_if<catalog::DeleteOperation>(&change)) OnPruned(*pruned);
    if (const auto* pruned = std::get_if<catalog::DeleteRequest>(&change)) OnPruned(*pruned);
    if (const auto* pruned = std::get_if<catalog::CutAudit>(&change)) OnPruned(*pruned);
    if (const auto* request = std::get_if<catalog::PutRequest>(&change))
      requests_[{request->record.caller, request->record.request_id}] = request->record.time;
    if (const auto* audit = std::get_if<catalog::AppendAudit>(&change))
      OnText("the audit", absl::StrCat(audit->event.resource, audit->event.result, audit->event.peer));
  }
  events_.AfterCommit(changes);
  campaigns_.AfterCommit(changes);
  policies_.AfterCommit(changes);
  retention_.AfterCommit(changes);
}

void Checks::OnPut(const catalog::PutTenant& put) {
  const domain::Tenant& now = put.tenant;
  const auto [known, fresh] = tenants_.try_emplace(now.id, now);
  const domain::Tenant before = known->second;
  known->second = now;
  if (!fresh && before.state != now.state)
    world_.Say("tenant ", now.id, " is ", static_cast<int>(now.state), " on ", now.placement.host);
  if (fresh) return;
  if (now.order < before.order || now.last_generation < before.last_generation)
    world_.Violate(2, absl::StrCat("a counter of ", now.id, " went back"));
  const bool same = before.uid == now.uid;
  if (!same && before.state != domain::TenantState::kPurged)
    world_.Violate(2, absl::StrCat(now.id, " has another uid"));
  if (!same && now.placement.generation <= before.last_generation)
    world_.Violate(2, absl::StrCat(now.id, " has generation ", now.placement.generation, " again"));
  if (same && now.placement.generation < before.placement.generation)
    world_.Violate(7, absl::StrCat(now.id, " went back to generation ", now.placement.generation));
}

void Checks::OnPut(const catalog::PutOperation& put, const std::vector<catalog::Change>& changes) {
  const domain::Operation& operation = put.operation;
  for (const domain::Step& step : operation.steps) OnText("a step", step.message);
  if (operation.error) OnText("an error", operation.error->message);
  if (domain::Ended(operation)) {
    world_.Say(
        "operation ", operation.id, " ends as ", static_cast<int>(operation.state),
        operation.error ? absl::StrCat(": ", operation.error->reason, " ", operation.error->message) : "");
    const bool gave_up =
        operation.state == domain::OperationState::kFailed && operation.point_of_no_return == 0;
    if (gave_up && operation.error->reason == "POSTGRES_UNAVAILABLE")
      world_.Violate(14, absl::StrCat(operation.id, " gave up for an outage, and can only go forward"));
    world_.tally.Operation(operation.state == domain::OperationState::kSucceeded   ? "(succeeded)"
                           : operation.state == domain::OperationState::kCancelled ? "(cancelled)"
                                                                                   : "(failed)");
  }
  const bool begins = operations_.insert_or_assign(operation.id, operation).second;
  if (!begins || operation.kind == domain::OperationKind::kCleanUp) return;
  if (operation.caller == "system")
    world_.tally.Operation(absl::StrCat("by itself: ", NameOf(operation.kind)));
  world_.Say("operation ", operation.id, " is ", NameOf(operation.kind), " of ", operation.tenant,
             " order ", operation.order);
  world_.tally.Operation(NameOf(operation.kind));
  const bool audited = std::any_of(changes.begin(), changes.end(), [&](const catalog::Change& change) {
    const auto* audit = std::get_if<catalog::AppendAudit>(&change);
    if (audit == nullptr) return false;
    const std::vector<absl::string_view> named = absl::StrSplit(audit->event.resource, ' ');
    const auto names = [&](const std::string& name) {
      return std::find(named.begin(), named.end(), name) != named.end();
    };
    return names(absl::StrCat("operations/", operation.id)) &&
           (domain::HasChildren(operation) || names(absl::StrCat("tenants/", operation.tenant))) &&
           (operation.parent.empty() || names(absl::StrCat("operations/", operation.parent)));
  });
  if (!audited) world_.Violate(12, absl::StrCat(operation.id, " began without a row in the audit"));
  const bool exclusive = operations::KindOf(operation.kind).hold == engine::Hold::kExclusive;
  if (!exclusive || domain::HasChildren(operation)) return;
  const auto [holder, first] =
      orders_.emplace(std::make_pair(operation.tenant, operation.order), operation.id);
  if (!first)
    world_.Violate(
        2, absl::StrCat(operation.id, " and ", holder->second, " have one order, ", operation.order));
}

void Checks::OnPut(const catalog::PutBackup& put) {
  const domain::Backup& backup = put.backup;
  const std::pair<std::string, std::string> key{backup.tenant, backup.id};
  if (!domain::Held(backup)) {
    held_.erase(key);
  } else if (held_.insert(key).second) {
    world_.tally.Work("legal holds");
  }
  if (domain::Held(backup) && backup.state == domain::BackupState::kDeleting)
    world_.Violate(16, absl::StrCat(backup.id, " of ", backup.tenant, " is held and being deleted"));
  const auto check_proof = [&](const std::string& store) {
    const auto proof = world_.proofs.find({backup.tenant_uid, backup.id, store});
    if (proof == world_.proofs.end() || proof->second.sha256 != backup.sha256)
      world_.Violate(
          8, absl::StrCat(backup.id, " in ", store, " is proven and no restore of it was compared"));
  };
  if (domain::Proven(backup)) check_proof(backup.store);
  for (const domain::BackupCopy& copy : backup.copies) {
    if (domain::IsProven(copy.state)) check_proof(copy.store);
    if (domain::Held(backup) && copy.state == domain::BackupState::kDeleting)
      world_.Violate(16, absl::StrCat("a copy of ", backup.id, " is held and being deleted"));
  }
}

void Checks::OnDeleted(const catalog::DeleteBackup& deleted) {
  if (held_.erase({deleted.tenant, deleted.id}) > 0)
    world_.Violate(16, absl::StrCat(deleted.id, " of ", deleted.tenant, " was held and is gone"));
}

void Checks::OnPruned(const catalog::DeleteOperation& pruned) {
  const domain::Operation& operation = operations_[pruned.id];
  if (!operation.end_time || *operation.end_time >= world_.scheduler.Now() - world_.policy.keep_operations)
    world_.Violate(4, absl::StrCat(pruned.id, " is forgotten too early"));
  world_.pruned_operations.insert(pruned.id);
  world_.tally.Work("operations pruned");
}

void Checks::OnPruned(const catalog::DeleteRequest& pruned) {
  if (requests_[{pruned.caller, pruned.request_id}] >= world_.scheduler.Now() - world_.policy.keep_requests)
    world_.Violate(5, absl::StrCat(pruned.request_id, " is forgotten too early"));
  world_.tally.Work("requests pruned");
}

void Checks::OnPruned(const catalog::CutAudit& pruned) {
  if (pruned.checkpoint.time >= world_.scheduler.Now() - world_.policy.keep_audit)
    world_.Violate(12, "rows of the audit are cut off too early");
  world_.tally.Work("cuts of the audit");
}

void Checks::OnEffect(const engine::Effect& effect) {
  if (const auto* task = std::get_if<engine::SendTask>(&effect))
    CheckDispatched(task->fencing.operation, task->fencing.step, task->fencing.attempt);
  if (const auto* erase = std::get_if<engine::EraseKey>(&effect)) {
    CheckDispatched(erase->fencing.operation, erase->fencing.step, erase->fencing.attempt);
    const auto operation = *world_.catalog.GetOperation(erase->fencing.operation);
    if (operation && operation->kind != domain::OperationKind::kPurge)
      world_.Violate(9, absl::StrCat(operation->id, " erases a key"));
  }
}

}  // namespace croft::sim
