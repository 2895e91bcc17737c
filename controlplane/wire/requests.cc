// Parses requests about backups, hosts and operations.

#include "controlplane/wire/requests.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "controlplane/wire/fields.h"
#include "controlplane/wire/mask.h"

namespace croft::wire {
namespace {

constexpr int64_t kMostDatabases = 100000;
constexpr int64_t kMostHostConnections = 1000000;
constexpr size_t kLongestSystemIdentifier = 20;
constexpr size_t kLongestNote = 512;
constexpr absl::Duration kShortestBackup = absl::Minutes(1);
constexpr absl::Duration kLongestBackup = absl::Hours(24);
constexpr absl::Duration kLongestWait = absl::Hours(24 * 365);

template <typename Result>
absl::StatusOr<Result> Finish(Result result, const Violations& violations) {
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  return result;
}

// Requests that name a backup and no more than that.
template <typename Result, typename Request>
Result ParseOnBackup(const Request& request, Violations& violations) {
  const BackupId name = violations.Take(ParseBackupName(request.name(), "name"));
  ParseRequestId(request.request_id(), violations);
  Result result;
  result.tenant = name.tenant;
  result.backup = name.backup;
  return result;
}

template <typename Result, typename Request>
Result ParseOnHost(const Request& request, Violations& violations) {
  Result result;
  result.host = violations.Take(ParseHostName(request.name(), "name"));
  ParseRequestId(request.request_id(), violations);
  return result;
}

}  // namespace

absl::StatusOr<engine::CreateBackup> Parse(const v1::CreateBackupRequest& request) {
  Violations violations;
  engine::CreateBackup result;
  result.tenant = violations.Take(ParseTenantName(request.parent(), "parent"));
  ParseRequestId(request.request_id(), violations);
  if (request.has_max_duration()) {
    result.max_duration = ParseDuration(request.max_duration(), kLongestBackup, "max_duration", violations);
    if (result.max_duration < kShortestBackup) violations.Add("max_duration", "must be at least 60s");
  }
  if (!request.given_name().empty()) {
    violations.Take(CheckGivenName(request.given_name(), "given_name"));
    result.given_name = request.given_name();
  }
  result.note = ParseText(request.note(), kLongestNote, "note", violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::VerifyBackup> Parse(const v1::VerifyBackupRequest& request) {
  Violations violations;
  auto result = ParseOnBackup<engine::VerifyBackup>(request, violations);
  if (!request.copy().empty()) result.copy = ParseStore(request.copy(), "copy", violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::CopyBackup> Parse(const v1::CopyBackupRequest& request) {
  Violations violations;
  auto result = ParseOnBackup<engine::CopyBackup>(request, violations);
  result.to_store = ParseStore(request.to_store(), "to_store", violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::DeleteBackup> Parse(const v1::DeleteBackupRequest& request) {
  Violations violations;
  auto result = ParseOnBackup<engine::DeleteBackup>(request, violations);
  result.etag = ParseEtag(request.etag(), "etag", violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::HoldBackup> Parse(const v1::HoldBackupRequest& request) {
  Violations violations;
  auto result = ParseOnBackup<engine::HoldBackup>(request, violations);
  result.etag = ParseEtag(request.etag(), "etag", violations);
  result.reason = ParseText(request.reason(), kLongestNote, "reason", violations);
  if (request.reason().empty()) violations.Add("reason", "must say why the backup is to be kept");
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::ReleaseBackup> Parse(const v1::ReleaseBackupRequest& request) {
  Violations violations;
  auto result = ParseOnBackup<engine::ReleaseBackup>(request, violations);
  result.etag = ParseEtag(request.etag(), "etag", violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::ExportBackup> Parse(const v1::ExportBackupRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const BackupId name, ParseBackupName(request.name(), "name"));
  return engine::ExportBackup{.tenant = name.tenant, .backup = name.backup};
}

absl::StatusOr<BackupId> Parse(const v1::GetBackupRequest& request) {
  return ParseBackupName(request.name(), "name");
}

absl::StatusOr<catalog::TenantQuery> Parse(const v1::ReportBackupsRequest& request) {
  Violations violations;
  catalog::TenantQuery query;
  query.conditions = violations.Take(ParseTenantFilter(request.filter()));
  query.show_retired = true;
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  return query;
}

namespace {

std::string QueryOf(const v1::ListBackupsRequest& request) {
  return absl::StrCat("backups\n", request.parent());
}

}  // namespace

absl::StatusOr<BackupQuery> Parse(const v1::ListBackupsRequest& request, const PageTokens& tokens) {
  Violations violations;
  BackupQuery query;
  if (request.parent() != "tenants/-") {
    query.tenant = violations.Take(ParseTenantName(request.parent(), "parent"));
  }
  query.limit = ParsePageSize(request.page_size(), violations);
  const std::string position = tokens.Parse(request.page_token(), QueryOf(request), violations);
  const std::pair<std::string, std::string> parts = absl::StrSplit(position, absl::MaxSplits('/', 1));
  query.after = {parts.first, parts.second};
  return Finish(std::move(query), violations);
}

std::string NextPageToken(const v1::ListBackupsRequest& request, const PageTokens& tokens,
                          const catalog::BackupPosition& last) {
  return tokens.Make(QueryOf(request), absl::StrCat(last.id, "/", last.tenant));
}

namespace {

int32_t ParseLimitDatabases(const v1::Limits& proto, Violations& violations) {
  const int64_t databases =
      ParseInteger(proto.databases(), 0, kMostDatabases, "host.limits.databases", violations);
  return databases > 0 ? static_cast<int32_t>(databases) : domain::HostLimits().databases;
}

int32_t ParseLimitConnections(const v1::Limits& proto, Violations& violations) {
  return static_cast<int32_t>(
      ParseInteger(proto.connections(), 0, kMostHostConnections, "host.limits.connections", violations));
}

int64_t ParseLimitReserve(const v1::Limits& proto, Violations& violations) {
  const int64_t reserve = ParseInteger(proto.reserve_bytes(), 0, std::numeric_limits<int64_t>::max(),
                                       "host.limits.reserve_bytes", violations);
  return reserve > 0 ? reserve : domain::HostLimits().reserve_bytes;
}

domain::HostLimits ParseLimits(const v1::Limits& proto, Violations& violations) {
  return {.databases = ParseLimitDatabases(proto, violations),
          .connections = ParseLimitConnections(proto, violations),
          .reserve_bytes = ParseLimitReserve(proto, violations)};
}

}  // namespace

absl::StatusOr<engine::UpdateHost> Parse(const v1::UpdateHostRequest& request) {
  Violations violations;
  engine::UpdateHost result;
  const v1::Host& proto = request.host();
  result.host = violations.Take(ParseHostName(proto.name(), "host.name"));
  result.etag = ParseEtag(proto.etag(), "host.etag", violations);
  ParseRequestId(request.request_id(), violations);

  MaskReader mask;
  mask.Field("labels", !proto.labels().empty(),
             [&] { result.labels = ParseLabels(proto.labels(), "host.labels", violations); });
  mask.Keys("labels", [&](const std::string& key) {
    const auto found = proto.labels().find(key);
    auto& edit = result.label_edits[key];
    if (found == proto.labels().end()) return;
    if (!IsLabelValue(found->second)) {
      violations.Add(absl::StrCat("host.labels.", key),
                     "must be at most 63 characters A-Z, a-z, 0-9, ., _ and -");
    }
    edit = found->second;
  });
  mask.Field("limits", proto.has_limits(),
             [&] { result.limits = ParseLimits(proto.limits(), violations); });
  mask.Part("limits.databases",
            [&] { result.limit_databases = ParseLimitDatabases(proto.limits(), violations); });
  mask.Part("limits.connections",
            [&] { result.limit_connections = ParseLimitConnections(proto.limits(), violations); });
  mask.Part("limits.reserve_bytes",
            [&] { result.limit_reserve_bytes = ParseLimitReserve(proto.limits(), violations); });
  mask.Read(request.update_mask(), violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::CordonHost> Parse(const v1::CordonHostRequest& request) {
  Violations violations;
  return Finish(ParseOnHost<engine::CordonHost>(request, violations), violations);
}

absl::StatusOr<engine::CordonHost> Parse(const v1::UncordonHostRequest& request) {
  Violations violations;
  auto result = ParseOnHost<engine::CordonHost>(request, violations);
  result.cordoned = false;
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::RemoveHost> Parse(const v1::RemoveHostRequest& request) {
  Violations violations;
  auto result = ParseOnHost<engine::RemoveHost>(request, violations);
  result.etag = ParseEtag(request.etag(), "etag", violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::AcceptMissingHost> Parse(const v1::AcceptMissingHostRequest& request) {
  Violations violations;
  return Finish(ParseOnHost<engine::AcceptMissingHost>(request, violations), violations);
}

absl::StatusOr<engine::AcceptHostIdentity> Parse(const v1::AcceptHostIdentityRequest& request) {
  Violations violations;
  auto result = ParseOnHost<engine::AcceptHostIdentity>(request, violations);
  const std::string& identifier = request.system_identifier();
  const bool digits = std::all_of(identifier.begin(), identifier.end(), absl::ascii_isdigit);
  if (identifier.empty() || identifier.size() > kLongestSystemIdentifier || !digits) {
    violations.Add("system_identifier", "must be 1 to 20 digits, as GetHost shows it");
  } else {
    result.system_identifier = identifier;
  }
  return Finish(std::move(result), violations);
}

absl::StatusOr<engine::CreateJoinToken> Parse(const v1::CreateJoinTokenRequest& request) {
  Violations violations;
  engine::CreateJoinToken result;
  result.host = violations.Take(ParseHostName(request.host(), "host"));
  result.server_names = ParseServerNames(request.server_names(), "server_names", violations);
  if (result.server_names.empty()) result.server_names = {"localhost", "127.0.0.1", "::1"};
  ParseRequestId(request.request_id(), violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<std::string> Parse(const v1::GetHostRequest& request) {
  return ParseHostName(request.name(), "name");
}

namespace {

std::string QueryOf(const v1::ListHostsRequest& request) {
  return absl::StrCat("hosts\n", request.filter());
}

}  // namespace

absl::StatusOr<HostQuery> Parse(const v1::ListHostsRequest& request, const PageTokens& tokens) {
  Violations violations;
  HostQuery query;
  query.limit = ParsePageSize(request.page_size(), violations);
  query.filter = violations.Take(ParseHostFilter(request.filter()));
  query.after_id = tokens.Parse(request.page_token(), QueryOf(request), violations);
  return Finish(std::move(query), violations);
}

std::string NextPageToken(const v1::ListHostsRequest& request, const PageTokens& tokens,
                          const std::string& last_id) {
  return tokens.Make(QueryOf(request), last_id);
}

absl::StatusOr<std::string> Parse(const v1::GetOperationRequest& request) {
  return ParseOperationName(request.name(), "name");
}

absl::StatusOr<std::string> Parse(const v1::WatchOperationRequest& request) {
  return ParseOperationName(request.name(), "name");
}

absl::StatusOr<engine::CancelOperation> Parse(const v1::CancelOperationRequest& request) {
  Violations violations;
  engine::CancelOperation result;
  result.operation = violations.Take(ParseOperationName(request.name(), "name"));
  ParseRequestId(request.request_id(), violations);
  return Finish(std::move(result), violations);
}

absl::StatusOr<OperationWait> Parse(const v1::WaitOperationRequest& request) {
  Violations violations;
  OperationWait wait;
  wait.operation = violations.Take(ParseOperationName(request.name(), "name"));
  if (request.has_timeout()) {
    wait.timeout = ParseDuration(request.timeout(), kLongestWait, "timeout", violations);
  }
  return Finish(std::move(wait), violations);
}

namespace {

std::string QueryOf(const v1::ListOperationsRequest& request) {
  return absl::StrCat("operations\n", request.filter());
}

}  // namespace

absl::StatusOr<OperationList> Parse(const v1::ListOperationsRequest& request, const PageTokens& tokens) {
  Violations violations;
  OperationList list;
  list.query.limit = ParsePageSize(request.page_size(), violations);
  const std::string position = tokens.Parse(request.page_token(), QueryOf(request), violations);
  int64_t before = 0;
  if (absl::SimpleAtoi(position, &before)) list.query.before = before;
  OperationFilter filter = violations.Take(ParseOperationFilter(request.filter()));
  list.query.tenant = std::move(filter.tenant);
  list.query.parent = std::move(filter.parent);
  list.query.ended = filter.ended;
  list.query.kind = filter.kind;
  list.query.state = filter.state;
  list.matches = std::move(filter.matches);
  return Finish(std::move(list), violations);
}

std::string NextPageToken(const v1::ListOperationsRequest& request, const PageTokens& tokens,
                          int64_t next) {
  return tokens.Make(QueryOf(request), absl::StrCat(next));
}

}  // namespace croft::wire
