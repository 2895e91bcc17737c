// Parses requests about tenants.

#include "controlplane/wire/tenant_requests.h"

#include <utility>

#include <absl/strings/str_cat.h>

#include "common/names.h"
#include "controlplane/wire/backup_policy.h"
#include "controlplane/wire/fields.h"
#include "controlplane/wire/filter.h"
#include "controlplane/wire/mask.h"
#include "controlplane/wire/table_patterns.h"
#include "controlplane/wire/tenant_fields.h"

namespace croft::wire {
namespace {

constexpr size_t kLongestReason = 512;
// PostgreSQL's names have fewer bytes.
constexpr size_t kLongestDatabase = 64;
constexpr absl::Duration kLongestGrace = absl::Hours(24 * 3650);
constexpr absl::Duration kLongestOverlap = absl::Hours(24 * 7);
constexpr int64_t kUsualWidth = 4;
constexpr int64_t kMostWidth = 64;
constexpr int64_t kUsualFailures = 1;
constexpr int64_t kMostFailures = 1'000'000;

// What every request for an operation on one tenant has.
template <typename Result, typename Request>
Result ParseCommon(const Request& request, Violations& violations) {
  Result result;
  result.tenant = violations.Take(ParseTenantName(request.name(), "name"));
  result.etag = ParseEtag(request.etag(), "etag", violations);
  ParseRequestId(request.request_id(), violations);
  return result;
}

// Whether the caller repeated the tenant's name, which what cannot be taken back asks for.
bool ParseConfirm(const std::string& confirm, const std::string& tenant, Violations& violations) {
  if (confirm.empty()) return false;
  if (confirm != TenantName(tenant)) violations.Add("confirm", "must be the name of the tenant, or empty");
  return true;
}

template <typename Result>
absl::StatusOr<Result> Finish(Result result, const Violations& violations) {
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  return result;
}

}  // namespace

absl::StatusOr<engine::CreateTenant> Parse(const v1::CreateTenantRequest& request) {
  Violations violations;
  engine::CreateTenant result;
  violations.Take(CheckId(request.tenant_id(), "tenant_id"));
  if (!request.tenant().name().empty() && request.tenant().name() != TenantName(request.tenant_id())) {
    violations.Add("tenant.name", "must be empty or `tenants/` and the tenant_id");
  }
  ReadTenantFields(request.tenant(), result.tenant, violations);
  CheckRules(domain::RulesOf(result.tenant), "tenant.backup_policy", violations);
  result.tenant.id = request.tenant_id();
  result.host_selector = ParseLabels(request.host_selector(), "host_selector", violations);
  result.if_missing = request.if_missing();
  ParseRequestId(request.request_id(), violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::UpdateTenant> Parse(const v1::UpdateTenantRequest& request) {
  Violations violations;
  engine::UpdateTenant result;
  const v1::Tenant& proto = request.tenant();
  result.tenant = violations.Take(ParseTenantName(proto.name(), "tenant.name"));
  result.etag = ParseEtag(proto.etag(), "tenant.etag", violations);
  ParseRequestId(request.request_id(), violations);
  result.confirmed = ParseConfirm(request.confirm(), result.tenant, violations);

  MaskReader mask;
  NameTenantFields(proto, result.update, violations, mask);
  mask.Read(request.update_mask(), violations);
  CheckRules(domain::RulesOf(result.update.values), "tenant.backup_policy", violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::SuspendTenant> Parse(const v1::SuspendTenantRequest& request) {
  Violations violations;
  auto result = ParseCommon<engine::SuspendTenant>(request, violations);
  switch (request.mode()) {
    case v1::SUSPEND_MODE_UNSPECIFIED:
    case v1::SUSPEND_MODE_BLOCKED: result.mode = domain::SuspendMode::kBlocked; break;
    case v1::SUSPEND_MODE_READ_ONLY: result.mode = domain::SuspendMode::kReadOnly; break;
    default: violations.Add("mode", "must be SUSPEND_MODE_BLOCKED or SUSPEND_MODE_READ_ONLY");
  }
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::ResumeTenant> Parse(const v1::ResumeTenantRequest& request) {
  Violations violations;
  return Finish(ParseCommon<engine::ResumeTenant>(request, violations), violations);
}

absl::StatusOr<engine::RetireTenant> Parse(const v1::RetireTenantRequest& request) {
  Violations violations;
  auto result = ParseCommon<engine::RetireTenant>(request, violations);
  if (request.has_grace())
    result.grace = ParseDuration(request.grace(), kLongestGrace, "grace", violations);
  result.confirmed = ParseConfirm(request.confirm(), result.tenant, violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::UndeleteTenant> Parse(const v1::UndeleteTenantRequest& request) {
  Violations violations;
  return Finish(ParseCommon<engine::UndeleteTenant>(request, violations), violations);
}

absl::StatusOr<engine::PurgeTenant> Parse(const v1::PurgeTenantRequest& request) {
  Violations violations;
  auto result = ParseCommon<engine::PurgeTenant>(request, violations);
  result.waiver =
      ParseText(request.waive_backup_reason(), kLongestReason, "waive_backup_reason", violations);
  result.confirmed = ParseConfirm(request.confirm(), result.tenant, violations);
  if (!request.accept_incomplete_backup().empty()) {
    const BackupId backup =
        violations.Take(ParseBackupName(request.accept_incomplete_backup(), "accept_incomplete_backup"));
    if (backup.tenant != result.tenant) {
      violations.Add("accept_incomplete_backup", "must be a backup of the tenant that `name` names");
    }
    result.accepted_backup = backup.backup;
  }
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::RestoreTenant> Parse(const v1::RestoreTenantRequest& request) {
  Violations violations;
  auto result = ParseCommon<engine::RestoreTenant>(request, violations);
  const BackupId backup = violations.Take(ParseBackupName(request.backup(), "backup"));
  if (!backup.tenant.empty() && !result.tenant.empty() && backup.tenant != result.tenant) {
    violations.Add("backup", "must be a backup of the tenant that `name` names");
  }
  result.backup = backup.backup;
  result.allow_incomplete = request.allow_incomplete();
  if (!request.copy().empty()) result.copy = ParseStore(request.copy(), "copy", violations);
  if (!request.new_tenant_id().empty()) {
    violations.Take(CheckId(request.new_tenant_id(), "new_tenant_id"));
    if (request.new_tenant_id() == result.tenant) {
      violations.Add("new_tenant_id",
                     "must be another id than that of `name`; leave it empty to restore in place");
    }
    result.as_new.emplace().id = request.new_tenant_id();
  }
  result.only = ParseTablePatterns(request.only(), "only", violations);
  if (!result.only.empty() && !result.as_new)
    violations.Add("only", "needs new_tenant_id: a part of a backup is never restored in place");
  if (!request.host().empty()) result.host = violations.Take(ParseHostName(request.host(), "host"));
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::UndoRestore> Parse(const v1::UndoRestoreRequest& request) {
  Violations violations;
  auto result = ParseCommon<engine::UndoRestore>(request, violations);
  result.database = ParseText(request.database(), kLongestDatabase, "database", violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::RotateCredentials> Parse(const v1::RotateCredentialsRequest& request) {
  Violations violations;
  auto result = ParseCommon<engine::RotateCredentials>(request, violations);
  if (request.has_overlap()) {
    result.overlap = ParseDuration(request.overlap(), kLongestOverlap, "overlap", violations);
  }
  return Finish(std::move(result), violations);
}

namespace {

domain::OperationKind ParseChildKind(v1::Operation::Kind kind, Violations& violations) {
  if (kind == v1::Operation::KIND_VERIFY) return domain::OperationKind::kVerify;
  if (kind == v1::Operation::KIND_ROTATE) return domain::OperationKind::kRotate;
  if (kind != v1::Operation::KIND_BACK_UP)
    violations.Add("kind", "must be KIND_BACK_UP, KIND_VERIFY or KIND_ROTATE");
  return domain::OperationKind::kBackUp;
}

// Within 1 and `most`; 0 stands for what is usual.
int32_t ParseCount(int64_t value, int64_t usual, int64_t most, absl::string_view field,
                   Violations& violations) {
  return static_cast<int32_t>(ParseInteger(value == 0 ? usual : value, 1, most, field, violations));
}

}  // namespace

absl::StatusOr<engine::StartCampaign> Parse(const v1::StartCampaignRequest& request) {
  Violations violations;
  engine::StartCampaign result;
  result.child_kind = ParseChildKind(request.kind(), violations);
  if (!request.resource().empty())
    result.host = violations.Take(ParseHostName(request.resource(), "resource"));
  violations.Take(ParseTenantFilter(request.filter()));
  result.filter = request.filter();
  result.width = ParseCount(request.width(), kUsualWidth, kMostWidth, "width", violations);
  result.max_failures =
      ParseCount(request.max_failures(), kUsualFailures, kMostFailures, "max_failures", violations);
  result.overlap = engine::RotateCredentials().overlap;
  if (request.has_overlap()) {
    result.overlap = ParseDuration(request.overlap(), kLongestOverlap, "overlap", violations);
    if (request.kind() != v1::Operation::KIND_ROTATE) violations.Add("overlap", "is for KIND_ROTATE alone");
  }
  ParseRequestId(request.request_id(), violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<std::string> Parse(const v1::GetTenantRequest& request) {
  return ParseTenantName(request.name(), "name");
}

absl::StatusOr<std::string> Parse(const v1::GetErasureRequest& request) {
  return ParseTenantName(request.name(), "name");
}

namespace {

std::string QueryOf(const v1::ListTenantsRequest& request) {
  return absl::StrCat("tenants\n", request.show_retired(), "\n", request.filter());
}

}  // namespace

absl::StatusOr<catalog::TenantQuery> Parse(const v1::ListTenantsRequest& request,
                                           const PageTokens& tokens) {
  Violations violations;
  catalog::TenantQuery query;
  query.limit = ParsePageSize(request.page_size(), violations);
  query.conditions = violations.Take(ParseTenantFilter(request.filter()));
  query.show_retired = request.show_retired();
  query.after_id = tokens.Parse(request.page_token(), QueryOf(request), violations);
  return Finish(std::move(query), violations);
}

std::string NextPageToken(const v1::ListTenantsRequest& request, const PageTokens& tokens,
                          const std::string& last_id) {
  return tokens.Make(QueryOf(request), last_id);
}

}  // namespace croft::wire
