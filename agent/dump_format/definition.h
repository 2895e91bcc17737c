#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>

#include "agent/dump_format/toc.h"

// What the definitions in a dump say, as pg_dump writes them with --quote-all-identifiers. All functions take any text
// and find nothing in what they do not know.
namespace croft::agent {

// From names to names. A role that is not in it keeps its name.
using RoleNames = std::map<std::string, std::string>;

// Roles that the definition of an ACL, DEFAULT ACL, POLICY or USER MAPPING entry names, sorted, each once, without
// PUBLIC. Nothing for other kinds. An entry's owner is not among them.
[[nodiscard]] std::vector<std::string> RolesNamed(const TocEntry& entry);

// The entry's definition with the names of those roles replaced. Literals, bodies, comments and other identifiers stay
// as they are.
[[nodiscard]] std::string DefinitionWithRoles(const TocEntry& entry, const RoleNames& names);

// `entry` with its owner and the roles of its definition replaced.
[[nodiscard]] TocEntry WithRoles(TocEntry entry, const RoleNames& names);

// The SQL statements of a definition, without the semicolons that end them and without comments between them. For
// entries that hold no function bodies of SQL's own kind (BEGIN ATOMIC), such as ACL.
[[nodiscard]] std::vector<std::string> SplitStatements(absl::string_view definition);

struct QualifiedName {
  std::string schema;
  std::string name;

  auto operator<=>(const QualifiedName&) const = default;
};

// `"public"."bookings"`.
[[nodiscard]] std::string Quoted(const QualifiedName& name);

struct Attachment {
  QualifiedName parent;
  QualifiedName child;

  friend bool operator==(const Attachment&, const Attachment&) = default;
};

// Of each `ALTER TABLE ONLY parent ATTACH PARTITION child …` in `definition`.
[[nodiscard]] std::vector<Attachment> Attachments(absl::string_view definition);

// Whether the table that `definition` makes is PARTITION BY HASH.
[[nodiscard]] bool IsHashPartitioned(absl::string_view definition);

struct CopyTarget {
  QualifiedName table;
  std::vector<std::string> columns;  // in the order of the rows' fields

  friend bool operator==(const CopyTarget&, const CopyTarget&) = default;
};

// Of a COPY statement; nothing when it is none.
[[nodiscard]] std::optional<CopyTarget> ParseCopy(absl::string_view copy_statement);

// The COPY statement with the option FREEZE; empty when it is none, or has options.
[[nodiscard]] std::string FrozenCopy(absl::string_view copy_statement);

// Whether an INDEX or CONSTRAINT entry is one statement that makes an index or a key of nothing but columns: building it
// runs no code of the tenant's, so that it does not matter which other tables have their rows.
[[nodiscard]] bool IsOfColumnsAlone(const TocEntry& entry);

}  // namespace croft::agent
