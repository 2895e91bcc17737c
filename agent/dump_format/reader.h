#pragma once

#include <cstdint>
#include <memory>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "agent/dump_format/toc.h"

// Reads pg_dump's custom format from a stream.
namespace croft::agent {

// Takes the parts of a dump in the order in which they lie in it. An error ends the reading and is the answer of
// DumpReader::Append.
class DumpVisitor {
 public:
  virtual ~DumpVisitor() = default;

  // First of all, once. `toc` stays valid as long as the reader.
  virtual absl::Status OnToc(const Toc& toc) = 0;

  // Around the bytes of one entry of `toc.entries`.
  virtual absl::Status OnDataBegin(const TocEntry& entry) = 0;
  virtual absl::Status OnDataEnd(const TocEntry& entry) = 0;

  // The next bytes of a table's COPY stream, cut anywhere. A line `\.` and empty lines end the stream.
  virtual absl::Status OnTableBytes(const TocEntry& entry, absl::string_view bytes) = 0;

  // Around the bytes of each large object of a BLOBS entry.
  virtual absl::Status OnLargeObjectBegin(const TocEntry& entry, uint32_t oid) = 0;
  virtual absl::Status OnLargeObjectBytes(const TocEntry& entry, uint32_t oid, absl::string_view bytes) = 0;
  virtual absl::Status OnLargeObjectEnd(const TocEntry& entry, uint32_t oid) = 0;
};

// Parses a dump in pg_dump's custom format, uncompressed, while it arrives. Nothing in a row or a definition can look
// like a boundary, since every part carries its length. Memory: the table of contents (at most 1 GiB) and one block.
//
// Errors: DATA_LOSS (DUMP_DAMAGED) for what no pg_dump writes; FAILED_PRECONDITION (DUMP_FORMAT_UNKNOWN) for a
// version outside 1.14 to 1.16 or a compressed dump. One thread at a time.
class DumpReader {
 public:
  // `visitor` outlives this.
  explicit DumpReader(DumpVisitor& visitor);
  ~DumpReader();
  DumpReader(const DumpReader&) = delete;
  DumpReader& operator=(const DumpReader&) = delete;

  // `bytes` is the next part of the dump, cut anywhere. After an error, the same error again.
  absl::Status Append(absl::string_view bytes);
  // Call once, last: OK when the dump was whole.
  absl::Status Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
  absl::Status failure_;
};

}  // namespace croft::agent
