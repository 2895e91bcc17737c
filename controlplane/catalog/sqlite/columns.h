#pragma once

#include <map>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "controlplane/domain/backup.h"
#include "controlplane/domain/finding.h"
#include "controlplane/domain/host.h"
#include "controlplane/domain/operation.h"
#include "controlplane/domain/tenant.h"
#include "controlplane/domain/user.h"

// How values of the domain lie in columns. Bytes that are not UTF-8 survive in plain text columns; in lists and
// maps they are replaced.
namespace croft::catalog {

using Labels = std::map<std::string, std::string>;

[[nodiscard]] std::string EncodeList(const std::vector<std::string>& list);
[[nodiscard]] std::string EncodeMap(const Labels& map);
[[nodiscard]] std::string EncodeFindings(const std::vector<domain::Finding>& findings);
[[nodiscard]] std::string EncodeMissingRights(const std::vector<domain::MissingRight>& rights);
// DATA_LOSS when `text` is not what the encoder makes.
[[nodiscard]] absl::Status DecodeList(absl::string_view text, std::vector<std::string>& list);
[[nodiscard]] absl::Status DecodeMap(absl::string_view text, Labels& map);
[[nodiscard]] absl::Status DecodeFindings(absl::string_view text, std::vector<domain::Finding>& findings);
[[nodiscard]] absl::Status DecodeMissingRights(absl::string_view text,
                                               std::vector<domain::MissingRight>& rights);

// Names as in the API, without its prefixes.
[[nodiscard]] absl::string_view EncodeEnum(domain::TenantState value);
[[nodiscard]] absl::string_view EncodeEnum(domain::SuspendMode value);
[[nodiscard]] absl::string_view EncodeEnum(domain::LoginRole value);
[[nodiscard]] absl::string_view EncodeEnum(domain::OperationKind value);
[[nodiscard]] absl::string_view EncodeEnum(domain::OperationState value);
[[nodiscard]] absl::string_view EncodeEnum(domain::StepState value);
[[nodiscard]] absl::string_view EncodeEnum(domain::TaskKind value);
[[nodiscard]] absl::string_view EncodeEnum(domain::Landing value);
[[nodiscard]] absl::string_view EncodeEnum(domain::BackupState value);
[[nodiscard]] absl::string_view EncodeEnum(domain::BackupOrigin value);
[[nodiscard]] absl::string_view EncodeEnum(domain::Role value);

// DATA_LOSS when it is none of the names.
[[nodiscard]] absl::Status DecodeEnum(absl::string_view text, domain::TenantState& value);
[[nodiscard]] absl::Status DecodeEnum(absl::string_view text, domain::SuspendMode& value);
[[nodiscard]] absl::Status DecodeEnum(absl::string_view text, domain::LoginRole& value);
[[nodiscard]] absl::Status DecodeEnum(absl::string_view text, domain::OperationKind& value);
[[nodiscard]] absl::Status DecodeEnum(absl::string_view text, domain::OperationState& value);
[[nodiscard]] absl::Status DecodeEnum(absl::string_view text, domain::StepState& value);
[[nodiscard]] absl::Status DecodeEnum(absl::string_view text, domain::TaskKind& value);
[[nodiscard]] absl::Status DecodeEnum(absl::string_view text, domain::Landing& value);
[[nodiscard]] absl::Status DecodeEnum(absl::string_view text, domain::BackupState& value);
[[nodiscard]] absl::Status DecodeEnum(absl::string_view text, domain::BackupOrigin& value);
[[nodiscard]] absl::Status DecodeEnum(absl::string_view text, domain::Role& value);

}  // namespace croft::catalog
