#pragma once

#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

// Resource names, each a Make and a Parse that are inverse to one another. `field` is the request's field
// that errors name.
namespace croft {

// 1 to 63 of `a-z`, `0-9` and inner `-`; else INVALID_ARGUMENT naming `field`.
[[nodiscard]] absl::Status CheckId(absl::string_view id, absl::string_view field);

[[nodiscard]] std::string TenantName(absl::string_view id);
[[nodiscard]] absl::StatusOr<std::string> ParseTenantName(absl::string_view name, absl::string_view field);

[[nodiscard]] std::string HostName(absl::string_view id);
[[nodiscard]] absl::StatusOr<std::string> ParseHostName(absl::string_view name, absl::string_view field);

[[nodiscard]] std::string OperationName(absl::string_view id);
[[nodiscard]] absl::StatusOr<std::string> ParseOperationName(absl::string_view name,
                                                             absl::string_view field);

[[nodiscard]] std::string PrincipalName(absl::string_view id);
[[nodiscard]] absl::StatusOr<std::string> ParsePrincipalName(absl::string_view name,
                                                             absl::string_view field);

struct AccessTokenId {
  std::string principal;
  std::string token;
};
[[nodiscard]] std::string AccessTokenName(absl::string_view principal, absl::string_view token);
[[nodiscard]] absl::StatusOr<AccessTokenId> ParseAccessTokenName(absl::string_view name,
                                                                 absl::string_view field);

// What a backup may be called by its maker: 1 to 63 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-` that begin with a letter or
// digit; not `latest`, and not of the form of backups' ids. Else INVALID_ARGUMENT naming `field`.
[[nodiscard]] absl::Status CheckGivenName(absl::string_view given_name, absl::string_view field);

[[nodiscard]] std::string BackupPolicyName(absl::string_view id);
[[nodiscard]] absl::StatusOr<std::string> ParseBackupPolicyName(absl::string_view name,
                                                                absl::string_view field);

struct BackupId {
  std::string tenant;
  std::string backup;  // id or given name
};
[[nodiscard]] std::string BackupName(absl::string_view tenant, absl::string_view backup);
[[nodiscard]] absl::StatusOr<BackupId> ParseBackupName(absl::string_view name, absl::string_view field);

}  // namespace croft
