#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/dump_format/definition.h"
#include "agent/dump_format/finding.h"
#include "agent/dump_format/reader.h"
#include "agent/dump_format/toc.h"

// A part of a dump: some tables or schemas, and what they need.
namespace croft::agent {

struct Part {
  // As common/table_pattern.h says.
  std::vector<std::string> patterns;
  // Dump ids of all that it holds.
  std::set<int32_t> entries;
  // Its tables that come with their rows.
  std::set<QualifiedName> tables;
  // Names of its extensions.
  std::set<std::string> extensions;
  // Tables that it holds without their rows, for something in it needs them.
  std::set<QualifiedName> without_rows;
  // Notes: RESTORED_IN_PART on the whole, FOREIGN_KEY_LEFT_OUT, PARTITION_DETACHED, and NEEDED_WITHOUT_ROWS.
  std::vector<Finding> findings;
};

// What `patterns` choose of a dump. A table is chosen by its name, with its rows, its partitions, and all that belongs to
// it: indexes, constraints, triggers, policies, grants, sequences that it owns. `schema.*` chooses all objects of a schema.
// What the chosen needs comes with it, as the dump's dependencies tell: types, functions, extensions, sequences with their
// values, and tables, those without rows. A foreign key comes when the table that it refers to is chosen. Large objects and
// publications never do. Pure.
//
// INVALID_ARGUMENT for a malformed pattern; FAILED_PRECONDITION (ONLY_MATCHES_NOTHING) naming the patterns that match
// nothing.
[[nodiscard]] absl::StatusOr<Part> ChoosePart(const Toc& toc, const std::vector<std::string>& patterns);

// Whether `object`, as a finding names it, is a relation that the patterns choose by its name.
[[nodiscard]] bool IsChosen(const Part& part, absl::string_view object);

// Passes on a part of a dump, as if the dump held nothing else. The table of contents that `visitor` gets lives as long as
// this.
class PartVisitor final : public DumpVisitor {
 public:
  // Both outlive this.
  PartVisitor(const std::set<int32_t>& entries, DumpVisitor& visitor)
      : entries_(entries), visitor_(visitor) {}

  absl::Status OnToc(const Toc& toc) override;
  absl::Status OnDataBegin(const TocEntry& entry) override;
  absl::Status OnDataEnd(const TocEntry& entry) override;
  absl::Status OnTableBytes(const TocEntry& entry, absl::string_view bytes) override;
  absl::Status OnLargeObjectBegin(const TocEntry& entry, uint32_t oid) override;
  absl::Status OnLargeObjectBytes(const TocEntry& entry, uint32_t oid, absl::string_view bytes) override;
  absl::Status OnLargeObjectEnd(const TocEntry& entry, uint32_t oid) override;

 private:
  // The entry in `toc_`; nullptr for one that is no part.
  const TocEntry* Find(const TocEntry& entry) const;

  const std::set<int32_t>& entries_;
  DumpVisitor& visitor_;
  Toc toc_;
  std::map<int32_t, const TocEntry*> by_id_;
};

}  // namespace croft::agent
