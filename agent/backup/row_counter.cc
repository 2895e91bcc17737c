// Counts rows by their ends.

#include "agent/backup/row_counter.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

namespace croft::agent {
namespace {

// What pg_dump writes behind the last row.
constexpr absl::string_view kEnd = "\\.\n\n\n";

}  // namespace

absl::Status RowCounter::OnToc(const Toc& /*toc*/) { return absl::OkStatus(); }

absl::Status RowCounter::OnDataBegin(const TocEntry& /*entry*/) {
  tail_.clear();
  return absl::OkStatus();
}

absl::Status RowCounter::OnTableBytes(const TocEntry& /*entry*/, absl::string_view bytes) {
  rows_ += std::count(bytes.begin(), bytes.end(), '\n');
  bytes_ += static_cast<int64_t>(bytes.size());
  absl::StrAppend(&tail_, bytes.substr(bytes.size() - std::min(bytes.size(), kEnd.size())));
  if (tail_.size() > kEnd.size()) tail_.erase(0, tail_.size() - kEnd.size());
  return absl::OkStatus();
}

absl::Status RowCounter::OnDataEnd(const TocEntry& entry) {
  if (entry.kind != "TABLE DATA") return absl::OkStatus();
  ++tables_;
  if (tail_ == kEnd) rows_ -= std::count(kEnd.begin(), kEnd.end(), '\n');
  return absl::OkStatus();
}

absl::Status RowCounter::OnLargeObjectBegin(const TocEntry& /*entry*/, uint32_t /*oid*/) {
  return absl::OkStatus();
}

absl::Status RowCounter::OnLargeObjectBytes(const TocEntry& /*entry*/, uint32_t /*oid*/,
                                            absl::string_view /*bytes*/) {
  return absl::OkStatus();
}

absl::Status RowCounter::OnLargeObjectEnd(const TocEntry& /*entry*/, uint32_t /*oid*/) {
  return absl::OkStatus();
}

}  // namespace croft::agent
