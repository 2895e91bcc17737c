// Hashes the rows of a COPY stream independently of the order of rows and columns.

#include "agent/dump_format/row_digest.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "common/errors.h"

namespace croft::agent {
namespace {

// Longer rows are digested field by field, as they come. Both sides of a comparison see the same length, since the
// order of the fields does not change it.
constexpr size_t kLongRowBytes = 64 << 10;
constexpr absl::string_view kEndOfData = "\\.";

absl::Status Damaged(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, what, {.reason = "DUMP_DAMAGED"});
}

absl::Status WrongFieldCount() {
  return Damaged("the dump is damaged: a row has not as many fields as its table has columns");
}

}  // namespace

RowDigester::RowDigester(absl::string_view key)
    : row_hash_(key, "row"),
      long_row_hash_(key, "long row"),
      field_hash_(crypto::KeyedHash(key, "field")) {}

void RowDigester::Begin(const std::vector<std::string>& columns) {
  order_.resize(columns.size());
  std::iota(order_.begin(), order_.end(), size_t{0});
  std::sort(order_.begin(), order_.end(), [&](size_t a, size_t b) { return columns[a] < columns[b]; });
  in_order_ = std::is_sorted(order_.begin(), order_.end());
  fields_.resize(columns.size());
  rows_ = 0;
  sum_ = 0;
  ended_ = false;
  begun_.clear();
  in_long_row_ = false;
}

absl::Status RowDigester::Append(absl::string_view bytes) {
  if (!begun_.empty() || in_long_row_) CROFT_RETURN_IF_ERROR(TakeRest(bytes));
  while (!bytes.empty()) {
    const auto* const end = static_cast<const char*>(std::memchr(bytes.data(), '\n', bytes.size()));
    if (end == nullptr) {
      begun_.assign(bytes.data(), bytes.size());
      return absl::OkStatus();
    }
    const auto size = static_cast<size_t>(end - bytes.data());
    CROFT_RETURN_IF_ERROR(TakeRow(bytes.substr(0, size)));
    bytes.remove_prefix(size + 1);
  }
  return absl::OkStatus();
}

absl::Status RowDigester::End() {
  if (begun_.empty() && !in_long_row_) return absl::OkStatus();
  return Damaged("the dump is damaged: a row does not end");
}

// Goes on with a row that began in an earlier piece.
absl::Status RowDigester::TakeRest(absl::string_view& bytes) {
  const size_t end = bytes.find('\n');
  const absl::string_view part = bytes.substr(0, end);
  bytes.remove_prefix(part.size());
  if (in_long_row_) {
    CROFT_RETURN_IF_ERROR(TakeLong(part));
  } else {
    begun_.append(part.data(), part.size());
  }
  if (end == absl::string_view::npos) {
    if (in_long_row_ || begun_.size() <= kLongRowBytes) return absl::OkStatus();
    in_long_row_ = true;
    CROFT_RETURN_IF_ERROR(TakeLong(begun_));
    begun_.clear();
    return absl::OkStatus();
  }
  bytes.remove_prefix(1);
  if (in_long_row_) return EndLong();
  const absl::Status taken = TakeRow(begun_);
  begun_.clear();
  return taken;
}

absl::Status RowDigester::TakeRow(absl::string_view row) {
  if (ended_)
    return row.empty() ? absl::OkStatus() : Damaged("the dump is damaged: rows follow the last one");
  if (row == kEndOfData) {
    ended_ = true;
    return absl::OkStatus();
  }
  if (row.size() > kLongRowBytes) {
    CROFT_RETURN_IF_ERROR(TakeLong(row));
    return EndLong();
  }
  if (!in_order_) return Reorder(row);
  ++rows_;
  sum_ += row_hash_.Of(row);
  return absl::OkStatus();
}

absl::Status RowDigester::Reorder(absl::string_view row) {
  const char* at = row.data();
  const char* const end = at + row.size();
  const size_t count = fields_.size();
  for (size_t i = 0; i < count; ++i) {
    const auto* tab = static_cast<const char*>(std::memchr(at, '\t', static_cast<size_t>(end - at)));
    // The last field ends with the row, the others with a tab.
    if ((tab == nullptr) != (i + 1 == count)) return WrongFieldCount();
    if (tab == nullptr) tab = end;
    fields_[i] = absl::string_view(at, static_cast<size_t>(tab - at));
    at = tab + 1;
  }
  reordered_.resize(row.size() + 1);
  char* to = reordered_.data();
  for (const size_t i : order_) {
    std::memcpy(to, fields_[i].data(), fields_[i].size());
    to += fields_[i].size();
    *to++ = '\t';
  }
  ++rows_;
  sum_ += row_hash_.Of(absl::string_view(reordered_).substr(0, row.size()));
  return absl::OkStatus();
}

absl::Status RowDigester::TakeLong(absl::string_view part) {
  for (;;) {
    const size_t tab = part.find('\t');
    field_hash_.Update(part.substr(0, tab));
    if (tab == absl::string_view::npos) return absl::OkStatus();
    CROFT_RETURN_IF_ERROR(EndField());
    part.remove_prefix(tab + 1);
  }
}

absl::Status RowDigester::EndField() {
  if (field_hashes_.size() == order_.size()) return WrongFieldCount();
  field_hashes_.push_back(field_hash_.Finish());
  return absl::OkStatus();
}

absl::Status RowDigester::EndLong() {
  in_long_row_ = false;
  CROFT_RETURN_IF_ERROR(EndField());
  if (field_hashes_.size() != order_.size()) return WrongFieldCount();
  std::string hashes;
  for (const size_t i : order_) {
    hashes.append(reinterpret_cast<const char*>(&field_hashes_[i]), sizeof(field_hashes_[i]));
  }
  field_hashes_.clear();
  if (ended_) return Damaged("the dump is damaged: rows follow the last one");
  ++rows_;
  sum_ += long_row_hash_.Of(hashes);
  return absl::OkStatus();
}

}  // namespace croft::agent
