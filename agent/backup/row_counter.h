#pragma once

#include <cstdint>
#include <string>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "agent/dump_format/reader.h"

namespace croft::agent {

// Counts the tables and rows of a dump.
class RowCounter : public DumpVisitor {
 public:
  // Tables that have data, be it no row.
  int64_t tables() const { return tables_; }
  int64_t rows() const { return rows_; }
  // Of the rows, as COPY writes them.
  int64_t bytes() const { return bytes_; }

  absl::Status OnToc(const Toc& toc) override;
  absl::Status OnDataBegin(const TocEntry& entry) override;
  absl::Status OnDataEnd(const TocEntry& entry) override;
  absl::Status OnTableBytes(const TocEntry& entry, absl::string_view bytes) override;
  absl::Status OnLargeObjectBegin(const TocEntry& entry, uint32_t oid) override;
  absl::Status OnLargeObjectBytes(const TocEntry& entry, uint32_t oid, absl::string_view bytes) override;
  absl::Status OnLargeObjectEnd(const TocEntry& entry, uint32_t oid) override;

 private:
  std::string tail_;  // the last bytes of a table
  int64_t tables_ = 0;
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace croft::agent
