// Decides which tables' rows a backup leaves out, and says so.

#include "agent/backup/skipped_rows.h"

#include <algorithm>
#include <map>
#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/dump_format/scanner.h"
#include "common/errors.h"
#include "common/utf8.h"

namespace croft::agent {
namespace {

constexpr char kTenantsTables[] =
    "SELECT c.oid::bigint, n.nspname::text, c.relname::text, c.relkind = 'p', "
    "coalesce((SELECT i.inhparent::bigint FROM pg_inherits i WHERE i.inhrelid = c.oid AND "
    "c.relispartition), "
    "0) "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner "
    "WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND r.rolname = $1 AND n.nspname !~ '^pg_' "
    "AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e' "
    "AND d.classid = 'pg_class'::regclass AND d.objid = c.oid) ORDER BY 2, 3";

// A key from or to a partitioned table is there for each of its partitions, too.
constexpr char kForeignKeys[] =
    "SELECT k.conname::text, k.conrelid::bigint, k.confrelid::bigint FROM pg_constraint k "
    "WHERE k.contype = 'f' AND k.convalidated ORDER BY 1, 2, 3";

std::string Object(const QualifiedName& table) { return absl::StrCat("TABLE ", Quoted(table)); }

bool Matches(const TablePattern& pattern, const QualifiedName& table) {
  // A manifest is JSON and could not name any other.
  return IsUtf8(table.schema) && IsUtf8(table.name) && pattern.Matches(table.schema, table.name);
}

Finding SkipNote(absl::string_view reason, std::string object, std::string message, std::string remedy) {
  return {.severity = Severity::kNote,
          .reason = std::string(reason),
          .object = std::move(object),
          .message = std::move(message),
          .remedy = std::move(remedy)};
}

Finding MatchesNothing(const std::string& pattern) {
  return SkipNote("SKIP_MATCHES_NOTHING", pattern,
                  "No table of the database matches this pattern in skip_rows of the backup policy.",
                  "correct it, or remove it from skip_rows");
}

class Choice {
 public:
  Choice(const std::vector<TableFact>& tables, const std::vector<TablePattern>& patterns) {
    for (const TableFact& table : tables) tables_.emplace(table.oid, &table);
    for (const TableFact& table : tables) {
      const TableFact* top = nullptr;
      for (const TableFact* one = &table; one != nullptr; one = Find(one->partition_of)) {
        if (MatchesAny(patterns, one->name)) top = one;
      }
      if (top != nullptr) skipped_.emplace(table.oid, top->name);
    }
  }

  // Keeps what is referred to, until no key to a table without rows is left.
  void Keep(const std::vector<ForeignKeyFact>& keys) {
    for (bool changed = true; changed;) {
      changed = false;
      for (const ForeignKeyFact& key : keys) {
        const auto to = skipped_.find(key.to);
        if (to == skipped_.end() || !KeepsRows(key.from)) continue;
        kept_.emplace(key.to, &key);
        skipped_.erase(to);
        changed = true;
      }
    }
  }

  SkippedRows Take() {
    for (const auto& [oid, matched] : skipped_) {
      const TableFact& table = *tables_.at(oid);
      if (!table.partitioned) result_.tables.push_back({.table = table.name, .matched = matched});
    }
    for (const auto& [oid, key] : kept_) {
      // Each partition of what is referred to has a key of its own.
      if (kept_.count(tables_.at(oid)->partition_of) == 0) SayKept(tables_.at(oid)->name, *key);
    }
    std::sort(result_.tables.begin(), result_.tables.end(),
              [](const SkippedTable& a, const SkippedTable& b) { return a.table < b.table; });
    return std::move(result_);
  }

 private:
  static bool MatchesAny(const std::vector<TablePattern>& patterns, const QualifiedName& table) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const TablePattern& pattern) { return Matches(pattern, table); });
  }

  const TableFact* Find(int64_t oid) const {
    const auto found = tables_.find(oid);
    return found == tables_.end() ? nullptr : found->second;
  }

  // A partitioned table has none, and its partitions have keys of their own. What is not the tenant's is not dumped.
  bool KeepsRows(int64_t oid) const {
    const TableFact* table = Find(oid);
    return table != nullptr && !table->partitioned && skipped_.count(oid) == 0;
  }

  void SayKept(const QualifiedName& table, const ForeignKeyFact& key) {
    result_.notes.push_back(SkipNote(
        "ROWS_KEPT", Object(table),
        absl::StrCat("Its rows are in the backup, although skip_rows of the backup policy names it: the "
                     "foreign key ",
                     QuoteName(key.name), " of ", Quoted(Find(key.from)->name), " refers to them."),
        "add the other table to skip_rows, or remove this one from it"));
  }

  std::map<int64_t, const TableFact*> tables_;
  std::map<int64_t, QualifiedName> skipped_;       // -> what a pattern matches
  std::map<int64_t, const ForeignKeyFact*> kept_;  // tables that keep their rows, and for what
  SkippedRows result_;
};

}  // namespace

SkippedRows ChooseSkippedRows(const std::vector<TablePattern>& patterns,
                              const std::vector<TableFact>& tables,
                              const std::vector<ForeignKeyFact>& keys) {
  Choice choice(tables, patterns);
  choice.Keep(keys);
  return choice.Take();
}

absl::StatusOr<SkippedRows> FindSkippedRows(Connection& connection, const std::vector<std::string>& texts,
                                            const TenantRoles& roles) {
  if (texts.empty()) return SkippedRows{};
  std::vector<TablePattern> patterns;
  for (const std::string& text : texts) {
    CROFT_ASSIGN_OR_RETURN(patterns.emplace_back(), ParseTablePattern(text, "back_up.skip_rows"));
  }
  auto rows = connection.Rows<int64_t, std::string, std::string, bool, int64_t>(
      Bind(kTenantsTables, {roles.owner}));
  CROFT_RETURN_IF_ERROR(rows.status());
  std::vector<TableFact> tables;
  for (auto& [oid, schema, name, partitioned, partition_of] : *rows) {
    tables.push_back({.oid = oid,
                      .name = {std::move(schema), std::move(name)},
                      .partitioned = partitioned,
                      .partition_of = partition_of});
  }
  auto keys = connection.Rows<std::string, int64_t, int64_t>(kForeignKeys);
  CROFT_RETURN_IF_ERROR(keys.status());
  std::vector<ForeignKeyFact> foreign_keys;
  for (auto& [name, from, to] : *keys) foreign_keys.push_back({std::move(name), from, to});
  SkippedRows skipped = ChooseSkippedRows(patterns, tables, foreign_keys);
  for (size_t i = 0; i < texts.size(); ++i) {
    const bool matches = std::any_of(tables.begin(), tables.end(), [&](const TableFact& table) {
      return Matches(patterns[i], table.name);
    });
    if (!matches) skipped.notes.push_back(MatchesNothing(texts[i]));
  }
  return skipped;
}

std::vector<Finding> NotesOnSkipped(const std::vector<SkippedTable>& tables) {
  std::map<QualifiedName, size_t> partitions;  // of what was matched; 0: itself
  for (const SkippedTable& table : tables)
    partitions[table.matched] += table.table == table.matched ? 0 : 1;
  std::vector<Finding> notes;
  for (const auto& [matched, count] : partitions) {
    const std::string rows =
        count == 0 ? "Its rows" : absl::StrCat("The rows of ", count, " of its partitions");
    notes.push_back(
        SkipNote(kRowsLeftOut, Object(matched),
                 absl::StrCat(rows,
                              " are not in the backup, as skip_rows of the backup policy says: a "
                              "restore makes it without them."),
                 ""));
  }
  return notes;
}

}  // namespace croft::agent
