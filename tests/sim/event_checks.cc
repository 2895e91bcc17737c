#include "tests/sim/event_checks.h"

#include <utility>
#include <variant>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/names.h"

namespace croft::sim {
namespace {

template <typename Enum>
std::string Lower(Enum value) {
  return absl::AsciiStrToLower(NameOf(value));
}

// What an event says, for those that tell of a state: of a tenant its new state, of others the end of the type. Empty for
// those that tell of something else.
std::string WhatIsTold(const domain::FleetEvent& event) {
  if (absl::StartsWith(event.type, "croft.tenant.")) {
    const auto state = event.data.find("state");
    return state == event.data.end() ? "" : absl::AsciiStrToLower(state->second);
  }
  return absl::StartsWith(event.type, "croft.host.") ? "" : event.type.substr(event.type.rfind('.') + 1);
}

}  // namespace

void EventChecks::AfterCommit(const std::vector<catalog::Change>& changes) {
  for (const catalog::Change& change : changes) {
    std::visit([this](const auto& one) { Note(one); }, change);
  }
  for (const auto& [what, count] : untold_) {
    if (count == 0) continue;
    world_.Violate(15,
                   absl::StrCat(what.first, " ", what.second,
                                count > 0 ? " was committed and not told" : " was told and not committed"));
  }
  untold_.clear();
  Read();
}

void EventChecks::Expect(const std::string& subject, const std::string& what) {
  ++untold_[{subject, what}];
}

void EventChecks::Note(const catalog::PutTenant& put) {
  const domain::Tenant& tenant = put.tenant;
  const std::string state =
      absl::StrCat(tenant.uid, " ", NameOf(tenant.state), " ", NameOf(tenant.suspend_mode));
  std::string& known = tenants_[tenant.id];
  if (known != state) Expect(TenantName(tenant.id), Lower(tenant.state));
  known = state;
}

void EventChecks::Note(const catalog::PutOperation& put) {
  const domain::Operation& operation = put.operation;
  if (operation.kind == domain::OperationKind::kCleanUp) return;
  const auto [known, fresh] =
      operations_.try_emplace(operation.id, NameOf(domain::OperationState::kRunning));
  if (fresh) Expect(OperationName(operation.id), "started");
  if (known->second != NameOf(operation.state)) Expect(OperationName(operation.id), Lower(operation.state));
  known->second = std::string(NameOf(operation.state));
}

void EventChecks::Note(const catalog::PutBackup& put) {
  std::string& known = backups_[{put.backup.tenant, put.backup.id}];
  if (known != NameOf(put.backup.state))
    Expect(BackupName(put.backup.tenant, put.backup.id), Lower(put.backup.state));
  known = std::string(NameOf(put.backup.state));
  NoteCopies(put.backup);
  const bool was_held = held_.contains({put.backup.tenant, put.backup.id});
  if (domain::Held(put.backup) == was_held) return;
  Expect(BackupName(put.backup.tenant, put.backup.id), was_held ? "released" : "held");
  if (was_held) {
    held_.erase({put.backup.tenant, put.backup.id});
  } else {
    held_.insert({put.backup.tenant, put.backup.id});
  }
}

void EventChecks::NoteCopies(const domain::Backup& backup) {
  const std::map<std::string, domain::BackupState> before =
      std::exchange(copies_[{backup.tenant, backup.id}], {});
  for (const domain::BackupCopy& copy : backup.copies) {
    copies_[{backup.tenant, backup.id}][copy.store] = copy.state;
    const auto known = before.find(copy.store);
    if (known != before.end() && known->second == copy.state) continue;
    const std::string name = BackupName(backup.tenant, backup.id);
    if (copy.state == domain::BackupState::kAvailable) Expect(name, "copied");
    if (copy.state == domain::BackupState::kFailed || copy.state == domain::BackupState::kDamaged)
      Expect(name, "copy_failed");
  }
}

void EventChecks::Note(const catalog::DeleteBackup& deleted) {
  held_.erase({deleted.tenant, deleted.id});
  copies_.erase({deleted.tenant, deleted.id});
  if (backups_.erase({deleted.tenant, deleted.id}) > 0)
    Expect(BackupName(deleted.tenant, deleted.id), "deleted");
}

void EventChecks::Note(const catalog::PutBackupPolicy& put) {
  const domain::BackupPolicy& policy = put.policy;
  const auto known = policies_.find(policy.id);
  const bool there = known != policies_.end() && !known->second.deleted;
  if (known == policies_.end() || known->second.version != policy.version) {
    Expect(BackupPolicyName(policy.id), policy.deleted ? "deleted" : there ? "updated" : "created");
  } else if (known->second.rollout.open && !policy.rollout.open) {
    Expect(BackupPolicyName(policy.id), "applied");
  }
  policies_[policy.id] = policy;
}

void EventChecks::Note(const catalog::DeleteBackupPolicy& deleted) {
  const auto known = policies_.find(deleted.id);
  if (known != policies_.end() && known->second.rollout.open)
    Expect(BackupPolicyName(deleted.id), "applied");
  policies_.erase(deleted.id);
}

void EventChecks::Note(const catalog::AppendEvent& append) {
  const domain::FleetEvent& event = append.event;
  committed_.push_back(event);
  for (const auto& [key, value] : event.data) {
    if (absl::StrContains(value, kCanary)) world_.Violate(13, absl::StrCat("a secret is in ", event.type));
  }
  if (const std::string what = WhatIsTold(event); !what.empty()) --untold_[{event.subject, what}];
  world_.tally.Work("events");
}

void EventChecks::Note(const catalog::CutEvents& cut) {
  const absl::Time oldest = world_.scheduler.Now() - world_.policy.keep_events;
  while (!kept_.empty() && kept_.begin()->first <= cut.position) {
    if (kept_.begin()->second >= oldest) world_.Violate(15, "events are pruned too early");
    kept_.erase(kept_.begin());
  }
  world_.tally.Work("cuts of the events");
}

// As one does who reads, stops, and resumes at the last position.
void EventChecks::Read() {
  const catalog::EventPage page = *world_.catalog.ListEvents({.after = position_, .limit = 100'000});
  if (page.events.size() != committed_.size())
    world_.Violate(15, absl::StrCat(page.events.size(), " events are read of ", committed_.size()));
  for (size_t i = 0; i < page.events.size() && i < committed_.size(); ++i) {
    const domain::FleetEvent& event = page.events[i];
    if (event.position <= position_) world_.Violate(15, absl::StrCat(event.type, " is read again"));
    position_ = event.position;
    kept_[event.position] = event.time;
    if (event.subject != committed_[i].subject || event.type != committed_[i].type)
      world_.Violate(15, absl::StrCat(event.type, " of ", event.subject, " is read in another order"));
    if (absl::StartsWith(event.type, "croft.tenant.") && event.data.contains("state"))
      told_[event.tenant] = absl::StrCat(event.tenant_uid, " ", event.data.at("state"));
  }
  committed_.clear();
}

void EventChecks::AtRest() {
  Read();
  for (const auto& [id, told] : told_) {
    const auto tenant = *world_.catalog.GetTenant(id);
    const std::string is = tenant ? absl::StrCat(tenant->uid, " ", NameOf(tenant->state)) : "nothing";
    if (is != told)
      world_.Violate(15, absl::StrCat("tenant ", id, " is ", is, " and was told to be ", told));
  }
}

}  // namespace croft::sim
