#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/numeric/int128.h>
#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "common/crypto/keyed_hash.h"

// Hashes the rows of a table independently of their order.
namespace croft::agent {

// The number of rows of a COPY stream and the sum of their keyed hashes: the same whatever the order of the rows, of
// the columns, and the cuts of the stream. Constant memory, however long a row is.
class RowDigester {
 public:
  // `key` is crypto::kHashKeyBytes long.
  explicit RowDigester(absl::string_view key);

  // Begins a stream whose rows have the fields `columns`, in that order.
  void Begin(const std::vector<std::string>& columns);
  // DATA_LOSS (DUMP_DAMAGED) for what COPY does not write.
  absl::Status Append(absl::string_view bytes);
  absl::Status End();

  // Of the stream that ended last.
  uint64_t rows() const { return rows_; }
  absl::uint128 sum() const { return sum_; }

 private:
  absl::Status TakeRest(absl::string_view& bytes);
  absl::Status TakeRow(absl::string_view row);
  absl::Status Reorder(absl::string_view row);
  absl::Status TakeLong(absl::string_view part);
  absl::Status EndLong();
  absl::Status EndField();

  crypto::KeyedHash row_hash_;
  crypto::KeyedHash long_row_hash_;
  crypto::KeyedHashStream field_hash_;

  std::vector<size_t> order_;  // of the fields, by the names of their columns
  bool in_order_ = true;       // as they come
  uint64_t rows_ = 0;
  absl::uint128 sum_ = 0;
  bool ended_ = false;  // `\.` was seen

  std::string begun_;  // a row whose end is not here
  std::vector<absl::string_view> fields_;
  std::string reordered_;
  bool in_long_row_ = false;
  std::vector<absl::uint128> field_hashes_;
};

}  // namespace croft::agent
