// Makes and parses resource names.

#include "common/names.h"

#include <algorithm>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include "common/errors.h"

namespace croft {
namespace {

constexpr size_t kMaxIdLength = 63;

bool IsIdCharacter(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-'; }

bool IsId(absl::string_view id) {
  return !id.empty() && id.size() <= kMaxIdLength && std::all_of(id.begin(), id.end(), IsIdCharacter) &&
         id.front() != '-' && id.back() != '-';
}

// Ids are given names, too.
bool IsGivenName(absl::string_view name) {
  const auto fits = [](char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-'; };
  return !name.empty() && name.size() <= kMaxIdLength && absl::ascii_isalnum(name.front()) &&
         std::all_of(name.begin(), name.end(), fits);
}

// Such as 20261123t031100z-ab3d.
bool LooksLikeBackupId(absl::string_view name) {
  constexpr absl::string_view kForm = "00000000t000000z-";
  if (name.size() < kForm.size()) return false;
  for (size_t i = 0; i < kForm.size(); ++i) {
    const bool digit = kForm[i] == '0';
    if (digit ? !absl::ascii_isdigit(name[i]) : name[i] != kForm[i]) return false;
  }
  return true;
}

absl::StatusOr<std::string> ParseName(absl::string_view collection, absl::string_view name,
                                      absl::string_view field) {
  absl::string_view id = name;
  if (!absl::ConsumePrefix(&id, absl::StrCat(collection, "/")) || !IsId(id)) {
    return InvalidField(field,
                        absl::StrCat("must be `", collection, "/ID` with an id of 1 to 63 characters ",
                                     "a-z, 0-9 and inner -"));
  }
  return std::string(id);
}

}  // namespace

absl::Status CheckId(absl::string_view id, absl::string_view field) {
  if (IsId(id)) return absl::OkStatus();
  return InvalidField(field, "must be 1 to 63 characters a-z, 0-9 and inner -");
}

std::string TenantName(absl::string_view id) { return absl::StrCat("tenants/", id); }
absl::StatusOr<std::string> ParseTenantName(absl::string_view name, absl::string_view field) {
  return ParseName("tenants", name, field);
}

std::string HostName(absl::string_view id) { return absl::StrCat("hosts/", id); }
absl::StatusOr<std::string> ParseHostName(absl::string_view name, absl::string_view field) {
  return ParseName("hosts", name, field);
}

std::string OperationName(absl::string_view id) { return absl::StrCat("operations/", id); }
absl::StatusOr<std::string> ParseOperationName(absl::string_view name, absl::string_view field) {
  return ParseName("operations", name, field);
}

std::string BackupPolicyName(absl::string_view id) { return absl::StrCat("backupPolicies/", id); }
absl::StatusOr<std::string> ParseBackupPolicyName(absl::string_view name, absl::string_view field) {
  return ParseName("backupPolicies", name, field);
}

std::string BackupName(absl::string_view tenant, absl::string_view backup) {
  return absl::StrCat("tenants/", tenant, "/backups/", backup);
}

absl::Status CheckGivenName(absl::string_view given_name, absl::string_view field) {
  if (!IsGivenName(given_name)) {
    return InvalidField(
        field, "must be 1 to 63 characters A-Z, a-z, 0-9, ., _ and - that begin with a letter or digit");
  }
  if (given_name == "latest" || LooksLikeBackupId(given_name))
    return InvalidField(field, "must not be latest or look like a backup's id");
  return absl::OkStatus();
}

absl::StatusOr<BackupId> ParseBackupName(absl::string_view name, absl::string_view field) {
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  if (parts.size() != 4 || parts[0] != "tenants" || parts[2] != "backups" || !IsId(parts[1]) ||
      !IsGivenName(parts[3])) {
    return InvalidField(field, "must be `tenants/ID/backups/ID`, or with the backup's given name");
  }
  return BackupId{std::string(parts[1]), std::string(parts[3])};
}

std::string PrincipalName(absl::string_view id) { return absl::StrCat("principals/", id); }
absl::StatusOr<std::string> ParsePrincipalName(absl::string_view name, absl::string_view field) {
  return ParseName("principals", name, field);
}

std::string AccessTokenName(absl::string_view principal, absl::string_view token) {
  return absl::StrCat("principals/", principal, "/tokens/", token);
}

absl::StatusOr<AccessTokenId> ParseAccessTokenName(absl::string_view name, absl::string_view field) {
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  if (parts.size() != 4 || parts[0] != "principals" || parts[2] != "tokens" || !IsId(parts[1]) ||
      !IsId(parts[3])) {
    return InvalidField(field, "must be `principals/ID/tokens/ID`");
  }
  return AccessTokenId{std::string(parts[1]), std::string(parts[3])};
}

}  // namespace croft
