// Cuts the power of one SQLite file's disk at every write; tests/crash_consistency/run is the way to call it.
//
//   croft_crash_consistency --of catalog|journal [--syncs all|normal|none] [--every K] [--part I] [--parts N] [--subsets R]
//
// Prints what was seen as lines `count N WHAT`, and with syncs=all fails when a state lost or broke anything.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <sqlite3.h>

#include "common/errors.h"
#include "common/log.h"
#include "tests/common/sqlite/temporary_folder.h"
#include "tests/crash_consistency/disk.h"
#include "tests/crash_consistency/recording_vfs.h"
#include "tests/crash_consistency/subject.h"

namespace croft::power {
namespace {

struct Options {
  std::string of;
  Syncs syncs = Syncs::kAll;
  Bounds bounds;
};

bool Parse(int count, char** arguments, Options& options) {
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string option = arguments[i], value = arguments[i + 1];
    int number = 0;
    const bool is_number = absl::SimpleAtoi(value, &number) && number >= 0;
    if (option == "--of") {
      options.of = value;
    } else if (option == "--syncs" && (value == "all" || value == "normal" || value == "none")) {
      options.syncs = value == "all" ? Syncs::kAll : value == "normal" ? Syncs::kAsNormal : Syncs::kNone;
    } else if (option == "--every" && number > 0) {
      options.bounds.every = number;
    } else if (option == "--part" && is_number) {
      options.bounds.part = number;
    } else if (option == "--parts" && number > 0) {
      options.bounds.parts = number;
    } else if (option == "--subsets" && is_number) {
      options.bounds.subsets = number;
    } else {
      return false;
    }
  }
  return count % 2 == 1 && (options.of == "catalog" || options.of == "journal");
}

// The whole of the database as text, and whether it is whole. Past all of Croft.
class Reading {
 public:
  explicit Reading(const std::string& path) {
    (void)sqlite3_open_v2(path.c_str(), &handle_, SQLITE_OPEN_READONLY, nullptr);
  }
  ~Reading() { sqlite3_close(handle_); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  absl::StatusOr<std::string> All() {
    std::string all;
    CROFT_ASSIGN_OR_RETURN(const std::string tables,
                           Run("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"));
    for (size_t from = 0; from < tables.size();) {
      const size_t end = tables.find('\n', from);
      const std::string table = tables.substr(from, end - from);
      CROFT_ASSIGN_OR_RETURN(const std::string columns, Columns(table));
      CROFT_ASSIGN_OR_RETURN(const std::string rows,
                             Run(absl::StrCat("SELECT ", columns, " FROM \"", table, "\"")));
      absl::StrAppend(&all, table, ":\n", rows);
      from = end + 1;
    }
    return all;
  }

  absl::Status Check() {
    CROFT_ASSIGN_OR_RETURN(const std::string integrity, Run("PRAGMA integrity_check"));
    if (integrity != "ok\n") return absl::DataLossError(integrity);
    CROFT_ASSIGN_OR_RETURN(const std::string dangling, Run("PRAGMA foreign_key_check"));
    return dangling.empty() ? absl::OkStatus() : absl::DataLossError(dangling);
  }

 private:
  // All but what is drawn when a catalog is made, which happens again where the power failed before that was durable.
  absl::StatusOr<std::string> Columns(const std::string& table) {
    CROFT_ASSIGN_OR_RETURN(
        std::string columns,
        Run(absl::StrCat("SELECT group_concat('\"' || name || '\"') FROM pragma_table_info('", table,
                         "') WHERE name <> 'uid' OR '", table, "' <> 'meta'")));
    columns.pop_back();  // the line's end
    return columns;
  }

  // A line a row; values apart by bytes that text does not hold.
  absl::StatusOr<std::string> Run(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    std::string answer;
    int code = sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr);
    while (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
      for (int column = 0; column < sqlite3_column_count(statement); ++column) {
        const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
        if (column > 0) answer += '\x1f';
        answer.append(bytes == nullptr ? "" : bytes, sqlite3_column_bytes(statement, column));
      }
      answer += '\n';
      code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    if (code != SQLITE_DONE) return absl::DataLossError(sqlite3_errmsg(handle_));
    return answer;
  }

  sqlite3* handle_ = nullptr;
};

class PowerRun {
 public:
  PowerRun(Subject& subject, const Options& options, const std::string& folder)
      : subject_(subject), options_(options), path_(folder + "/catalog.db") {}

  absl::Status Record() {
    RecordingVfs& recorder = RecordingVfs::Install();
    recorder.Start(path_, options_.syncs);
    const absl::Status status = subject_.Work(path_, recorder, [this](int number) -> absl::Status {
      CROFT_ASSIGN_OR_RETURN(const std::string all, Reading(path_).All());
      after_.resize(number + 1);
      after_[number] = std::hash<std::string>()(all);
      return absl::OkStatus();
    });
    trace_ = recorder.Stop();
    return status;
  }

  void CutEverywhere() {
    ForEachStateOf(trace_, options_.bounds, [this](const State& state) { Judge(state); });
    if (options_.bounds.part != 0) return;
    counts_["commits"] = static_cast<int>(after_.size()) - 1;
    for (const Event& event : trace_) {
      if (event.kind != Event::Kind::kBegin && event.kind != Event::Kind::kAcknowledge)
        ++counts_["calls recorded"];
      if (event.kind == Event::Kind::kSync && event.file.empty())
        ++counts_["of them syncs of the database: checkpoints"];
    }
  }

  void Print() const {
    for (const auto& [what, count] : counts_) std::printf("count %d %s\n", count, what.c_str());
    for (const auto& [what, words] : first_) std::printf("first of %s: %s\n", what.c_str(), words.c_str());
  }

  bool Clean() const { return first_.empty(); }

 private:
  static constexpr char kLost[] = "states that lost an acknowledged commit";
  static constexpr char kBroken[] = "states that were broken";

  void Judge(const State& state) {
    ++counts_["states"];
    Lay(state.image);
    size_t found = 0;
    const absl::Status status = subject_.Reopen(path_, [&]() -> absl::Status {
      Reading reading(path_);
      CROFT_RETURN_IF_ERROR(reading.Check());
      CROFT_ASSIGN_OR_RETURN(const std::string all, reading.All());
      found = std::hash<std::string>()(all);
      return absl::OkStatus();
    });
    if (!status.ok()) return Fault(kBroken, state, std::string(status.message()));
    for (int number = state.acknowledged; number <= state.begun; ++number) {
      if (after_[number] == found) return;
    }
    for (int number = 0; number < state.acknowledged; ++number) {
      if (after_[number] == found)
        return Fault(kLost, state, absl::StrCat("it is as after commit ", number));
    }
    Fault(kBroken, state, "it is as after no commit");
  }

  void Fault(const std::string& what, const State& state, const std::string& words) {
    ++counts_[what];
    std::string& first = first_[what];
    if (!first.empty()) return;
    first = absl::StrCat("acknowledged ", state.acknowledged, ", begun ", state.begun, ": ", words);
  }

  // The database keeps its inode, by which a catalog knows that it is no copy.
  void Lay(const Image& image) const {
    for (const char* name : {"-wal", "-shm", "-journal"}) std::filesystem::remove(path_ + name);
    for (const auto& [name, bytes] : image) {
      std::ofstream(path_ + name, std::ios::binary | std::ios::trunc).write(bytes.data(), bytes.size());
    }
  }

  Subject& subject_;
  const Options& options_;
  const std::string path_;
  Trace trace_;
  std::vector<size_t> after_;  // the database's hash after each commit
  std::map<std::string, int> counts_;
  std::map<std::string, std::string> first_;  // of each kind of fault, how it was
};

int Main(int count, char** arguments) {
  Options options;
  if (!Parse(count, arguments, options)) {
    std::fprintf(stderr, "see the head of tests/crash_consistency/main.cc\n");
    return 2;
  }
  const TemporaryFolder folder;
  const std::unique_ptr<Subject> subject =
      options.of == "catalog" ? MakeCatalogSubject() : MakeJournalSubject();
  PowerRun run(*subject, options, folder.path());
  if (const absl::Status status = run.Record(); !status.ok()) {
    std::fprintf(stderr, "the work itself failed: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  run.CutEverywhere();
  run.Print();
  return run.Clean() == (options.syncs == Syncs::kAll) ? 0 : 1;
}

}  // namespace
}  // namespace croft::power

int main(int count, char** arguments) { return croft::power::Main(count, arguments); }
