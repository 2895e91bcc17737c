#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

// The table of contents of a dump in pg_dump's custom format, versions 1.14 to 1.16 (PostgreSQL 12 to 18).
namespace croft::agent {

struct FormatVersion {
  int major = 0;
  int minor = 0;
  int revision = 0;

  friend bool operator==(const FormatVersion&, const FormatVersion&) = default;
};

enum class Section { kNone, kPreData, kData, kPostData };

// One entry, as pg_dump wrote it. All text is the tenant's to choose.
struct TocEntry {
  int32_t dump_id = 0;
  bool has_data = false;      // pg_dump had data to dump; its bytes follow in the stream
  std::string catalog_table;  // OID of the system catalog that the object is in, in decimal
  std::string oid;            // in decimal; not the same after a restore
  std::string tag;            // such as `bookings`, `TABLE bookings`, `bookings bookings_i_check`
  std::string kind;           // pg_dump's "desc": `TABLE`, `TABLE DATA`, `ACL`, `POLICY` …
  Section section = Section::kNone;
  std::string definition;      // SQL that makes it; may hold several statements
  std::string drop_statement;  // SQL that removes it
  std::string copy_statement;  // `COPY … FROM stdin;\n` of TABLE DATA
  std::string schema;          // unquoted; empty where it has none
  std::string tablespace;
  std::string access_method;
  char relation_kind = '\0';          // from format 1.16 on, of tables
  std::string owner;                  // unquoted role
  std::vector<int32_t> dependencies;  // dump ids
  bool operator==(const TocEntry&) const = default;
};

struct Toc {
  FormatVersion version;
  std::string database;
  std::string server_version;     // of the server that was dumped, such as "15.20"
  std::string dump_version;       // of pg_dump
  std::vector<TocEntry> entries;  // in the order in which they are restored
};

// Whether an entry's kind, or another text of it, is one of these.
inline bool IsOneOf(absl::string_view text, absl::Span<const absl::string_view> texts) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

}  // namespace croft::agent
