// Converts backup policies.

#include "controlplane/wire/backup_policy.h"

#include <utility>

#include <absl/strings/str_cat.h>

#include "common/enums.h"
#include "common/errors.h"
#include "common/names.h"
#include "controlplane/wire/enums.h"
#include "controlplane/wire/fields.h"
#include "controlplane/wire/mask.h"
#include "controlplane/wire/tenant_fields.h"

namespace croft::wire {
namespace {

using domain::BackupPart;

constexpr int64_t kMostPriority = 1000;

v1::BackupPolicy ToProto(const domain::BackupRules& rules) {
  domain::Tenant tenant;
  domain::SetRules(rules, tenant);
  v1::Tenant shown;
  ShowTenantFields(tenant, shown);
  return std::move(*shown.mutable_backup_policy());
}

v1::SharedBackupPolicy::State StateOf(const domain::BackupPolicy& policy) {
  if (policy.deleted) return v1::SharedBackupPolicy::STATE_DELETING;
  return policy.rollout.open ? v1::SharedBackupPolicy::STATE_APPLYING
                             : v1::SharedBackupPolicy::STATE_ACTIVE;
}

// What ParseInteger does, for numbers below 0 too.
int32_t ReadPriority(int32_t priority, Violations& violations) {
  if (priority < -kMostPriority || priority > kMostPriority) {
    violations.Add("policy.priority", absl::StrCat("must be from -", kMostPriority, " to ", kMostPriority));
    return 0;
  }
  return priority;
}

}  // namespace

v1::BackupPolicyInForce ToProto(const domain::PolicyInForce& policy) {
  v1::BackupPolicyInForce proto;
  *proto.mutable_policy() = ToProto(policy.rules);
  for (const auto& [part, name] : policy.sources) {
    v1::BackupPolicyInForce::Source& source = *proto.add_sources();
    source.set_part(ToProto(part));
    source.set_name(name);
  }
  return proto;
}

v1::SharedBackupPolicy ToProto(const domain::BackupPolicy& policy, int64_t tenants) {
  v1::SharedBackupPolicy proto;
  proto.set_name(BackupPolicyName(policy.id));
  *proto.mutable_create_time() = ToProto(policy.create_time);
  *proto.mutable_update_time() = ToProto(policy.update_time);
  proto.set_etag(EtagOf(policy.version));
  for (const auto& [key, value] : policy.selector) (*proto.mutable_selector())[key] = value;
  proto.set_priority(policy.priority);
  *proto.mutable_rules() = ToProto(policy.rules);
  proto.set_state(StateOf(policy));
  if (!policy.rollout.open) return proto;
  proto.set_tenants_seen(policy.rollout.seen);
  proto.set_tenants_total(tenants);
  return proto;
}

void CheckRules(const domain::BackupRules& rules, absl::string_view field, Violations& violations) {
  if (rules.backup_every > absl::ZeroDuration() && !rules.backup_times.cron.empty())
    violations.Add(absl::StrCat(field, ".cron"),
                   "must be empty beside `every`: a policy has one of the two");
  for (const BackupPart part : AllOf<BackupPart>()) {
    if (rules.off.contains(part) && domain::HasValue(rules, part))
      violations.Add(absl::StrCat(field, ".off"),
                     absl::StrCat("must not name ", NameOf(part), " beside a field of it"));
  }
}

absl::StatusOr<engine::SetBackupPolicy> Parse(const v1::SetBackupPolicyRequest& request) {
  Violations violations;
  engine::SetBackupPolicy result;
  const v1::SharedBackupPolicy& proto = request.policy();
  result.policy = violations.Take(ParseBackupPolicyName(proto.name(), "policy.name"));
  result.etag = ParseEtag(proto.etag(), "policy.etag", violations);
  ParseRequestId(request.request_id(), violations);
  v1::Tenant saying;
  if (proto.has_rules()) *saying.mutable_backup_policy() = proto.rules();

  MaskReader mask;
  mask.Field("selector", !proto.selector().empty(),
             [&] { result.selector = ParseLabels(proto.selector(), "policy.selector", violations); });
  mask.Field("priority", proto.priority() != 0,
             [&] { result.priority = ReadPriority(proto.priority(), violations); });
  NamePolicyFields(saying, result.rules, violations, mask);
  mask.Read(request.update_mask(), violations);
  CheckRules(domain::RulesOf(result.rules.values), "policy.rules", violations);
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  return result;
}

absl::StatusOr<engine::DeleteBackupPolicy> Parse(const v1::DeleteBackupPolicyRequest& request) {
  Violations violations;
  engine::DeleteBackupPolicy result;
  result.policy = violations.Take(ParseBackupPolicyName(request.name(), "name"));
  result.etag = ParseEtag(request.etag(), "etag", violations);
  ParseRequestId(request.request_id(), violations);
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  return result;
}

absl::StatusOr<std::string> Parse(const v1::GetBackupPolicyRequest& request) {
  return ParseBackupPolicyName(request.name(), "name");
}

}  // namespace croft::wire
