// Decides requests about backup policies, and has the schedules of tenants follow them.
//
// A policy counts from the transaction that sets it. The rows of schedules follow later, a thousand tenants in a
// transaction: a row notes what it was made by (Schedule::basis), so that one that is due before it was looked at is seen
// to be out of date, and looking at a tenant twice does no harm.

#include "controlplane/engine/backup_policies.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/enums.h"
#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/requests.h"
#include "controlplane/engine/schedules.h"

namespace croft::engine {
namespace {

using domain::BackupPart;
using domain::BackupPolicy;
using domain::BackupRules;
using domain::Schedule;
using domain::ScheduleKind;
using domain::Tenant;

// How many tenants are looked at in one transaction, and how soon the next ones are.
constexpr int32_t kTenantsAtOnce = 1000;
constexpr absl::Duration kSoon = absl::Seconds(1);
// Over this time the copies that a policy asks for are begun.
constexpr absl::Duration kCopySpread = absl::Hours(1);

constexpr size_t kMostSelected = 32;

bool FollowsPolicy(ScheduleKind kind) {
  return kind == ScheduleKind::kBackUp || kind == ScheduleKind::kProve;
}

// The row as it is to be; nullopt for none.
std::optional<Schedule> Wanted(ScheduleKind kind, const Tenant& tenant, const domain::PolicyInForce& policy,
                               const Moment& moment) {
  return kind == ScheduleKind::kProve ? ProofOf(tenant, policy, moment) : BackupOf(tenant, policy, moment);
}

// What the row was made by. Versions without policies made it by what the tenant says itself.
int64_t BasisOf(const Schedule& row, const Tenant& tenant) {
  return row.basis != 0 ? row.basis : domain::BasisOf(row.key.kind, domain::InForce(tenant, {}));
}

std::optional<catalog::Change> Realigned(const std::optional<Schedule>& row, ScheduleKind kind,
                                         const Tenant& tenant, const domain::PolicyInForce& policy,
                                         const Moment& moment) {
  std::optional<Schedule> wanted = Wanted(kind, tenant, policy, moment);
  if (!wanted)
    return row ? std::optional<catalog::Change>(catalog::DeleteSchedule{row->key}) : std::nullopt;
  if (row && BasisOf(*row, tenant) == wanted->basis) return std::nullopt;
  return catalog::PutSchedule{*std::move(wanted)};
}

// What the rules say of the part alone.
BackupRules PartOf(const BackupRules& rules, BackupPart part) {
  BackupRules only = rules;
  for (const BackupPart other : AllOf<BackupPart>()) {
    if (other == part) continue;
    domain::Clear(other, only);
    only.off.erase(other);
  }
  return only;
}

// Whether the change from `before` to `after` may change the part for some tenant.
bool Touches(BackupPart part, const BackupPolicy& before, const BackupPolicy& after) {
  const auto decides = [&](const BackupPolicy& policy) {
    return !policy.deleted && domain::Decides(policy.rules, part);
  };
  if (!decides(before) && !decides(after)) return false;
  return before.selector != after.selector || before.priority != after.priority ||
         before.deleted != after.deleted || PartOf(before.rules, part) != PartOf(after.rules, part);
}

void FollowSoon(Draft& draft, absl::Duration delay) {
  draft.Record(
      catalog::PutSchedule{{.key = {ScheduleKind::kFollowPolicies, ""}, .next_time = draft.now() + delay}});
}

// Has schedules follow the change, where it says something that they follow from.
void OpenRollout(Draft& draft, const BackupPolicy& before, BackupPolicy& policy) {
  const bool copies = Touches(BackupPart::kCopies, before, policy);
  if (!copies && !Touches(BackupPart::kSchedule, before, policy) &&
      !Touches(BackupPart::kProofs, before, policy))
    return;
  domain::PolicyRollout rollout{.open = true, .copies = copies};
  for (const BackupPolicy& other : draft.facts().BackupPolicies()) {
    if (other.rollout.open) rollout.from = rollout.reached = other.rollout.reached;
    if (other.rollout.open && other.id == policy.id) rollout.copies |= other.rollout.copies;
  }
  policy.rollout = std::move(rollout);
  FollowSoon(draft, absl::ZeroDuration());
}

// A policy that says nothing is a slip.
absl::Status CheckPolicy(const BackupPolicy& policy) {
  if (policy.selector.size() > kMostSelected)
    return InvalidField("policy.selector", absl::StrCat("has at most ", kMostSelected, " labels"));
  const std::vector<BackupPart> parts = AllOf<BackupPart>();
  const bool decides = std::any_of(parts.begin(), parts.end(),
                                   [&](BackupPart part) { return domain::Decides(policy.rules, part); });
  return decides ? absl::OkStatus()
                 : InvalidField("policy.rules", "must say something: set a field or `off`");
}

// Without a schedule its times are nothing: they go with it, and are not set without one.
absl::Status SettleTimes(const domain::TenantUpdate& update, BackupRules& rules) {
  if (domain::HasValue(rules, BackupPart::kSchedule)) return absl::OkStatus();
  Tenant given;
  update.ApplyTo(given);
  if (given.backup_times != domain::BackupTimes())
    return InvalidField("policy.rules",
                        "must have `every` or `cron` for `time_zone`, `window` and `jitter` to count");
  rules.backup_times = {};
  return absl::OkStatus();
}

absl::StatusOr<BackupPolicy*> ExistingPolicy(Draft& draft, const std::string& id, const std::string& etag) {
  BackupPolicy* policy = draft.FindBackupPolicy(id);
  if (policy == nullptr || policy->deleted) return domain::BackupPolicyNotFound(id);
  CROFT_RETURN_IF_ERROR(CheckEtag(etag, BackupPolicyName(id), policy->version));
  return policy;
}

}  // namespace

domain::PolicyInForce InForce(catalog::Facts& facts, const Tenant& tenant) {
  return domain::InForce(tenant, facts.BackupPolicies());
}

domain::PolicyInForce InForce(Draft& draft, const Tenant& tenant) { return InForce(draft.facts(), tenant); }

std::optional<catalog::Change> Realigned(const Schedule& row, catalog::Facts& facts, const Moment& moment) {
  if (!FollowsPolicy(row.key.kind)) return std::nullopt;
  const auto id = ParseTenantName(row.key.resource, "resource");
  const std::optional<Tenant> tenant = id.ok() ? facts.FindTenant(*id) : std::nullopt;
  if (!tenant) return std::nullopt;
  return Realigned(row, row.key.kind, *tenant, InForce(facts, *tenant), moment);
}

void SettleRules(const domain::TenantUpdate& update, Tenant& tenant) {
  Tenant given;
  update.ApplyTo(given);
  const BackupRules said = domain::RulesOf(given);
  BackupRules rules = domain::RulesOf(tenant);
  if (said.backup_every > absl::ZeroDuration()) {
    rules.backup_times.cron.clear();
  } else if (!said.backup_times.cron.empty()) {
    rules.backup_every = absl::ZeroDuration();
  }
  for (const BackupPart part : AllOf<BackupPart>()) {
    if (domain::HasValue(said, part)) {
      rules.off.erase(part);
    } else if (said.off.contains(part)) {
      domain::Clear(part, rules);
    }
  }
  domain::SetRules(rules, tenant);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const SetBackupPolicy& request) {
  BackupPolicy* known = draft.FindBackupPolicy(request.policy);
  const bool is_new = known == nullptr || known->deleted;
  if (!is_new || !request.etag.empty())
    CROFT_RETURN_IF_ERROR(ExistingPolicy(draft, request.policy, request.etag).status());
  if (known == nullptr && draft.facts().BackupPolicies().size() >= domain::kMostBackupPolicies)
    return domain::TooManyBackupPolicies(domain::kMostBackupPolicies);
  const BackupPolicy before = is_new ? BackupPolicy{.deleted = true} : *known;
  BackupPolicy policy = is_new ? BackupPolicy{.id = request.policy, .create_time = draft.now()} : *known;
  // Of one that had the same id and is being deleted: its etags are not this one's, and its end is still to be followed.
  if (known != nullptr) policy.version = known->version;
  if (known != nullptr) policy.rollout = known->rollout;
  if (request.selector) policy.selector = *request.selector;
  if (request.priority) policy.priority = *request.priority;
  Tenant saying;
  domain::SetRules(policy.rules, saying);
  request.rules.ApplyTo(saying);
  SettleRules(request.rules, saying);
  policy.rules = domain::RulesOf(saying);
  CROFT_RETURN_IF_ERROR(SettleTimes(request.rules, policy.rules));
  CROFT_RETURN_IF_ERROR(CheckPolicy(policy));
  if (is_new || policy != before) {
    OpenRollout(draft, before, policy);
    draft.Add(std::move(policy));
  }
  return BackupPolicyName(request.policy);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const DeleteBackupPolicy& request) {
  CROFT_ASSIGN_OR_RETURN(BackupPolicy * policy, ExistingPolicy(draft, request.policy, request.etag));
  const BackupPolicy before = *policy;
  policy->deleted = true;
  OpenRollout(draft, before, *policy);
  // Nothing follows from it that would have to be undone.
  if (!policy->rollout.open) draft.Record(catalog::DeleteBackupPolicy{policy->id});
  return BackupPolicyName(request.policy);
}

namespace {

// Brings the tenant's schedules in line. Once they are, this finds nothing to do.
void Align(Draft& draft, const Tenant& tenant, const std::vector<BackupPolicy>& policies, bool copies) {
  const domain::PolicyInForce policy = domain::InForce(tenant, policies);
  for (const ScheduleKind kind : {ScheduleKind::kBackUp, ScheduleKind::kProve}) {
    const std::optional<Schedule> row = draft.facts().FindSchedule({kind, TenantName(tenant.id)});
    if (std::optional<catalog::Change> change = Realigned(row, kind, tenant, policy, draft.moment()))
      draft.Record(*std::move(change));
  }
  const bool lives = tenant.state != domain::TenantState::kPurged && !tenant.last_backup.empty();
  if (!copies || !lives || policy.rules.copy_to.empty()) return;
  const domain::ScheduleKey key = CopyingOf(tenant.id);
  if (draft.facts().FindSchedule(key)) return;
  draft.Record(
      catalog::PutSchedule{{.key = key, .next_time = draft.now() + domain::SpreadOf(key, kCopySpread)}});
}

// How far the rollout is after `tenants`, the next ones behind where it stood; `last`: there are none behind them.
void Advance(const std::vector<Tenant>& tenants, bool last, domain::PolicyRollout& rollout) {
  const std::string end = tenants.empty() ? "" : tenants.back().id;
  rollout.seen += std::count_if(tenants.begin(), tenants.end(), [&](const Tenant& tenant) {
    return !rollout.turned || tenant.id <= rollout.from;
  });
  if (rollout.turned) {
    rollout.open = !last && end < rollout.from;
  } else if (last) {
    rollout.turned = true;
    rollout.open = !rollout.from.empty();
  }
  rollout.reached = last ? "" : end;
}

domain::FleetEvent Applied(const BackupPolicy& policy, absl::Time now) {
  return {.time = now,
          .type = "croft.backup_policy.applied",
          .subject = BackupPolicyName(policy.id),
          .data = {{"tenants", absl::StrCat(policy.rollout.seen)},
                   {"deleted", policy.deleted ? "true" : "false"}}};
}

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const FollowPolicies&) {
  const std::vector<BackupPolicy> policies = draft.facts().BackupPolicies();
  const auto is_open = [](const BackupPolicy& policy) { return policy.rollout.open; };
  const auto first = std::find_if(policies.begin(), policies.end(), is_open);
  if (first == policies.end()) {
    draft.Record(catalog::DeleteSchedule{{ScheduleKind::kFollowPolicies, ""}});
    return Subject();
  }
  const std::vector<Tenant> tenants = draft.facts().TenantsAfter(first->rollout.reached, kTenantsAtOnce);
  const bool copies = std::any_of(policies.begin(), policies.end(), [](const BackupPolicy& policy) {
    return policy.rollout.open && policy.rollout.copies;
  });
  for (const Tenant& tenant : tenants) Align(draft, tenant, policies, copies);
  bool any_open = false;
  for (BackupPolicy policy : policies) {
    if (!policy.rollout.open) continue;
    Advance(tenants, tenants.size() < static_cast<size_t>(kTenantsAtOnce), policy.rollout);
    any_open = any_open || policy.rollout.open;
    if (!policy.rollout.open) draft.Record(catalog::AppendEvent{Applied(policy, draft.now())});
    if (!policy.rollout.open) policy.rollout = {.seen = policy.rollout.seen};
    // No change that was asked for: the version stays.
    if (policy.deleted && !policy.rollout.open) {
      draft.Record(catalog::DeleteBackupPolicy{policy.id});
    } else {
      draft.Record(catalog::PutBackupPolicy{std::move(policy)});
    }
  }
  if (any_open) {
    FollowSoon(draft, kSoon);
  } else {
    draft.Record(catalog::DeleteSchedule{{ScheduleKind::kFollowPolicies, ""}});
  }
  return Subject();
}

}  // namespace croft::engine
