// Makes the events of a decision.

#include "controlplane/engine/fleet_events.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/names.h"

namespace croft::engine {
namespace {

using domain::Backup;
using domain::Host;
using domain::Operation;
using domain::Tenant;
using domain::TenantState;

// What led to the tenant's present state.
const char* NameOfChange(TenantState before, TenantState after) {
  switch (after) {
    case TenantState::kCreating: return "creating";
    case TenantState::kReady:
      if (before == TenantState::kSuspended) return "resumed";
      return before == TenantState::kRetired ? "undeleted" : "created";
    case TenantState::kSuspended: return before == TenantState::kRetired ? "undeleted" : "suspended";
    case TenantState::kRetired: return "retired";
    case TenantState::kFailed: return "create_failed";
    case TenantState::kPurged: return "purged";
  }
  std::abort();
}

// Logins that lookups hand out.
std::vector<std::string> Published(const Tenant& tenant) {
  std::vector<std::string> logins;
  for (const domain::Credential& one : tenant.credentials) {
    if (one.published) logins.push_back(one.login);
  }
  return logins;
}

// Excludes internal clean-ups, and pruned operations reloaded only to answer a retried request: their events already exist.
bool EmitsEvents(const Changed<Operation>& changed, absl::Time now) {
  const bool is_put_back = changed.before == nullptr && changed.after->create_time != now;
  return changed.after->kind != domain::OperationKind::kCleanUp && !is_put_back;
}

// Names of the fields that an operator sets and that are another now, never their values: settings may say anything.
std::string ChangedFields(const Tenant& before, const Tenant& after) {
  std::vector<absl::string_view> names;
  domain::ForEachTenantField([&](const auto& field) {
    const absl::string_view name = field.path.substr(0, field.path.find('.'));
    const auto is_told = [&] { return !names.empty() && names.back() == name; };
    if (field.Of(before) != field.Of(after) && !is_told()) names.push_back(name);
  });
  return absl::StrJoin(names, " ");
}

std::string ChangedFields(const Host& before, const Host& after) {
  std::vector<absl::string_view> fields;
  if (before.labels != after.labels) fields.push_back("labels");
  if (before.limits != after.limits) fields.push_back("limits");
  if (before.server_names != after.server_names) fields.push_back("server_names");
  return absl::StrJoin(fields, " ");
}

template <typename Enum>
std::string Name(Enum value) {
  return std::string(NameOf(value));
}

template <typename Enum>
std::string InSmallLetters(Enum value) {
  return absl::AsciiStrToLower(NameOf(value));
}

}  // namespace

void FleetEvents::OfTenant(const std::string& id, domain::FleetEvent& event) const {
  event.tenant = id;
  const Tenant* tenant = find_tenant_(id);
  if (tenant == nullptr) return;
  event.tenant_uid = tenant->uid;
  if (event.host.empty()) event.host = tenant->placement.host;
}

void FleetEvents::Say(const Tenant& tenant, const char* what, Data data) {
  events_.push_back({.time = now_,
                     .type = absl::StrCat("croft.tenant.", what),
                     .subject = TenantName(tenant.id),
                     .tenant = tenant.id,
                     .tenant_uid = tenant.uid,
                     .host = tenant.placement.host,
                     .data = std::move(data)});
}

void FleetEvents::Say(const Host& host, const std::string& what, Data data) {
  events_.push_back({.time = now_,
                     .type = absl::StrCat("croft.host.", what),
                     .subject = HostName(host.id),
                     .host = host.id,
                     .data = std::move(data)});
}

void FleetEvents::Say(const Operation& operation, const std::string& what, Data data) {
  domain::FleetEvent& event = events_.emplace_back();
  event.time = now_;
  event.type = absl::StrCat("croft.operation.", what);
  event.subject = OperationName(operation.id);
  data["kind"] = Name(operation.kind);
  data["caller"] = operation.caller;
  if (!operation.backup.empty()) {
    data["backup"] = BackupName(
        operation.source_tenant.empty() ? operation.tenant : operation.source_tenant, operation.backup);
  }
  if (!operation.parent.empty()) data["parent"] = OperationName(operation.parent);
  event.data = std::move(data);
  event.host = operation.host;
  OfTenant(operation.tenant, event);
}

void FleetEvents::Say(const Backup& backup, const std::string& what, Data data) {
  domain::FleetEvent& event = events_.emplace_back();
  event.time = now_;
  event.type = absl::StrCat("croft.backup.", what);
  event.subject = BackupName(backup.tenant, backup.id);
  data["origin"] = Name(backup.origin);
  data["store"] = backup.store;
  if (!backup.given_name.empty()) data["given_name"] = backup.given_name;
  event.data = std::move(data);
  OfTenant(backup.tenant, event);
  event.tenant_uid = backup.tenant_uid;
}

void FleetEvents::Add(const Changed<Tenant>& changed) {
  if (changed.after == nullptr) return;
  const Tenant& now = *changed.after;
  // One of another uid was purged before.
  const Tenant* before =
      changed.before != nullptr && changed.before->uid == now.uid ? changed.before : nullptr;
  if (before == nullptr) {
    Say(now, NameOfChange(now.state, now.state), {{"state", Name(now.state)}});
    return;
  }
  if (before->state != now.state || before->suspend_mode != now.suspend_mode) {
    Data data{{"state", Name(now.state)}, {"previous_state", Name(before->state)}};
    if (now.state == TenantState::kSuspended) data["suspend_mode"] = Name(now.suspend_mode);
    Say(now, NameOfChange(before->state, now.state), std::move(data));
  }
  if (now.state == TenantState::kPurged) return;
  const bool lived_and_lives = !before->placement.host.empty() && !now.placement.host.empty();
  if (before->placement != now.placement && lived_and_lives) {
    Say(now, "placement_changed",
        {{"generation", absl::StrCat(now.placement.generation)},
         {"previous_generation", absl::StrCat(before->placement.generation)},
         {"previous_host", HostName(before->placement.host)}});
  }
  if (Published(*before) != Published(now)) Say(now, "credentials_changed", {});
  AddStorage(*before, now);
  if (before->unconfirmed && !now.unconfirmed) Say(now, "confirmed", {});
  if (std::string fields = ChangedFields(*before, now); !fields.empty())
    Say(now, "updated", {{"changed", std::move(fields)}});
}

void FleetEvents::AddStorage(const Tenant& before, const Tenant& now) {
  const Data sizes{{"size_bytes", absl::StrCat(now.storage.size_bytes)},
                   {"quota_bytes", absl::StrCat(now.quota.storage_bytes)}};
  if (before.storage.level != now.storage.level) {
    Data data = sizes;
    data["level"] = Name(now.storage.level);
    data["previous_level"] = Name(before.storage.level);
    Say(now, "storage_level_changed", std::move(data));
  }
  if (before.storage.closed != now.storage.closed)
    Say(now, now.storage.closed ? "closed_for_growth" : "opened_for_growth", sizes);
}

void FleetEvents::Add(const Changed<Host>& changed) {
  if (changed.after == nullptr) {
    if (changed.before != nullptr) Say(*changed.before, "removed");
    return;
  }
  const Host& now = *changed.after;
  if (changed.before == nullptr) return Say(now, "added");
  const Host& before = *changed.before;
  const domain::HostState state = domain::StateOf(now);
  if (before.certificate_fingerprint.empty() && !now.certificate_fingerprint.empty()) {
    // That it is away until its agent connects is no news.
    Say(now, "joined");
  } else if (domain::StateOf(before) != state) {
    Say(now, InSmallLetters(state), {{"previous_state", Name(domain::StateOf(before))}});
  }
  if (before.report.postgres_up != now.report.postgres_up)
    Say(now, now.report.postgres_up ? "postgres_up" : "postgres_down");
  if (before.report.timeline != 0 && before.report.timeline != now.report.timeline)
    Say(now, "failed_over", {{"timeline", absl::StrCat(now.report.timeline)}});
  if (before.cordoned != now.cordoned) Say(now, now.cordoned ? "cordoned" : "uncordoned");
  if (std::string fields = ChangedFields(before, now); !fields.empty())
    Say(now, "updated", {{"changed", std::move(fields)}});
}

void FleetEvents::Add(const Changed<Backup>& changed) {
  if (changed.after == nullptr) {
    if (changed.before != nullptr) Say(*changed.before, "deleted", {});
    return;
  }
  const Backup& now = *changed.after;
  if (changed.before == nullptr || changed.before->state != now.state) {
    Data data;
    if (domain::Stored(now)) data["size_bytes"] = absl::StrCat(now.size_bytes);
    Say(now, InSmallLetters(now.state), std::move(data));
  }
  const bool was_held = changed.before != nullptr && domain::Held(*changed.before);
  // Its reason is an operator's words: who may read them asks for the backup.
  if (!was_held && domain::Held(now)) Say(now, "held", {{"caller", now.hold.caller}});
  if (was_held && !domain::Held(now)) Say(now, "released", {});
  AddCopies(changed);
}

void FleetEvents::Add(const Changed<domain::BackupPolicy>& changed) {
  if (changed.after == nullptr) return;
  const domain::BackupPolicy& now = *changed.after;
  const bool was_there = changed.before != nullptr && !changed.before->deleted;
  const char* what = now.deleted ? "deleted" : was_there ? "updated" : "created";
  events_.push_back({.time = now_,
                     .type = absl::StrCat("croft.backup_policy.", what),
                     .subject = BackupPolicyName(now.id)});
}

void FleetEvents::AddCopies(const Changed<Backup>& changed) {
  for (const domain::BackupCopy& copy : changed.after->copies) {
    const domain::BackupCopy* before =
        changed.before == nullptr ? nullptr : domain::FindCopy(*changed.before, copy.store);
    if (before != nullptr && before->state == copy.state) continue;
    const Data data{{"copy_store", copy.store}};
    if (copy.state == domain::BackupState::kAvailable) Say(*changed.after, "copied", data);
    if (copy.state == domain::BackupState::kFailed || copy.state == domain::BackupState::kDamaged)
      Say(*changed.after, "copy_failed", data);
  }
}

void FleetEvents::AddStart(const Changed<Operation>& changed) {
  if (changed.before == nullptr && changed.after != nullptr && EmitsEvents(changed, now_))
    Say(*changed.after, "started", {});
}

void FleetEvents::Add(const Changed<Operation>& changed) {
  if (changed.after == nullptr || !EmitsEvents(changed, now_)) return;
  const Operation& now = *changed.after;
  const domain::OperationState before =
      changed.before == nullptr ? domain::OperationState::kRunning : changed.before->state;
  if (before == now.state) return;
  Data data;
  // Its words may be the server's, about the tenant's objects: who may read them asks for the operation.
  if (now.error) data["reason"] = now.error->reason;
  if (now.warnings.count > 0) data["warnings"] = absl::StrCat(now.warnings.count);
  Say(now, InSmallLetters(now.state), std::move(data));
}

}  // namespace croft::engine
