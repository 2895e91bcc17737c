#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "common/sqlite/statement.h"
#include "controlplane/domain/operation.h"

// What only one kind of task or of operation remembers, as the JSON of one column. Its fields are described beside its
// members (domain/stored.h); a member that is not described does not compile.
namespace croft::catalog {

// The fields of the task: `{"login":"t_acme_b","enable":true}`. Its kind has a column of its own.
[[nodiscard]] std::string EncodeTask(const domain::Task& task);
// `task` is of its kind already. DATA_LOSS when `text` is not what the encoder makes. A field that is not there keeps
// its value, so that one can be added without a migration.
[[nodiscard]] absl::Status DecodeTask(absl::string_view text, domain::Task& task);

// `{"rotate":{"overlap":300000000000}}`, or `{}` for none.
[[nodiscard]] std::string EncodeDetails(const domain::OperationDetails& details);
[[nodiscard]] absl::Status DecodeDetails(absl::string_view text, domain::OperationDetails& details);

// `[{"placement":{"host":"h1","database":"t_acme_x_g1","generation":1},…}]`.
[[nodiscard]] std::string EncodeKeptDatabases(const std::vector<domain::KeptDatabase>& kept);
[[nodiscard]] absl::Status DecodeKeptDatabases(absl::string_view text,
                                               std::vector<domain::KeptDatabase>& kept);

// For the column of a Table (table.h).
struct KeptDatabasesCodec {
  std::string Encode(const std::vector<domain::KeptDatabase>& kept) const {
    return EncodeKeptDatabases(kept);
  }
  absl::Status Decode(const sqlite::Rows& rows, int column, std::vector<domain::KeptDatabase>& kept) const {
    return DecodeKeptDatabases(rows.Text(column), kept);
  }
};

}  // namespace croft::catalog
