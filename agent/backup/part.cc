// Chooses what of a dump a partial restore brings back.

#include "agent/backup/part.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "agent/dump_format/object_name.h"
#include "agent/dump_format/scanner.h"
#include "common/errors.h"
#include "common/table_pattern.h"

namespace croft::agent {
namespace {

bool IsRelation(const TocEntry& entry) {
  static constexpr std::array<absl::string_view, 5> kKinds = {"TABLE", "VIEW", "MATERIALIZED VIEW",
                                                              "FOREIGN TABLE", "SEQUENCE"};
  return IsOneOf(entry.kind, kKinds);
}

// Objects of a schema that are nobody's part.
bool IsFreeObject(const TocEntry& entry) {
  static constexpr std::array<absl::string_view, 15> kKinds = {"FUNCTION",
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
                                                               "TEXT SEARCH PARSER",
                                                               "TEXT SEARCH TEMPLATE"};
  return IsOneOf(entry.kind, kKinds);
}

// Entries about another object, the first of their dependencies.
bool IsOnAnother(const TocEntry& entry) {
  static constexpr std::array<absl::string_view, 3> kKinds = {"ACL", "COMMENT", "SECURITY LABEL"};
  return IsOneOf(entry.kind, kKinds);
}

// Parts of a relation that bear its name.
bool BearsName(const TocEntry& entry) {
  static constexpr std::array<absl::string_view, 5> kKinds = {
      "TABLE DATA", "MATERIALIZED VIEW DATA", "SEQUENCE SET", "ROW SECURITY", "STATISTICS DATA"};
  return IsOneOf(entry.kind, kKinds);
}

// Parts of a relation, or of a domain, with names of their own.
bool IsPart(const TocEntry& entry) {
  static constexpr std::array<absl::string_view, 9> kKinds = {
      "INDEX",   "CONSTRAINT", "FK CONSTRAINT", "CHECK CONSTRAINT", "DEFAULT",
      "TRIGGER", "RULE",       "POLICY",        "STATISTICS"};
  return IsOneOf(entry.kind, kKinds);
}

// `ALTER TABLE … ADD GENERATED …`: a part of its table. Any other sequence stands alone.
bool IsIdentity(const TocEntry& entry) {
  return entry.kind == "SEQUENCE" && absl::StartsWith(entry.definition, "ALTER TABLE ");
}

bool IsContent(const TocEntry& entry) {
  return entry.has_data || entry.kind == "TABLE DATA" || absl::StartsWith(entry.kind, "BLOB");
}

// The first `schema.name` of `text` from `from` on.
std::optional<QualifiedName> FirstName(const std::vector<Token>& tokens, size_t from) {
  for (size_t i = from; i + 2 < tokens.size(); ++i) {
    if (IsName(tokens[i]) && tokens[i + 1].Is(".") && IsName(tokens[i + 2]))
      return QualifiedName{NameOf(tokens[i]), NameOf(tokens[i + 2])};
  }
  return std::nullopt;
}

// The table that a definition names behind `word`: with REFERENCES the one that a foreign key refers to, with BY the one
// that owns a sequence.
std::optional<QualifiedName> TableAfter(absl::string_view word, const TocEntry& entry) {
  const std::vector<Token> tokens = ScanSql(entry.definition);
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].Is(word)) return FirstName(tokens, i + 1);
  }
  return std::nullopt;
}

std::string TableObject(const QualifiedName& table) { return absl::StrCat("TABLE ", Quoted(table)); }

QualifiedName NameIn(const TocEntry& entry) { return {entry.schema, entry.tag}; }

// The schema public, which every new database has, and what is said of it.
bool IsOfPublic(const TocEntry& entry) {
  if (entry.kind == "SCHEMA") return entry.tag == "public";
  return IsOnAnother(entry) && (entry.tag == "SCHEMA public" || entry.tag == "SCHEMA \"public\"");
}

class Chooser {
 public:
  explicit Chooser(const Toc& toc) : toc_(toc) {
    for (const TocEntry& entry : toc.entries) {
      by_id_.emplace(entry.dump_id, &entry);
      if (IsRelation(entry)) relations_.emplace(NameIn(entry), &entry);
      if (entry.kind == "SCHEMA") schemas_.emplace(entry.tag, &entry);
      if (entry.kind != "TABLE ATTACH") continue;
      for (const Attachment& attachment : Attachments(entry.definition))
        parents_.emplace(attachment.child, attachment.parent);
    }
    for (const TocEntry& entry : toc.entries) {
      for (const TocEntry* whole : WholesOf(entry)) parts_[whole->dump_id].push_back(&entry);
    }
  }

  // False when it matches nothing.
  bool Match(const TablePattern& pattern) {
    bool any = false;
    for (const TocEntry& entry : toc_.entries) {
      if (!Matches(pattern, entry)) continue;
      any = true;
      if (IsRelation(entry)) chosen_.insert(NameIn(entry));
      wanted_.push_back(&entry);
    }
    return any;
  }

  Part Take() {
    ChoosePartitions();
    for (const TocEntry* entry : std::exchange(wanted_, {})) Add(*entry);
    for (const TocEntry& entry : toc_.entries) {
      if (IsOfPublic(entry)) Add(entry);
    }
    while (!wanted_.empty()) Follow(std::exchange(wanted_, {}));
    AddWhatJoins();
    Say();
    return std::move(part_);
  }

 private:
  // What `entry` is a part of, and comes with; empty for what stands alone.
  std::vector<const TocEntry*> WholesOf(const TocEntry& entry) const {
    if (IsOnAnother(entry)) return Known(entry.dependencies.empty() ? 0 : entry.dependencies.front());
    if (BearsName(entry)) {
      // Rows of what an extension made come with the extension.
      return IsOfExtension(entry) ? Among(entry.dependencies, "EXTENSION") : Relation(NameIn(entry));
    }
    if (IsIdentity(entry)) return Among(entry.dependencies);
    // It depends on the sequence alone, and brings that with the table.
    if (entry.kind == "SEQUENCE OWNED BY") {
      const std::optional<QualifiedName> owner = TableAfter("BY", entry);
      return owner ? Relation(*owner) : std::vector<const TocEntry*>();
    }
    if (!IsPart(entry)) return {};
    if (const std::optional<QualifiedName> table = TableOfPart(entry)) return Relation(*table);
    return Among(entry.dependencies, entry.kind == "CHECK CONSTRAINT" ? "DOMAIN" : "");
  }

  // Of data that nothing in the dump makes the table or sequence for.
  bool IsOfExtension(const TocEntry& data) const { return relations_.count(NameIn(data)) == 0; }

  std::vector<const TocEntry*> Known(int32_t id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? std::vector<const TocEntry*>() : std::vector{found->second};
  }

  std::vector<const TocEntry*> Relation(const QualifiedName& name) const {
    const auto found = relations_.find(name);
    return found == relations_.end() ? std::vector<const TocEntry*>() : std::vector{found->second};
  }

  // Those of `ids` that are relations, sequences left out, or of a further kind.
  std::vector<const TocEntry*> Among(const std::vector<int32_t>& ids, absl::string_view kind = "") const {
    std::vector<const TocEntry*> wholes;
    for (const int32_t id : ids) {
      for (const TocEntry* entry : Known(id)) {
        if (entry->kind == kind || (IsRelation(*entry) && entry->kind != "SEQUENCE"))
          wholes.push_back(entry);
      }
    }
    return wholes;
  }

  bool Matches(const TablePattern& pattern, const TocEntry& entry) const {
    if (entry.kind == "SCHEMA") return !pattern.table && pattern.schema == entry.tag;
    if (IsRelation(entry)) return pattern.Matches(entry.schema, entry.tag);
    if (entry.kind == "TABLE DATA") return IsOfExtension(entry) && pattern.Matches(entry.schema, entry.tag);
    return IsFreeObject(entry) && !pattern.table && pattern.schema == entry.schema;
  }

  void ChoosePartitions() {
    for (const auto& [child, parent] : parents_) {
      const bool chosen =
          IsBelow(child, [this](const QualifiedName& above) { return chosen_.count(above) > 0; });
      if (!chosen || !chosen_.insert(child).second) continue;
      for (const TocEntry* entry : Relation(child)) wanted_.push_back(entry);
    }
  }

  // Whether `table` is, at some level, a partition of a table that `holds`.
  template <typename Holds>
  bool IsBelow(const QualifiedName& table, const Holds& holds) const {
    auto parent = parents_.find(table);
    // A dump that was made up may have them in a ring.
    for (size_t steps = 0; parent != parents_.end() && steps <= parents_.size(); ++steps) {
      if (holds(parent->second)) return true;
      parent = parents_.find(parent->second);
    }
    return false;
  }

  bool Has(const TocEntry& entry) const { return part_.entries.count(entry.dump_id) > 0; }

  void Add(const TocEntry& entry) {
    if (part_.entries.insert(entry.dump_id).second) wanted_.push_back(&entry);
  }

  void Follow(const std::vector<const TocEntry*>& entries) {
    for (const TocEntry* entry : entries) {
      if (const auto schema = schemas_.find(entry->schema); schema != schemas_.end()) Add(*schema->second);
      for (const int32_t id : entry->dependencies) {
        for (const TocEntry* needed : Known(id)) {
          if (IsNeeded(*entry, *needed)) Add(*needed);
        }
      }
      const auto parts = parts_.find(entry->dump_id);
      if (parts == parts_.end()) continue;
      for (const TocEntry* part : parts->second) {
        if (Comes(*part)) Add(*part);
      }
    }
  }

  // Whether `entry`, which depends on `on`, cannot be made without it.
  bool IsNeeded(const TocEntry& entry, const TocEntry& on) const {
    if (IsContent(on)) return false;
    // The table that owns a sequence.
    if (entry.kind == "SEQUENCE" && IsRelation(on)) return IsIdentity(entry);
    // Partitions, and their indexes and keys, are made by themselves and attached later.
    return !IsPartitionsTwin(entry, on);
  }

  // Whether `on` is for a partitioned table what `entry` is for one of its partitions.
  bool IsPartitionsTwin(const TocEntry& entry, const TocEntry& on) const {
    const bool tables = entry.kind == "TABLE" && on.kind == "TABLE";
    if (!tables && !(IsPart(entry) && IsPart(on))) return false;
    const auto table_of = [this](const TocEntry& one) {
      const std::vector<const TocEntry*> wholes = WholesOf(one);
      return NameIn(wholes.empty() ? one : *wholes.front());
    };
    const QualifiedName table = table_of(on);
    return IsBelow(table_of(entry), [&](const QualifiedName& above) { return above == table; });
  }

  // Whether a part comes with its relation.
  bool Comes(const TocEntry& part) {
    if (part.kind == "TABLE DATA") return IsOfExtension(part) || chosen_.count(NameIn(part)) > 0;
    if (part.kind != "FK CONSTRAINT") return true;
    const std::optional<QualifiedName> table = TableAfter("REFERENCES", part);
    if (table && chosen_.count(*table) > 0) return true;
    left_out_.emplace(part.dump_id, table ? Quoted(*table) : "a table");
    return false;
  }

  // What puts two things together comes when both are there; default privileges, when their schema is.
  void AddWhatJoins() {
    for (const TocEntry& entry : toc_.entries) {
      const bool joins = entry.kind == "TABLE ATTACH" || entry.kind == "INDEX ATTACH";
      const bool whole = std::all_of(entry.dependencies.begin(), entry.dependencies.end(), [&](int32_t id) {
        return by_id_.count(id) == 0 || part_.entries.count(id) > 0;
      });
      if (joins && whole && !entry.dependencies.empty()) part_.entries.insert(entry.dump_id);
      if (entry.kind == "EXTENSION" && Has(entry)) part_.extensions.insert(entry.tag);
      if (entry.kind != "DEFAULT ACL") continue;
      const auto schema = schemas_.find(entry.schema);
      if (entry.schema.empty() || (schema != schemas_.end() && Has(*schema->second)))
        part_.entries.insert(entry.dump_id);
    }
  }

  void Note(absl::string_view reason, std::string object, std::string message, std::string remedy) {
    part_.findings.push_back({.severity = Severity::kNote,
                              .reason = std::string(reason),
                              .object = std::move(object),
                              .message = std::move(message),
                              .remedy = std::move(remedy)});
  }

  void Say() {
    size_t tables = 0;
    for (const TocEntry& entry : toc_.entries) {
      if (entry.kind == "TABLE") {
        ++tables;
        if (Has(entry)) SayOfTable(entry);
      }
      if (const auto left_out = left_out_.find(entry.dump_id); left_out != left_out_.end()) {
        Note(
            "FOREIGN_KEY_LEFT_OUT", ObjectName(entry),
            absl::StrCat("It refers to ", left_out->second, ", which was not chosen, and is not restored."),
            std::string(absl::StripAsciiWhitespace(entry.definition)));
      }
    }
    Note("RESTORED_IN_PART", "DATABASE",
         absl::StrCat(part_.tables.size(), " of the ", tables,
                      " tables in the backup were chosen. What neither they "
                      "nor anything else that was chosen needs is not restored; nor are large objects and "
                      "publications."),
         "");
  }

  void SayOfTable(const TocEntry& entry) {
    const QualifiedName name = NameIn(entry);
    if (chosen_.count(name) > 0) {
      part_.tables.insert(name);
    } else {
      part_.without_rows.insert(name);
      Note("NEEDED_WITHOUT_ROWS", TableObject(name),
           "Something that was chosen needs it, so it is restored without its rows.",
           absl::StrCat("choose ", Quoted(name), ", too, for its rows"));
    }
    const auto parent = parents_.find(name);
    if (parent == parents_.end()) return;
    const std::vector<const TocEntry*> above = Relation(parent->second);
    if (!above.empty() && Has(*above.front())) return;
    Note(
        "PARTITION_DETACHED", TableObject(name),
        absl::StrCat("It is a partition of ", Quoted(parent->second),
                     ", which was not chosen: it is restored as a table of its own, without what only that "
                     "one has, such as foreign keys and triggers."),
        absl::StrCat("choose ", Quoted(parent->second), ", too, for all its partitions"));
  }

  const Toc& toc_;
  std::map<int32_t, const TocEntry*> by_id_;
  std::map<QualifiedName, const TocEntry*> relations_;
  std::map<std::string, const TocEntry*> schemas_;
  std::map<QualifiedName, QualifiedName> parents_;         // partition -> what it is attached to
  std::map<int32_t, std::vector<const TocEntry*>> parts_;  // by dump id of what they come with
  std::set<QualifiedName> chosen_;                         // with rows
  std::map<int32_t, std::string> left_out_;                // foreign keys -> what they refer to
  std::vector<const TocEntry*> wanted_;                    // to be followed
  Part part_;
};

}  // namespace

absl::StatusOr<Part> ChoosePart(const Toc& toc, const std::vector<std::string>& patterns) {
  Chooser chooser(toc);
  std::vector<std::string> unmatched;
  for (const std::string& text : patterns) {
    CROFT_ASSIGN_OR_RETURN(const TablePattern pattern, ParseTablePattern(text, "restore_part.only"));
    if (!chooser.Match(pattern)) unmatched.push_back(text);
  }
  if (!unmatched.empty()) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat("the backup holds nothing that matches ", absl::StrJoin(unmatched, ", "),
                     "; names are written as in SQL, in double quotes where they have upper case"),
        {.reason = "ONLY_MATCHES_NOTHING"});
  }
  Part part = chooser.Take();
  part.patterns = patterns;
  return part;
}

bool IsChosen(const Part& part, absl::string_view object) {
  const std::optional<QualifiedName> name = FirstName(ScanSql(object), 0);
  return name && std::any_of(part.patterns.begin(), part.patterns.end(), [&](const std::string& text) {
           const absl::StatusOr<TablePattern> pattern = ParseTablePattern(text, "");
           return pattern.ok() && pattern->Matches(name->schema, name->name);
         });
}

absl::Status PartVisitor::OnToc(const Toc& toc) {
  toc_ = {.version = toc.version,
          .database = toc.database,
          .server_version = toc.server_version,
          .dump_version = toc.dump_version};
  std::copy_if(toc.entries.begin(), toc.entries.end(), std::back_inserter(toc_.entries),
               [this](const TocEntry& entry) { return entries_.count(entry.dump_id) > 0; });
  for (const TocEntry& entry : toc_.entries) by_id_.emplace(entry.dump_id, &entry);
  return visitor_.OnToc(toc_);
}

const TocEntry* PartVisitor::Find(const TocEntry& entry) const {
  const auto found = by_id_.find(entry.dump_id);
  return found == by_id_.end() ? nullptr : found->second;
}

absl::Status PartVisitor::OnDataBegin(const TocEntry& entry) {
  const TocEntry* own = Find(entry);
  return own == nullptr ? absl::OkStatus() : visitor_.OnDataBegin(*own);
}
absl::Status PartVisitor::OnDataEnd(const TocEntry& entry) {
  const TocEntry* own = Find(entry);
  return own == nullptr ? absl::OkStatus() : visitor_.OnDataEnd(*own);
}
absl::Status PartVisitor::OnTableBytes(const TocEntry& entry, absl::string_view bytes) {
  const TocEntry* own = Find(entry);
  return own == nullptr ? absl::OkStatus() : visitor_.OnTableBytes(*own, bytes);
}
absl::Status PartVisitor::OnLargeObjectBegin(const TocEntry& entry, uint32_t oid) {
  const TocEntry* own = Find(entry);
  return own == nullptr ? absl::OkStatus() : visitor_.OnLargeObjectBegin(*own, oid);
}
absl::Status PartVisitor::OnLargeObjectBytes(const TocEntry& entry, uint32_t oid, absl::string_view bytes) {
  const TocEntry* own = Find(entry);
  return own == nullptr ? absl::OkStatus() : visitor_.OnLargeObjectBytes(*own, oid, bytes);
}
absl::Status PartVisitor::OnLargeObjectEnd(const TocEntry& entry, uint32_t oid) {
  const TocEntry* own = Find(entry);
  return own == nullptr ? absl::OkStatus() : visitor_.OnLargeObjectEnd(*own, oid);
}

}  // namespace croft::agent
