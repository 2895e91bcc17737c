// Restores a dump entry by entry and reports every entry that fails.

#include "agent/backup/replay.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "agent/backup/data_loader.h"
#include "agent/backup/index_builder.h"
#include "agent/backup/part.h"
#include "agent/backup/replay_advice.h"
#include "agent/dump_format/scanner.h"
#include "agent/postgres/sql_error.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

using SearchPath = ReplaySession::SearchPath;
using Attempt = ReplaySession::Attempt;

constexpr absl::string_view kLockNotAvailable = "55P03";
constexpr absl::string_view kDeadlockDetected = "40P01";
constexpr absl::string_view kSerializationFailure = "40001";

struct Failure {
  const TocEntry* entry;
  absl::Status status;
};

// Both get everything; the first error counts.
class Both final : public DumpVisitor {
 public:
  Both(DumpVisitor& first, DumpVisitor& second) : first_(first), second_(second) {}

  absl::Status OnToc(const Toc& toc) override {
    CROFT_RETURN_IF_ERROR(first_.OnToc(toc));
    return second_.OnToc(toc);
  }
  absl::Status OnDataBegin(const TocEntry& entry) override {
    CROFT_RETURN_IF_ERROR(first_.OnDataBegin(entry));
    return second_.OnDataBegin(entry);
  }
  absl::Status OnDataEnd(const TocEntry& entry) override {
    CROFT_RETURN_IF_ERROR(first_.OnDataEnd(entry));
    return second_.OnDataEnd(entry);
  }
  absl::Status OnTableBytes(const TocEntry& entry, absl::string_view bytes) override {
    CROFT_RETURN_IF_ERROR(first_.OnTableBytes(entry, bytes));
    return second_.OnTableBytes(entry, bytes);
  }
  absl::Status OnLargeObjectBegin(const TocEntry& entry, uint32_t oid) override {
    CROFT_RETURN_IF_ERROR(first_.OnLargeObjectBegin(entry, oid));
    return second_.OnLargeObjectBegin(entry, oid);
  }
  absl::Status OnLargeObjectBytes(const TocEntry& entry, uint32_t oid, absl::string_view bytes) override {
    CROFT_RETURN_IF_ERROR(first_.OnLargeObjectBytes(entry, oid, bytes));
    return second_.OnLargeObjectBytes(entry, oid, bytes);
  }
  absl::Status OnLargeObjectEnd(const TocEntry& entry, uint32_t oid) override {
    CROFT_RETURN_IF_ERROR(first_.OnLargeObjectEnd(entry, oid));
    return second_.OnLargeObjectEnd(entry, oid);
  }

 private:
  DumpVisitor& first_;
  DumpVisitor& second_;
};

class Replayer {
  // By dump id: what could not be loaded, and why.
  using Unloaded = std::map<int32_t, absl::Status>;

 public:
  Replayer(const std::function<absl::Status(DumpReader&)>& read, const ReplayTarget& target,
           const ServerProbe& probe, const Timeout& timeout, ReplaySession session)
      : read_(read),
        target_(target),
        session_(std::move(session)),
        second_(target.conninfo, probe, timeout),
        new_names_(target.roles.NewNames()),
        index_builder_(second_,
                       [this](ReplaySession& by, const TocEntry& entry) { return RunEntry(by, entry); }),
        loader_(
            session_, [this](const Toc& toc) { return OnToc(toc); },
            [this](int32_t dump_id, int64_t size) { OnLoaded(dump_id, size); }) {}

  absl::StatusOr<Replayed> Run(DumpVisitor& also) {
    both_.emplace(loader_, also);
    reader_.emplace(Filtered(part_, *both_));
    CROFT_RETURN_IF_ERROR(read_(*reader_));
    CROFT_RETURN_IF_ERROR(loader_.Finish());
    CROFT_RETURN_IF_ERROR(FinishData());
    CROFT_RETURN_IF_ERROR(AfterData());
    for (const TocEntry* entry : plan_.grants) CROFT_RETURN_IF_ERROR(Grant(*entry));
    CROFT_RETURN_IF_ERROR(RunAll(plan_.refreshes));
    CROFT_RETURN_IF_ERROR(HealStatements());
    for (const Failure& failure : failures_) Miss(failure);
    for (const TocEntry* entry : plan_.left_out) result_.not_restored.insert(entry->dump_id);
    return std::move(result_);
  }

 private:
  // What a reader is to read into for `visitor` to get what is to be restored; kept in `part` where that is needed.
  DumpVisitor& Filtered(std::optional<PartVisitor>& part, DumpVisitor& visitor) const {
    if (!target_.part) return visitor;
    return part.emplace(*target_.part, visitor);
  }

  absl::Status OnToc(const Toc& toc) {
    toc_ = &toc;
    for (const TocEntry& entry : toc.entries) {
      if (entry.kind == "TABLE" || entry.kind == "MATERIALIZED VIEW") tables_.insert(entry.dump_id);
      if (entry.kind == "BLOB METADATA") objects_[entry.dump_id] = LargeObjectsOf(entry);
    }
    plan_ = PlanReplay(toc, target_.roles, target_.extensions);
    result_.findings = plan_.findings;
    result_.roles = new_names_;
    for (const std::string& owner : plan_.foreign_schema_owners)
      result_.roles[owner] = target_.roles.new_owner;
    std::set<int32_t> wanted;
    for (const TocEntry* entry : plan_.data) wanted.insert(entry->dump_id);
    loader_.Want(std::move(wanted));
    for (const TocEntry* entry : plan_.left_out) {
      for (const uint32_t oid : LargeObjectsOf(*entry)) left_out_objects_.insert(oid);
    }
    loader_.PassOver(left_out_objects_);
    for (const TocEntry* entry : plan_.after_data) {
      if (IsIndex(*entry)) indexes_[TableOf(*entry)].push_back(entry);
    }
    if (plan_.drop_public) CROFT_RETURN_IF_ERROR(session_.Run("DROP SCHEMA IF EXISTS public").status());
    CROFT_RETURN_IF_ERROR(RunAll(plan_.before_data));
    FindFreshTables();
    return absl::OkStatus();
  }

  // Those that were just made are empty. Not those whose rows come by way of the root of their partitions: several
  // entries fill the same table then. Nor those that an extension made, perhaps with rows in them.
  void FindFreshTables() {
    std::set<int32_t> made = tables_;
    for (const Failure& failure : failures_) made.erase(failure.entry->dump_id);
    for (const TocEntry* entry : plan_.data) {
      if (made.count(TableOf(*entry)) == 0) continue;
      const std::optional<CopyTarget> copy = ParseCopy(entry->copy_statement);
      if (copy && copy->table == QualifiedName{entry->schema, entry->tag}) {
        fresh_.emplace(entry->dump_id, TableOf(*entry));
      }
    }
    std::set<int32_t> frozen;
    for (const auto& [data, table] : fresh_) frozen.insert(data);
    loader_.Freeze(std::move(frozen));
  }

  // On the loader's thread. Indexes that run none of the tenant's code are built while other tables are loaded. All others
  // wait until all rows are there, since an expression may read any table.
  void OnLoaded(int32_t dump_id, int64_t size) {
    const auto fresh = fresh_.find(dump_id);
    if (fresh == fresh_.end()) return;
    const auto indexes = indexes_.find(fresh->second);
    if (indexes == indexes_.end()) return;
    IndexBuilder::Entries early;
    for (const TocEntry* entry : indexes->second) {
      if (!IsOfColumnsAlone(*entry)) continue;
      early.push_back(entry);
      begun_.insert(entry->dump_id);
    }
    index_builder_.Add(size, std::move(early));
  }

  static bool IsIndex(const TocEntry& entry) { return entry.kind == "INDEX" || entry.kind == "CONSTRAINT"; }

  // Every entry by itself; what fails is kept for later.
  absl::Status RunAll(const std::vector<const TocEntry*>& entries) {
    for (const TocEntry* entry : entries) {
      const bool policy = entry->kind == "POLICY";
      const std::string stranger =
          policy ? StrangerOf(entry->kind, DefinitionWithRoles(*entry, new_names_)) : "";
      if (!stranger.empty() && IsAnothers(stranger)) {
        LeaveOutPolicy(*entry, stranger);
        continue;
      }
      CROFT_ASSIGN_OR_RETURN(const Attempt attempt, RunEntry(session_, *entry));
      if (attempt.entry.ok() || IsThereAlready(*entry, attempt.entry)) continue;
      if (!stranger.empty() && SqlStateOf(attempt.entry) == sqlstate::kUndefinedObject) {
        LeaveOutPolicy(*entry, stranger);
      } else {
        failures_.push_back({entry, attempt.entry});
      }
    }
    return absl::OkStatus();
  }

  // A role that the statement of such an entry names, under its new name, and that is none of the tenant's; empty: none.
  std::string StrangerOf(const std::string& kind, const std::string& statement) const {
    for (const std::string& role : RolesNamed({.kind = kind, .definition = statement})) {
      if (IsForeign(role)) return role;
    }
    return "";
  }

  // Row security then shows less, never more.
  void LeaveOutPolicy(const TocEntry& entry, const std::string& role) {
    result_.findings.push_back(LeftOutPolicy(entry, role));
    result_.not_restored.insert(entry.dump_id);
    missing_.insert(entry.dump_id);
  }

  // A schema that was made for an extension.
  static bool IsThereAlready(const TocEntry& entry, const absl::Status& status) {
    return entry.kind == "SCHEMA" && SqlStateOf(status) == "42P06";
  }

  absl::StatusOr<Attempt> RunEntry(ReplaySession& session, const TocEntry& entry) const {
    const std::string sql = StatementsOf(entry);
    if (sql.empty()) return Attempt{};
    return session.Run(sql);
  }

  std::string StatementsOf(const TocEntry& entry) const {
    if (entry.kind == "BLOB METADATA") return LargeObjectStatements(entry);
    std::string sql = DefinitionWithRoles(entry, new_names_);
    if (entry.kind == "EXTENSION") sql = WithVersion(entry, std::move(sql));
    if (entry.access_method.empty() || entry.access_method == "heap") return sql;
    return absl::StrCat("SET LOCAL default_table_access_method = ", QuoteName(entry.access_method), ";\n",
                        sql);
  }

  // From PostgreSQL 17 on, one entry names many large objects, an OID a line.
  static std::string LargeObjectStatements(const TocEntry& entry) {
    std::string sql;
    for (const absl::string_view line : absl::StrSplit(entry.definition, '\n', absl::SkipWhitespace())) {
      uint32_t oid = 0;
      // Anything else is no OID; the statement then fails as it stands and is named.
      if (!absl::SimpleAtoi(line, &oid)) return entry.definition;
      absl::StrAppend(&sql, "SELECT pg_catalog.lo_create(", oid, ");\n");
    }
    return sql;
  }

  std::string WithVersion(const TocEntry& entry, std::string sql) const {
    const auto planned = target_.extensions.find(entry.tag);
    if (planned == target_.extensions.end() || planned->second.version.empty()) return sql;
    const size_t end = sql.find_last_of(';');
    if (end == std::string::npos) return sql;
    return absl::StrCat(sql.substr(0, end), " VERSION '", planned->second.version, "';\n");
  }

  // Sequences, then whatever did not load at first: with all other rows there, and then as an application would.
  absl::Status FinishData() {
    std::vector<const TocEntry*> statements;
    for (const TocEntry* entry : plan_.data) {
      if (!entry->has_data && entry->kind != "TABLE DATA") statements.push_back(entry);
    }
    Unloaded unloaded = loader_.TakeFailures();
    // What is tried again is not to fail for the locks of an index that is being built.
    if (!unloaded.empty() || !failures_.empty()) index_builder_.Pause();
    CROFT_ASSIGN_OR_RETURN(unloaded, ReloadWhatWaited(std::move(unloaded)));
    for (const SearchPath path : {SearchPath::kEmpty, SearchPath::kTenants}) {
      CROFT_RETURN_IF_ERROR(HealEntries(path));
      CROFT_RETURN_IF_ERROR(Reload(path, unloaded));
    }
    CROFT_RETURN_IF_ERROR(session_.Use(SearchPath::kEmpty));
    for (const TocEntry* entry : plan_.data) {
      if (const auto found = unloaded.find(entry->dump_id); found != unloaded.end()) {
        Miss({entry, found->second});
      }
    }
    return RunAll(statements);
  }

  // What could not be loaded for the locks of an index that was being built is loaded now, which is no news to anybody.
  // Returns what did not load.
  absl::StatusOr<Unloaded> ReloadWhatWaited(Unloaded failures) {
    Unloaded unloaded;
    Unloaded waited;
    for (auto& [dump_id, failure] : failures) {
      (IsOfWaiting(failure) ? waited : unloaded).emplace(dump_id, std::move(failure));
    }
    CROFT_ASSIGN_OR_RETURN(waited, LoadAgain(waited));
    unloaded.merge(waited);
    return unloaded;
  }

  static bool IsOfWaiting(const absl::Status& status) {
    const std::string state = SqlStateOf(status);
    return state == kLockNotAvailable || state == kDeadlockDetected || state == kSerializationFailure;
  }

  // Reads the dump once more for the rows of `wanted`, and answers what failed again.
  absl::StatusOr<Unloaded> LoadAgain(const Unloaded& wanted) {
    if (wanted.empty()) return wanted;
    DataLoader loader(session_, [](const Toc&) { return absl::OkStatus(); });
    std::set<int32_t> dump_ids;
    for (const auto& [dump_id, status] : wanted) dump_ids.insert(dump_id);
    loader.Want(std::move(dump_ids));
    loader.PassOver(left_out_objects_);
    std::optional<PartVisitor> part;
    DumpReader reader(Filtered(part, loader));
    CROFT_RETURN_IF_ERROR(read_(reader));
    CROFT_RETURN_IF_ERROR(loader.Finish());
    return loader.TakeFailures();
  }

  // Loads what is `unloaded` again, and leaves there what fails again.
  absl::Status Reload(SearchPath path, Unloaded& unloaded) {
    if (unloaded.empty()) return absl::OkStatus();
    CROFT_RETURN_IF_ERROR(session_.Use(path, target_.search_path));
    CROFT_ASSIGN_OR_RETURN(Unloaded left, LoadAgain(unloaded));
    for (const TocEntry* entry : plan_.data) {
      const auto before = unloaded.find(entry->dump_id);
      if (before == unloaded.end() || left.count(entry->dump_id) > 0) continue;
      Healed(path, {entry, before->second});
    }
    unloaded = std::move(left);
    return absl::OkStatus();
  }

  absl::Status AfterData() {
    CROFT_RETURN_IF_ERROR(BuildIndexes());
    std::vector<const TocEntry*> rest;
    for (const TocEntry* entry : plan_.after_data) {
      if (!IsIndex(*entry)) rest.push_back(entry);
    }
    CROFT_RETURN_IF_ERROR(RunAll(rest));
    return HealStatements();
  }

  // Of an index or a key; itself where none is found.
  int32_t TableOf(const TocEntry& entry) const {
    for (const int32_t id : entry.dependencies) {
      if (tables_.count(id) > 0) return id;
    }
    return entry.dump_id;
  }

  // Two tables at a time, since sorting keeps a core busy; nothing else of an archive depends on their order. What fails
  // is tried again by itself, for sessions that wait for each other fail, too.
  absl::Status BuildIndexes() {
    std::map<int32_t, int64_t> sizes;
    for (const TocEntry* data : plan_.data) {
      const auto size = loader_.sizes().find(data->dump_id);
      if (size != loader_.sizes().end()) sizes[TableOf(*data)] += size->second;
    }
    for (auto& [table, entries] : indexes_) {
      std::erase_if(entries, [&](const TocEntry* entry) { return begun_.count(entry->dump_id) > 0; });
      index_builder_.Add(sizes[table], std::move(entries));
    }
    CROFT_ASSIGN_OR_RETURN(const IndexBuilder::Entries built, index_builder_.Finish(session_));
    const std::set<const TocEntry*> failed(built.begin(), built.end());
    std::vector<const TocEntry*> again;
    for (const TocEntry* entry : plan_.after_data) {
      if (failed.count(entry) > 0) again.push_back(entry);
    }
    return RunAll(again);
  }

  // Statements that failed, once more and then as an application would run them.
  absl::Status HealStatements() {
    for (const SearchPath path : {SearchPath::kEmpty, SearchPath::kTenants}) {
      CROFT_RETURN_IF_ERROR(HealEntries(path));
    }
    return session_.Use(SearchPath::kEmpty);
  }

  absl::Status HealEntries(SearchPath path) {
    if (failures_.empty()) return absl::OkStatus();
    CROFT_RETURN_IF_ERROR(session_.Use(path, target_.search_path));
    for (Failure& failure : std::exchange(failures_, {})) {
      CROFT_ASSIGN_OR_RETURN(const Attempt attempt, RunEntry(session_, *failure.entry));
      if (attempt.entry.ok()) {
        Healed(path, failure);
      } else {
        // What the empty path said tells more of the tenant's own path than what the second try says.
        failures_.push_back({failure.entry, attempt.entry});
      }
    }
    return absl::OkStatus();
  }

  absl::Status Grant(const TocEntry& entry) {
    if (IsOfMissing(entry)) return absl::OkStatus();
    for (std::string& archived : GrantStatements(entry, ObjectsOf(entry))) {
      const std::string statement =
          DefinitionWithRoles({.kind = entry.kind, .definition = std::move(archived)}, new_names_);
      const std::string stranger = StrangerOf(entry.kind, statement);
      if (!stranger.empty() && IsAnothers(stranger)) {
        LeaveOutGrant(entry, stranger, statement);
        continue;
      }
      CROFT_ASSIGN_OR_RETURN(const Attempt attempt, session_.Run(statement));
      if (attempt.entry.ok()) continue;
      if (!stranger.empty() && SqlStateOf(attempt.entry) == sqlstate::kUndefinedObject) {
        LeaveOutGrant(entry, stranger, statement);
        continue;
      }
      Miss({&entry, attempt.entry});
      return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  // Those that the grants are on, where one entry made several.
  std::vector<uint32_t> ObjectsOf(const TocEntry& grants) const {
    const auto made =
        grants.dependencies.empty() ? objects_.end() : objects_.find(grants.dependencies.front());
    return made == objects_.end() ? std::vector<uint32_t>() : made->second;
  }

  bool IsForeign(const std::string& role) const {
    return !role.empty() && role != target_.roles.new_owner && role != target_.roles.new_reader &&
           !absl::StartsWith(role, "pg_");
  }
  // Under new names the old ones, and their logins, are somebody else's.
  bool IsAnothers(const std::string& role) const {
    return target_.roles.old_owner != target_.roles.new_owner && IsForeign(role);
  }

  void LeaveOutGrant(const TocEntry& entry, const std::string& role, const std::string& statement) {
    result_.findings.push_back(LeftOutGrant(entry, role, statement));
    result_.left_out_grants[entry.dump_id].insert(role);
  }

  bool IsOfMissing(const TocEntry& entry) const {
    return std::any_of(entry.dependencies.begin(), entry.dependencies.end(),
                       [&](int32_t id) { return missing_.count(id) > 0; });
  }

  void Healed(SearchPath path, const Failure& failure) {
    result_.findings.push_back(path == SearchPath::kEmpty
                                   ? HealedByOrder(*failure.entry, failure.status)
                                   : HealedByPath(*toc_, *failure.entry, failure.status));
  }

  void Miss(const Failure& failure) {
    const TocEntry& entry = *failure.entry;
    result_.not_restored.insert(entry.dump_id);
    missing_.insert(entry.dump_id);
    // What is said of an object that is missing is missing with it.
    const bool part = entry.kind == "COMMENT" || entry.kind == "ACL" || entry.kind == "ROW SECURITY";
    if (part && IsOfMissing(entry)) return;
    result_.findings.push_back(MissingEntry(*toc_, entry, failure.status));
  }

  const std::function<absl::Status(DumpReader&)>& read_;
  const ReplayTarget& target_;
  ReplaySession session_;
  ReplaySession second_;  // for what two can do at once, as pg_restore sets it up
  const RoleNames new_names_;
  std::optional<Both> both_;
  std::optional<PartVisitor> part_;
  std::optional<DumpReader> reader_;  // has the table of contents
  const Toc* toc_ = nullptr;
  ReplayPlan plan_;
  std::vector<Failure> failures_;  // of statements, in the order of the archive
  std::set<int32_t> missing_;
  std::set<int32_t> tables_;
  std::map<int32_t, int32_t> fresh_;                  // entries of rows -> tables, which were empty before
  std::map<int32_t, IndexBuilder::Entries> indexes_;  // by table
  std::set<int32_t> begun_;                           // indexes that are built while tables are loaded
  std::map<int32_t, std::vector<uint32_t>> objects_;  // by dump id of the entry that makes them
  std::set<uint32_t> left_out_objects_;
  Replayed result_;
  // Last, so that their threads end before what they use.
  IndexBuilder index_builder_;
  DataLoader loader_;
};

}  // namespace

absl::StatusOr<Replayed> Replay(const std::function<absl::Status(DumpReader&)>& read, DumpVisitor& also,
                                const ReplayTarget& target, const ServerProbe& probe,
                                const Timeout& timeout) {
  CROFT_ASSIGN_OR_RETURN(ReplaySession session, ReplaySession::Open(target.conninfo, probe, timeout));
  Replayer replayer(read, target, probe, timeout, std::move(session));
  return replayer.Run(also);
}

}  // namespace croft::agent
