// Compares the digest of a dump with that of the restored database and names each difference.

#include "agent/dump_format/compare.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "agent/dump_format/grants.h"
#include "agent/dump_format/normal_form.h"
#include "agent/dump_format/object_name.h"
#include "agent/dump_format/scanner.h"

namespace croft::agent {
namespace {

constexpr size_t kExcerptBytes = 160;
constexpr size_t kExcerptBefore = 60;

using EntryKey = std::tuple<std::string, std::string, std::string>;

// What no restore touches, or what says nothing about the content.
bool IsIgnored(const TocEntry& entry) {
  static constexpr std::array<absl::string_view, 6> kKinds = {
      "ENCODING", "STDSTRINGS", "SEARCHPATH", "DATABASE", "DATABASE PROPERTIES", "STATISTICS DATA"};
  static constexpr std::array<absl::string_view, 3> kAbout = {"COMMENT", "ACL", "SECURITY LABEL"};
  if (IsOneOf(entry.kind, kKinds)) return true;
  if (entry.kind == "COMMENT" && entry.schema.empty() &&
      (entry.tag == "SCHEMA \"public\"" || entry.tag == "SCHEMA public"))
    return true;
  return IsOneOf(entry.kind, kAbout) && entry.schema.empty() && absl::StartsWith(entry.tag, "DATABASE ");
}

// What is compared by its rows, its bytes, or as a set of grants.
bool IsContent(const TocEntry& entry) {
  static constexpr std::array<absl::string_view, 6> kKinds = {"TABLE DATA",    "BLOBS", "BLOB",
                                                              "BLOB METADATA", "ACL",   "DEFAULT ACL"};
  return IsOneOf(entry.kind, kKinds);
}

// An entry's owner is its object's own, not that of the table that it is a part of.
bool HasOwner(const TocEntry& entry) {
  static constexpr std::array<absl::string_view, 31> kKinds = {"TABLE",
                                                               "VIEW",
                                                               "MATERIALIZED VIEW",
                                                               "FOREIGN TABLE",
                                                               "SEQUENCE",
                                                               "SCHEMA",
                                                               "FUNCTION",
                                                               "PROCEDURE",
                                                               "AGGREGATE",
                                                               "TYPE",
                                                               "DOMAIN",
                                                               "SHELL TYPE",
                                                               "OPERATOR",
                                                               "OPERATOR CLASS",
                                                               "OPERATOR FAMILY",
                                                               "COLLATION",
                                                               "CONVERSION",
                                                               "TEXT SEARCH CONFIGURATION",
                                                               "TEXT SEARCH DICTIONARY",
                                                               "STATISTICS",
                                                               "PROCEDURAL LANGUAGE",
                                                               "FOREIGN DATA WRAPPER",
                                                               "SERVER",
                                                               "EVENT TRIGGER",
                                                               "PUBLICATION",
                                                               "SUBSCRIPTION",
                                                               "EXTENSION",
                                                               "TRANSFORM",
                                                               "ACCESS METHOD",
                                                               "TEXT SEARCH PARSER",
                                                               "TEXT SEARCH TEMPLATE"};
  return IsOneOf(entry.kind, kKinds);
}

EntryKey KeyOf(const TocEntry& entry) {
  // The tag of a user mapping names the role, which can be another.
  return {entry.kind, entry.schema, entry.kind == "USER MAPPING" ? "" : entry.tag};
}

std::string Excerpt(const std::string& text, size_t at) {
  const size_t begin = at < kExcerptBefore ? 0 : at - kExcerptBefore;
  return absl::StrCat(begin > 0 ? "…" : "", text.substr(begin, kExcerptBytes),
                      begin + kExcerptBytes < text.size() ? "…" : "");
}

// Where they part.
std::string Parting(const std::string& a, const std::string& b) {
  const auto at =
      static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  return absl::StrCat("the backup has `", Excerpt(a, at), "` where the restored database has `",
                      Excerpt(b, at), "`");
}

// `10, true` of `SELECT pg_catalog.setval('"s"."q"', 10, true);`.
std::string SequenceValue(const std::string& definition) {
  std::string value;
  bool in_arguments = false;
  for (const Token& token : ScanSql(definition)) {
    if (token.Is(")")) break;
    if (in_arguments && !token.Is(","))
      absl::StrAppend(&value, value.empty() ? "" : ", called: ", token.text);
    in_arguments = in_arguments || token.type == TokenType::kString;
  }
  return value.empty() ? definition : value;
}

class Comparison {
 public:
  Comparison(const DumpDigest& backed_up, const DumpDigest& restored, const CompareOptions& options)
      : backed_up_(backed_up), restored_(restored), options_(options) {
    FindMissing();
    for (const TocEntry& entry : restored_.entries) {
      if (entry.kind == "TABLE DATA" && options_.without_rows.count({entry.schema, entry.tag}) > 0)
        empty_.insert(entry.dump_id);
    }
  }

  std::vector<Finding> Run() {
    CompareTables();
    CompareLargeObjects();
    CompareEntries();
    CompareGrants();
    std::stable_sort(findings_.begin(), findings_.end(),
                     [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
    return std::move(findings_);
  }

 private:
  // What is known to be missing, and all that depends on it.
  void FindMissing() {
    std::map<int32_t, std::vector<int32_t>> dependents;
    for (const TocEntry& entry : backed_up_.entries) {
      for (const int32_t on : entry.dependencies) dependents[on].push_back(entry.dump_id);
    }
    std::vector<int32_t> todo(options_.missing.begin(), options_.missing.end());
    while (!todo.empty()) {
      const int32_t id = todo.back();
      todo.pop_back();
      if (!excused_.insert(id).second) continue;
      if (const auto found = dependents.find(id); found != dependents.end()) {
        todo.insert(todo.end(), found->second.begin(), found->second.end());
      }
    }
    for (const TocEntry& entry : backed_up_.entries) {
      if (!IsExcused(entry.dump_id)) continue;
      for (const uint32_t oid : LargeObjectsOf(entry)) excused_objects_.insert(oid);
    }
  }
  bool IsExcused(int32_t dump_id) const { return excused_.count(dump_id) > 0; }
  template <typename List>
  bool IsAnyExcused(const List& dump_ids) const {
    return std::any_of(dump_ids.begin(), dump_ids.end(), [&](int32_t id) { return IsExcused(id); });
  }

  void Different(const std::string& object, const std::string& message, const std::string& owner = "") {
    findings_.push_back({.severity = Severity::kDifferent,
                         .reason = "CONTENT_DIFFERS",
                         .object = object,
                         .owner = owner,
                         .message = message});
  }
  void Note(const std::string& reason, const TocEntry& entry, const std::string& message) {
    findings_.push_back({.severity = Severity::kNote,
                         .reason = reason,
                         .object = ObjectName(entry),
                         .owner = entry.owner,
                         .message = message});
  }
  void Missing(const std::string& object, const std::string& owner = "") {
    Different(object, "It is in the backup and not in the restored database.", owner);
  }
  void Surplus(const std::string& object, const std::string& owner = "") {
    Different(object, "It is in the restored database and not in the backup.", owner);
  }

  void CompareTables() {
    std::map<QualifiedName, const TableRows*> there;
    for (const TableRows& table : restored_.tables) there[table.table] = &table;
    for (const TableRows& table : backed_up_.tables) {
      const auto found = there.find(table.table);
      if (!IsAnyExcused(table.entries)) CompareTable(table, found == there.end() ? nullptr : found->second);
      if (found != there.end()) there.erase(found);
    }
    for (const auto& [name, table] : there) {
      if (table->rows == 0 && IsWithoutRows(*table)) continue;
      Different(absl::StrCat("TABLE ", Quoted(name)),
                absl::StrCat("The restored database holds ", table->rows,
                             " rows of it, and the backup has no rows of a table of this name."));
    }
  }

  // Whether the rows of all that holds them in the restored database were left out by intention.
  bool IsWithoutRows(const TableRows& table) const {
    return std::all_of(table.entries.begin(), table.entries.end(),
                       [&](int32_t dump_id) { return empty_.count(dump_id) > 0; });
  }

  void CompareTable(const TableRows& table, const TableRows* there) {
    const std::string object = absl::StrCat("TABLE ", Quoted(table.table));
    if (there == nullptr) {
      Different(object, absl::StrCat(
                            "The backup holds ", table.rows,
                            " rows of it, and the restored database has no rows of a table of this name."));
    } else if (table.columns != there->columns) {
      Different(object, absl::StrCat("It has the columns ", absl::StrJoin(table.columns, ", "),
                                     " in the backup and ", absl::StrJoin(there->columns, ", "),
                                     " in the restored database."));
    } else if (table.rows != there->rows) {
      Different(object, absl::StrCat("It has ", table.rows, " rows in the backup and ", there->rows,
                                     " in the restored database."));
    } else if (table.sum != there->sum) {
      Different(object, absl::StrCat("It has ", table.rows,
                                     " rows in the backup and as many in the restored database, ",
                                     "but they are not the same."));
    }
  }

  void CompareLargeObjects() {
    std::map<uint32_t, const LargeObjectBytes*> there;
    for (const LargeObjectBytes& object : restored_.large_objects) there[object.oid] = &object;
    for (const LargeObjectBytes& object : backed_up_.large_objects) {
      const auto found = there.find(object.oid);
      const bool excused = IsExcused(object.entry) || excused_objects_.count(object.oid) > 0;
      if (!excused) CompareBytes(object, found == there.end() ? nullptr : found->second);
      if (found != there.end()) there.erase(found);
    }
    for (const auto& [oid, object] : there) Surplus(absl::StrCat("LARGE OBJECT ", oid));
    const auto owners = LargeObjectOwners(restored_, {});
    for (const auto& [oid, owner] : LargeObjectOwners(backed_up_, options_.roles)) {
      const auto found = owners.find(oid);
      if (found != owners.end() && found->second != owner)
        WrongOwner(absl::StrCat("LARGE OBJECT ", oid), owner, found->second);
    }
  }

  void CompareBytes(const LargeObjectBytes& object, const LargeObjectBytes* there) {
    const std::string name = absl::StrCat("LARGE OBJECT ", object.oid);
    if (there == nullptr) {
      Missing(name);
    } else if (object.size != there->size) {
      Different(name, absl::StrCat("It has ", object.size, " bytes in the backup and ", there->size,
                                   " in the restored database."));
    } else if (object.hash != there->hash) {
      Different(name, absl::StrCat("It has ", object.size,
                                   " bytes in the backup and in the restored database, but ",
                                   "they are not the same."));
    }
  }

  void WrongOwner(const std::string& object, const std::string& expected, const std::string& owner) {
    Different(
        object,
        absl::StrCat("It belongs to ", QuoteName(owner), " in the restored database; by the backup it ",
                     "belongs to ", QuoteName(expected), "."),
        expected);
  }

  void CompareEntries() {
    std::map<EntryKey, std::vector<const TocEntry*>> there;
    for (const TocEntry& entry : restored_.entries) {
      if (!IsIgnored(entry) && !IsContent(entry)) there[KeyOf(entry)].push_back(&entry);
    }
    std::map<EntryKey, std::vector<TocEntry>> here;
    for (const TocEntry& entry : backed_up_.entries) {
      if (!IsIgnored(entry) && !IsContent(entry))
        here[KeyOf(entry)].push_back(WithRoles(entry, options_.roles));
    }
    for (auto& [key, entries] : here) CompareOfOneName(entries, there[key]);
    for (const auto& [key, entries] : there) {
      for (const TocEntry* entry : entries) Surplus(ObjectName(*entry), entry->owner);
    }
  }

  // More than one where only their definitions tell them apart, such as overloaded operators. Takes from `there` what
  // it compares.
  void CompareOfOneName(const std::vector<TocEntry>& here, std::vector<const TocEntry*>& there) {
    std::vector<const TocEntry*> unlike;
    for (const TocEntry& entry : here) {
      const auto same = std::find_if(there.begin(), there.end(), [&](const TocEntry* other) {
        return other->definition == entry.definition;
      });
      if (same == there.end()) {
        unlike.push_back(&entry);
        continue;
      }
      if (!IsExcused(entry.dump_id)) ComparePair(entry, **same);
      there.erase(same);
    }
    for (const TocEntry* entry : unlike) {
      const bool excused = IsExcused(entry->dump_id);
      if (there.empty()) {
        if (!excused) Missing(ObjectName(*entry), entry->owner);
        continue;
      }
      if (!excused) ComparePair(*entry, *there.front());
      there.erase(there.begin());
    }
  }

  void ComparePair(const TocEntry& entry, const TocEntry& there) {
    if (HasOwner(entry) && entry.owner != there.owner)
      WrongOwner(ObjectName(entry), entry.owner, there.owner);
    if (entry.access_method != there.access_method) {
      Different(ObjectName(entry),
                absl::StrCat("It has the access method ", entry.access_method, " in the backup and ",
                             there.access_method, " in the restored database."),
                entry.owner);
    }
    if (entry.kind == "SEQUENCE SET") {
      CompareSequences(entry, there);
      return;
    }
    switch (CompareTexts(entry, there)) {
      case Likeness::kSame: return;
      case Likeness::kEquivalent:
        Note("EXPRESSION_REWRITTEN", entry,
             "PostgreSQL writes an expression of it with other casts or parentheses after a restore, or "
             "gives a "
             "NOT NULL another name; it means the same.");
        return;
      case Likeness::kDifferent: break;
    }
    const std::string parting = Parting(entry.definition, there.definition);
    if (options_.source_major != options_.restored_major && RolesNamed(entry) == RolesNamed(there)) {
      Note("DEFINITION_REWRITTEN", entry,
           absl::StrCat("PostgreSQL ", options_.restored_major,
                        " defines it in other words than PostgreSQL ", options_.source_major, ": ", parting,
                        "."));
      return;
    }
    Different(ObjectName(entry), absl::StrCat("It is defined differently: ", parting, "."), entry.owner);
  }

  static Likeness CompareTexts(const TocEntry& entry, const TocEntry& there) {
    if (entry.kind != "TABLE" && entry.kind != "FOREIGN TABLE") {
      return CompareDefinitions(entry.definition, there.definition);
    }
    return CompareDefinitions(WithoutColumnOrder(entry.definition), WithoutColumnOrder(there.definition));
  }

  void CompareSequences(const TocEntry& entry, const TocEntry& there) {
    const std::string here = SequenceValue(entry.definition);
    const std::string other = SequenceValue(there.definition);
    if (here == other) return;
    Different(
        ObjectName(entry),
        absl::StrCat("It stands at ", here, " in the backup and at ", other, " in the restored database."),
        entry.owner);
  }

  void CompareGrants() {
    std::map<GrantSubject, Grants> there = GrantsOf(restored_, {});
    for (const auto& [subject, grants] : GrantsOf(backed_up_, options_.roles, options_.left_out_grants)) {
      const auto found = there.find(subject);
      static const Grants kNone;
      const Grants& other = found == there.end() ? kNone : found->second;
      if (!IsAboutDatabase(subject) && !IsAnyExcused(grants.entries)) CompareStatements(grants, other);
      if (found != there.end()) there.erase(found);
    }
    for (const auto& [subject, grants] : there) {
      if (!IsAboutDatabase(subject)) CompareStatements({.object = grants.object}, grants);
    }
  }

  static bool IsAboutDatabase(const GrantSubject& subject) {
    const auto& [kind, schema, tag] = subject;
    return kind == "ACL" && schema.empty() && absl::StartsWith(tag, "DATABASE ");
  }

  void CompareStatements(const Grants& grants, const Grants& there) {
    std::vector<std::string> lost;
    std::set_difference(grants.statements.begin(), grants.statements.end(), there.statements.begin(),
                        there.statements.end(), std::back_inserter(lost));
    std::vector<std::string> added;
    std::set_difference(there.statements.begin(), there.statements.end(), grants.statements.begin(),
                        grants.statements.end(), std::back_inserter(added));
    if (lost.empty() && added.empty()) return;
    const auto list = [](absl::string_view what, const std::vector<std::string>& statements) {
      return statements.empty()
                 ? ""
                 : absl::StrCat(" ", what, ": ", Excerpt(absl::StrJoin(statements, "; "), 0), ".");
    };
    Different(grants.object, absl::StrCat("The restored database grants otherwise than the backup.",
                                          list("Only in the backup", lost), list("Only restored", added)));
  }

  const DumpDigest& backed_up_;
  const DumpDigest& restored_;
  const CompareOptions& options_;
  std::set<int32_t> excused_;
  std::set<uint32_t> excused_objects_;  // OIDs of large objects
  std::set<int32_t> empty_;             // dump ids in the restored database of what may hold no rows
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> CompareDumps(const DumpDigest& backed_up, const DumpDigest& restored,
                                  const CompareOptions& options) {
  return Comparison(backed_up, restored, options).Run();
}

}  // namespace croft::agent
