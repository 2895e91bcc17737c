#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/dump_format/toc.h"

// A whole dump in memory, to be looked at, changed and written again. For tests: a test that damages a dump parses
// it, changes what it wants, and writes it.
namespace croft::agent {

struct LargeObject {
  uint32_t oid = 0;
  std::string bytes;

  friend bool operator==(const LargeObject&, const LargeObject&) = default;
};

struct ParsedDump {
  Toc toc;
  // By dump id. Every entry with data has a member in one of them.
  std::map<int32_t, std::string> tables;  // COPY streams, without `\.`
  std::map<int32_t, std::vector<LargeObject>> large_objects;

  // The first entry of that kind with that tag; null when there is none.
  TocEntry* Find(absl::string_view kind, absl::string_view tag);
  // The same for any tag.
  TocEntry* Find(absl::string_view kind);
  // Its entry and its data. Dependencies on it stay.
  void Remove(int32_t dump_id);
};

// `cut`: the dump is given to the reader in pieces of so many bytes.
[[nodiscard]] absl::StatusOr<ParsedDump> ParseDump(absl::string_view bytes, size_t cut = 64 << 10);

struct DumpLayout {
  int minor = 14;                 // of the format's version: 14, 15 or 16
  size_t chunk_bytes = 32 << 10;  // the most that lies in one block
  bool a_chunk_per_row = false;   // as pg_dump 15 does
};

// `dump` in pg_dump's custom format, uncompressed, as pg_dump writes it into a pipe.
[[nodiscard]] std::string WriteDump(const ParsedDump& dump, const DumpLayout& layout = {});

}  // namespace croft::agent
