#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <absl/numeric/int128.h>
#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "agent/dump_format/definition.h"
#include "agent/dump_format/reader.h"
#include "agent/dump_format/toc.h"

// What is left of a dump for a comparison: definitions, row counts and hashes.
namespace croft::agent {

// The rows of a table. Those of partitions below a hash-partitioned table are its own: the hash of an enum's value, and
// so a row's partition, is another after a restore.
struct TableRows {
  QualifiedName table;
  std::vector<std::string> columns;  // sorted
  uint64_t rows = 0;
  absl::uint128 sum = 0;         // of the rows' keyed hashes, their fields in the order of `columns`
  std::vector<int32_t> entries;  // dump ids of the TABLE DATA entries that hold them
};

struct LargeObjectBytes {
  uint32_t oid = 0;
  uint64_t size = 0;
  absl::uint128 hash = 0;
  int32_t entry = 0;  // dump id of the BLOBS entry that holds it
};

// What two dumps are compared by. Memory: the definitions of the table of contents, and some bytes for each large
// object.
struct DumpDigest {
  std::string server_version;
  std::vector<TocEntry>
      entries;  // without the members that a comparison does not need, such as drop_statement
  std::vector<TableRows> tables;
  std::vector<LargeObjectBytes> large_objects;
};

// Makes the digest of a dump that a DumpReader reads. Two digests can be compared when their keys are equal.
class DumpDigester final : public DumpVisitor {
 public:
  // `key`: crypto::kHashKeyBytes random bytes, made for one comparison and known to nobody else.
  explicit DumpDigester(absl::string_view key);
  ~DumpDigester() override;

  absl::Status OnToc(const Toc& toc) override;
  absl::Status OnDataBegin(const TocEntry& entry) override;
  absl::Status OnDataEnd(const TocEntry& entry) override;
  absl::Status OnTableBytes(const TocEntry& entry, absl::string_view bytes) override;
  absl::Status OnLargeObjectBegin(const TocEntry& entry, uint32_t oid) override;
  absl::Status OnLargeObjectBytes(const TocEntry& entry, uint32_t oid, absl::string_view bytes) override;
  absl::Status OnLargeObjectEnd(const TocEntry& entry, uint32_t oid) override;

  // Call once, when DumpReader::Finish was OK.
  DumpDigest Take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace croft::agent
