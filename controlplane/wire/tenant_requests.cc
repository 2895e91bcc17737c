// Parses requests about tenants.

#include "controlplane/wire/tenant_requests.h"

#include <limits>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/names.h"
#include "controlplane/domain/storage.h"
#include "controlplane/wire/fields.h"
#include "controlplane/wire/filter.h"
#include "controlplane/wire/json.h"
#include "controlplane/wire/mask.h"

namespace croft::wire {
namespace {

constexpr size_t kLongestDisplayName = 128;
constexpr size_t kLongestReason = 512;
constexpr int64_t kMostConnections = 10000;
constexpr int64_t kMostBackupsKept = 1000;
// Of a policy's backups and proofs.
constexpr absl::Duration kShortestEvery = absl::Minutes(1);
constexpr absl::Duration kLongestBackupEvery = absl::Hours(24 * 31);
constexpr absl::Duration kLongestProveEvery = absl::Hours(24 * 366);
constexpr absl::Duration kLongestGrace = absl::Hours(24 * 3650);
constexpr absl::Duration kLongestOverlap = absl::Hours(24 * 7);
// PostgreSQL counts milliseconds in 32 bits.
constexpr absl::Duration kLongestStatement = absl::Milliseconds(std::numeric_limits<int32_t>::max());

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

int32_t ParseConnections(const v1::Quota& proto, Violations& violations) {
  const int64_t connections =
      ParseInteger(proto.connections(), 0, kMostConnections, "tenant.quota.connections", violations);
  return connections > 0 ? static_cast<int32_t>(connections) : domain::Quota().connections;
}

absl::Duration ParseStatementTimeout(const v1::Quota& proto, Violations& violations) {
  constexpr char kTimeout[] = "tenant.quota.statement_timeout";
  const absl::Duration timeout =
      ParseDuration(proto.statement_timeout(), kLongestStatement, kTimeout, violations);
  const absl::Duration whole = absl::Trunc(timeout, absl::Milliseconds(1));
  if (timeout != whole) violations.Add(kTimeout, "must be whole milliseconds");
  return whole;
}

int64_t ParseStorageBytes(const v1::Quota& proto, Violations& violations) {
  constexpr char kStorage[] = "tenant.quota.storage_bytes";
  const int64_t bytes =
      ParseInteger(proto.storage_bytes(), 0, std::numeric_limits<int64_t>::max(), kStorage, violations);
  if (bytes > 0 && bytes < domain::kLeastStorageQuota) {
    violations.Add(kStorage, absl::StrCat("must be at least ", domain::kLeastStorageQuota,
                                          " bytes, or 0 for none: a new database has about half of that"));
  }
  return bytes;
}

int32_t ParseBackupsKept(const v1::BackupPolicy& policy, Violations& violations) {
  return static_cast<int32_t>(
      ParseInteger(policy.keep(), 0, kMostBackupsKept, "tenant.backup_policy.keep", violations));
}

// Zero where it is not given.
absl::Duration ParseEvery(const google::protobuf::Duration& given, absl::Duration longest,
                          absl::string_view field, Violations& violations) {
  const absl::Duration every = ParseDuration(given, longest, field, violations);
  if (every > absl::ZeroDuration() && every < kShortestEvery)
    violations.Add(field, "must be at least a minute, or 0 for never by itself");
  if (absl::Trunc(every, absl::Seconds(1)) != every) violations.Add(field, "must be whole seconds");
  return every;
}

absl::Duration ParseBackupEvery(const v1::BackupPolicy& policy, Violations& violations) {
  return ParseEvery(policy.every(), kLongestBackupEvery, "tenant.backup_policy.every", violations);
}

absl::Duration ParseProveEvery(const v1::BackupPolicy& policy, Violations& violations) {
  return ParseEvery(policy.prove_every(), kLongestProveEvery, "tenant.backup_policy.prove_every",
                    violations);
}

domain::Quota ParseQuota(const v1::Quota& proto, Violations& violations) {
  return {.connections = ParseConnections(proto, violations),
          .storage_bytes = ParseStorageBytes(proto, violations),
          .statement_timeout = ParseStatementTimeout(proto, violations)};
}

domain::Tenant ParseNewTenant(const v1::Tenant& proto, Violations& violations) {
  domain::Tenant tenant;
  tenant.display_name =
      ParseText(proto.display_name(), kLongestDisplayName, "tenant.display_name", violations);
  tenant.aliases = ParseAliases(proto.aliases(), "tenant.aliases", violations);
  tenant.labels = ParseLabels(proto.labels(), "tenant.labels", violations);
  if (proto.has_expire_time()) {
    tenant.expire_time = ParseTime(proto.expire_time(), "tenant.expire_time", violations);
  }
  tenant.extensions = ParseExtensions(proto.extensions(), "tenant.extensions", violations);
  tenant.locale = ParseLocale(proto.locale(), "tenant.locale", violations);
  tenant.settings = ParseSettings(proto.settings(), "tenant.settings", violations);
  tenant.features = ParseFeatures(proto.features(), "tenant.features", violations);
  tenant.quota = ParseQuota(proto.quota(), violations);
  tenant.backups_kept = ParseBackupsKept(proto.backup_policy(), violations);
  tenant.backup_every = ParseBackupEvery(proto.backup_policy(), violations);
  tenant.prove_every = ParseProveEvery(proto.backup_policy(), violations);
  tenant.delete_protection = proto.delete_protection();
  if (proto.has_storage_grace_time()) {
    tenant.storage.grace_time =
        ParseTime(proto.storage_grace_time(), "tenant.storage_grace_time", violations);
  }
  return tenant;
}

}  // namespace

absl::StatusOr<engine::CreateTenant> Parse(const v1::CreateTenantRequest& request) {
  Violations violations;
  engine::CreateTenant result;
  violations.Take(CheckId(request.tenant_id(), "tenant_id"));
  if (!request.tenant().name().empty() && request.tenant().name() != TenantName(request.tenant_id())) {
    violations.Add("tenant.name", "must be empty or `tenants/` and the tenant_id");
  }
  result.tenant = ParseNewTenant(request.tenant(), violations);
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
  domain::TenantUpdate& update = result.update;
  result.tenant = violations.Take(ParseTenantName(proto.name(), "tenant.name"));
  result.etag = ParseEtag(proto.etag(), "tenant.etag", violations);
  ParseRequestId(request.request_id(), violations);
  result.confirmed = ParseConfirm(request.confirm(), result.tenant, violations);

  MaskReader mask;
  mask.Field("display_name", !proto.display_name().empty(), [&] {
    update.Set<&domain::Tenant::display_name>() =
        ParseText(proto.display_name(), kLongestDisplayName, "tenant.display_name", violations);
  });
  mask.Field("aliases", !proto.aliases().empty(), [&] {
    update.Set<&domain::Tenant::aliases>() = ParseAliases(proto.aliases(), "tenant.aliases", violations);
  });
  mask.Field("labels", !proto.labels().empty(), [&] {
    update.Set<&domain::Tenant::labels>() = ParseLabels(proto.labels(), "tenant.labels", violations);
  });
  mask.Keys("labels", [&](const std::string& key) {
    const auto found = proto.labels().find(key);
    auto& edit = update.label_edits[key];
    if (found == proto.labels().end()) return;
    if (!IsLabelValue(found->second)) {
      violations.Add(absl::StrCat("tenant.labels.", key),
                     "must be at most 63 characters A-Z, a-z, 0-9, ., _ and -");
    }
    edit = found->second;
  });
  mask.Field("expire_time", proto.has_expire_time(), [&] {
    auto& expire_time = update.Set<&domain::Tenant::expire_time>();
    if (proto.has_expire_time()) {
      expire_time = ParseTime(proto.expire_time(), "tenant.expire_time", violations);
    }
  });
  mask.Field("settings", proto.has_settings(), [&] {
    update.Set<&domain::Tenant::settings>() =
        ParseSettings(proto.settings(), "tenant.settings", violations);
  });
  mask.Keys("settings", [&](const std::string& key) {
    const auto found = proto.settings().fields().find(key);
    auto& edit = update.settings_edits[key];
    if (found == proto.settings().fields().end()) return;
    edit = ParseSetting(found->second, absl::StrCat("tenant.settings.", key), violations);
  });
  mask.Field("features", !proto.features().empty(), [&] {
    update.Set<&domain::Tenant::features>() =
        ParseFeatures(proto.features(), "tenant.features", violations);
  });
  mask.Keys("features", [&](const std::string& key) {
    const auto found = proto.features().find(key);
    auto& edit = update.feature_edits[key];
    if (found == proto.features().end()) return;
    edit = ParseFeature(found->second, absl::StrCat("tenant.features.", key), violations);
  });
  mask.Field("quota", proto.has_quota(),
             [&] { update.Set<&domain::Tenant::quota>() = ParseQuota(proto.quota(), violations); });
  mask.Part("quota.connections", [&] {
    update.Set<&domain::Tenant::quota, &domain::Quota::connections>() =
        ParseConnections(proto.quota(), violations);
  });
  mask.Part("quota.statement_timeout", [&] {
    update.Set<&domain::Tenant::quota, &domain::Quota::statement_timeout>() =
        ParseStatementTimeout(proto.quota(), violations);
  });
  mask.Part("quota.storage_bytes", [&] {
    update.Set<&domain::Tenant::quota, &domain::Quota::storage_bytes>() =
        ParseStorageBytes(proto.quota(), violations);
  });
  mask.Field("storage_grace_time", proto.has_storage_grace_time(), [&] {
    auto& grace_time = update.Set<&domain::Tenant::storage, &domain::Storage::grace_time>();
    if (proto.has_storage_grace_time()) {
      grace_time = ParseTime(proto.storage_grace_time(), "tenant.storage_grace_time", violations);
    }
  });
  mask.Field("backup_policy", proto.has_backup_policy(), [&] {
    update.Set<&domain::Tenant::backups_kept>() = ParseBackupsKept(proto.backup_policy(), violations);
    update.Set<&domain::Tenant::backup_every>() = ParseBackupEvery(proto.backup_policy(), violations);
    update.Set<&domain::Tenant::prove_every>() = ParseProveEvery(proto.backup_policy(), violations);
  });
  mask.Part("backup_policy.keep", [&] {
    update.Set<&domain::Tenant::backups_kept>() = ParseBackupsKept(proto.backup_policy(), violations);
  });
  mask.Part("backup_policy.every", [&] {
    update.Set<&domain::Tenant::backup_every>() = ParseBackupEvery(proto.backup_policy(), violations);
  });
  mask.Part("backup_policy.prove_every", [&] {
    update.Set<&domain::Tenant::prove_every>() = ParseProveEvery(proto.backup_policy(), violations);
  });
  mask.Field("delete_protection", proto.delete_protection(),
             [&] { update.Set<&domain::Tenant::delete_protection>() = proto.delete_protection(); });
  mask.Fixed("extensions", "is fixed at creation");
  mask.Fixed("locale", "is fixed at creation");
  mask.Read(request.update_mask(), violations);
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
  if (!request.new_tenant_id().empty()) {
    violations.Take(CheckId(request.new_tenant_id(), "new_tenant_id"));
    if (request.new_tenant_id() == result.tenant) {
      violations.Add("new_tenant_id",
                     "must be another id than that of `name`; leave it empty to restore in place");
    }
    result.as_new.emplace().id = request.new_tenant_id();
  }
  if (!request.host().empty()) result.host = violations.Take(ParseHostName(request.host(), "host"));
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
