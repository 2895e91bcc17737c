#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "common/enums.h"
#include "common/sqlite/statement.h"
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
[[nodiscard]] std::string EncodeCopies(const std::vector<domain::BackupCopy>& copies);
// DATA_LOSS when `text` is not what the encoder makes.
[[nodiscard]] absl::Status DecodeList(absl::string_view text, std::vector<std::string>& list);
[[nodiscard]] absl::Status DecodeMap(absl::string_view text, Labels& map);
[[nodiscard]] absl::Status DecodeFindings(absl::string_view text, std::vector<domain::Finding>& findings);
[[nodiscard]] absl::Status DecodeMissingRights(absl::string_view text,
                                               std::vector<domain::MissingRight>& rights);
[[nodiscard]] absl::Status DecodeCopies(absl::string_view text, std::vector<domain::BackupCopy>& copies);

// DATA_LOSS: no value of its column is written `text`.
[[nodiscard]] absl::Status Undecodable(absl::string_view text);

// By the name that the enum declares beside itself.
template <typename Enum>
[[nodiscard]] absl::Status DecodeEnum(absl::string_view text, Enum& value) {
  const std::optional<Enum> found = FromName<Enum>(text);
  if (!found) return Undecodable(text);
  value = *found;
  return absl::OkStatus();
}
// Roles are stored in capitals.
[[nodiscard]] std::string EncodeRole(domain::Role role);
[[nodiscard]] absl::Status DecodeRole(absl::string_view text, domain::Role& role);

// --- For the columns of a Table (table.h).

struct EnumCodec {
  template <typename Enum>
  absl::string_view Encode(Enum value) const {
    return NameOf(value);
  }
  template <typename Enum>
  absl::Status Decode(const sqlite::Rows& rows, int column, Enum& value) const {
    return DecodeEnum(rows.Text(column), value);
  }
};

struct ListCodec {
  std::string Encode(const std::vector<std::string>& list) const { return EncodeList(list); }
  absl::Status Decode(const sqlite::Rows& rows, int column, std::vector<std::string>& list) const {
    return DecodeList(rows.Text(column), list);
  }
};

// A set of enumerators, as a list of their names.
struct EnumSetCodec {
  template <typename Enum>
  std::string Encode(const std::set<Enum>& values) const {
    std::vector<std::string> names;
    for (const Enum value : values) names.emplace_back(NameOf(value));
    return EncodeList(names);
  }
  template <typename Enum>
  absl::Status Decode(const sqlite::Rows& rows, int column, std::set<Enum>& values) const {
    std::vector<std::string> names;
    absl::Status status = DecodeList(rows.Text(column), names);
    values.clear();
    for (const std::string& name : names) {
      Enum value{};
      if (status.ok()) status = DecodeEnum(name, value);
      values.insert(value);
    }
    return status;
  }
};

struct MapCodec {
  std::string Encode(const Labels& map) const { return EncodeMap(map); }
  absl::Status Decode(const sqlite::Rows& rows, int column, Labels& map) const {
    return DecodeMap(rows.Text(column), map);
  }
};

struct FindingsCodec {
  std::string Encode(const std::vector<domain::Finding>& findings) const {
    return EncodeFindings(findings);
  }
  absl::Status Decode(const sqlite::Rows& rows, int column, std::vector<domain::Finding>& findings) const {
    return DecodeFindings(rows.Text(column), findings);
  }
};

struct MissingRightsCodec {
  std::string Encode(const std::vector<domain::MissingRight>& rights) const {
    return EncodeMissingRights(rights);
  }
  absl::Status Decode(const sqlite::Rows& rows, int column,
                      std::vector<domain::MissingRight>& rights) const {
    return DecodeMissingRights(rows.Text(column), rights);
  }
};

struct CopiesCodec {
  std::string Encode(const std::vector<domain::BackupCopy>& copies) const { return EncodeCopies(copies); }
  absl::Status Decode(const sqlite::Rows& rows, int column, std::vector<domain::BackupCopy>& copies) const {
    return DecodeCopies(rows.Text(column), copies);
  }
};

// Bytes in a BLOB column.
struct BytesCodec {
  sqlite::Blob Encode(const std::string& bytes) const { return {bytes}; }
  absl::Status Decode(const sqlite::Rows& rows, int column, std::string& bytes) const {
    rows.Read(column, bytes);
    return absl::OkStatus();
  }
};

}  // namespace croft::catalog
