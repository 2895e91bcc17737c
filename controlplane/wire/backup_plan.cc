// Converts plans of backups.

#include "controlplane/wire/backup_plan.h"

#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/names.h"
#include "controlplane/wire/backup_policy.h"
#include "controlplane/wire/enums.h"
#include "controlplane/wire/fields.h"
#include "controlplane/wire/filter.h"

namespace croft::wire {
namespace {

std::string QueryOf(const v1::ListBackupPlansRequest& request) {
  return absl::StrCat("backup plans\n", request.parent(), "\n", request.filter());
}

v1::PlannedRun ToProto(const domain::Schedule& schedule) {
  v1::PlannedRun run;
  *run.mutable_time() = wire::ToProto(schedule.next_time);
  run.set_refusal_reason(schedule.refusal_reason);
  run.set_refusal_message(schedule.refusal_message);
  return run;
}

v1::PlannedBackup ToProto(const std::string& tenant, const domain::PlannedBackup& planned) {
  v1::PlannedBackup proto;
  proto.set_backup(BackupName(tenant, planned.backup));
  proto.set_given_name(planned.given_name);
  proto.set_fate(wire::ToProto(planned.fate));
  if (planned.delete_time) *proto.mutable_delete_time() = wire::ToProto(*planned.delete_time);
  for (const domain::KeepRule rule : planned.kept_by) proto.add_kept_by(wire::ToProto(rule));
  return proto;
}

}  // namespace

absl::StatusOr<BackupPlanQuery> Parse(const v1::ListBackupPlansRequest& request, const PageTokens& tokens) {
  Violations violations;
  BackupPlanQuery query;
  if (request.parent() != "tenants/-") {
    query.tenant = violations.Take(ParseTenantName(request.parent(), "parent"));
    if (!request.filter().empty()) violations.Add("filter", "must be empty but for tenants/-");
  }
  query.tenants.conditions = violations.Take(ParseTenantFilter(request.filter()));
  query.tenants.show_retired = true;
  query.tenants.limit = ParsePageSize(request.page_size(), violations);
  query.tenants.after_id = tokens.Parse(request.page_token(), QueryOf(request), violations);
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  return query;
}

std::string NextPageToken(const v1::ListBackupPlansRequest& request, const PageTokens& tokens,
                          const std::string& last_id) {
  return tokens.Make(QueryOf(request), last_id);
}

v1::BackupPlan ToProto(const domain::Tenant& tenant, const domain::PolicyInForce& policy,
                       const domain::BackupPlan& plan) {
  v1::BackupPlan proto;
  proto.set_tenant(TenantName(tenant.id));
  const domain::BackupSchedules& schedules = plan.schedules;
  if (schedules.backup) *proto.mutable_next_backup() = ToProto(*schedules.backup);
  if (schedules.proof) *proto.mutable_next_proof() = ToProto(*schedules.proof);
  if (schedules.purge) *proto.mutable_purge() = ToProto(*schedules.purge);
  for (const absl::Time time : plan.later_backups) *proto.add_later_backups() = wire::ToProto(time);
  v1::BackupPolicyInForce in_force = ToProto(policy);
  *proto.mutable_policy() = std::move(*in_force.mutable_policy());
  *proto.mutable_policy_sources() = std::move(*in_force.mutable_sources());
  proto.set_keep(plan.kept);
  for (const domain::PlannedBackup& planned : plan.backups)
    *proto.add_backups() = ToProto(tenant.id, planned);
  if (!plan.newest_usable.empty())
    proto.set_newest_usable_backup(BackupName(tenant.id, plan.newest_usable));
  if (plan.unprotected_since) *proto.mutable_unprotected_since() = wire::ToProto(*plan.unprotected_since);
  return proto;
}

}  // namespace croft::wire
