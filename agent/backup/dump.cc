// Runs pg_dump and passes its output on while it is read.

#include "agent/backup/dump.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "agent/dump_format/object_name.h"
#include "agent/postgres/sql_error.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

constexpr size_t kReadBytes = 256 << 10;
// pg_dump writes 4 KB at a time. Whoever wakes at each of them keeps both processes busy with waking.
constexpr size_t kShortRead = 64 << 10;
constexpr absl::Duration kNap = absl::Milliseconds(1);
constexpr int kWithTransactionTimeout = 170000;

// Passes all on, and knows what pg_dump is at.
class Follower final : public DumpVisitor {
 public:
  explicit Follower(DumpVisitor& visitor) : visitor_(visitor) {}

  // The data that was begun and not ended; else what comes next after the last.
  std::string At() const {
    if (begun_ != nullptr) return ObjectName(*begun_);
    if (toc_ == nullptr) return "";
    bool after_last = last_ == nullptr;
    for (const TocEntry& entry : toc_->entries) {
      if (after_last && entry.has_data) return ObjectName(entry);
      after_last = after_last || &entry == last_;
    }
    return "";
  }

  absl::Status OnToc(const Toc& toc) override {
    toc_ = &toc;
    return visitor_.OnToc(toc);
  }
  absl::Status OnDataBegin(const TocEntry& entry) override {
    begun_ = &entry;
    return visitor_.OnDataBegin(entry);
  }
  absl::Status OnDataEnd(const TocEntry& entry) override {
    last_ = std::exchange(begun_, nullptr);
    return visitor_.OnDataEnd(entry);
  }
  absl::Status OnTableBytes(const TocEntry& entry, absl::string_view bytes) override {
    return visitor_.OnTableBytes(entry, bytes);
  }
  absl::Status OnLargeObjectBegin(const TocEntry& entry, uint32_t oid) override {
    return visitor_.OnLargeObjectBegin(entry, oid);
  }
  absl::Status OnLargeObjectBytes(const TocEntry& entry, uint32_t oid, absl::string_view bytes) override {
    return visitor_.OnLargeObjectBytes(entry, oid, bytes);
  }
  absl::Status OnLargeObjectEnd(const TocEntry& entry, uint32_t oid) override {
    return visitor_.OnLargeObjectEnd(entry, oid);
  }

 private:
  DumpVisitor& visitor_;
  const Toc* toc_ = nullptr;
  const TocEntry* begun_ = nullptr;
  const TocEntry* last_ = nullptr;
};

absl::Status DumpError(const CommandResult& result, const Follower& follower) {
  const absl::Status ended = CheckEnd("pg_dump", result, "DUMP_FAILED");
  const std::string at = follower.At();
  if (ended.ok() || at.empty()) return ended;
  return Annotate(ended, absl::StrCat(at, " (a row whose text is over 1 GB cannot be dumped)"));
}

absl::Status TooOld(absl::Duration limit) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the dump's snapshot has reached its longest age of ",
                                absl::FormatDuration(limit), "; give it more with --max-duration"),
                   {.reason = "MAX_DURATION_REACHED"});
}

std::vector<std::string> Arguments(const DumpSource& source) {
  std::vector<std::string> arguments = {"--format=custom", "--compress=0", "--lock-wait-timeout=10s",
                                        "--quote-all-identifiers"};
  for (const std::string& pattern : source.excluded_tables) {
    arguments.push_back(absl::StrCat("--exclude-table=", pattern));
  }
  for (const std::string& pattern : source.tables_without_rows) {
    arguments.push_back(absl::StrCat("--exclude-table-data=", pattern));
  }
  if (source.without_large_objects) arguments.emplace_back("--no-blobs");
  return arguments;
}

// Moves all that the program writes.
absl::Status Pump(PipedProcess& process, const std::function<absl::Status(absl::string_view)>& take,
                  const Timeout& timeout) {
  std::string buffer(kReadBytes, '\0');
  for (;;) {
    CROFT_ASSIGN_OR_RETURN(const size_t got, ReadInTime(process, buffer.data(), buffer.size(), timeout));
    if (got == 0) return absl::OkStatus();
    CROFT_RETURN_IF_ERROR(CheckTimeout(timeout));
    CROFT_RETURN_IF_ERROR(take(absl::string_view(buffer.data(), got)));
    if (got < kShortRead) absl::SleepFor(kNap);
  }
}

}  // namespace

absl::Status Dump(const DumpSource& source, const ClientPrograms& programs, const ProgramPlace& place,
                  Random& random, const std::function<absl::Status(absl::string_view)>& sink,
                  DumpVisitor& visitor, const Timeout& timeout) {
  CROFT_ASSIGN_OR_RETURN(const ProgramCall call, PrepareProgram(programs.Path("pg_dump"), Arguments(source),
                                                                source.conninfo, place, random));
  CROFT_ASSIGN_OR_RETURN(PipedProcess process,
                         PipedProcess::Start(call.command, PipedProcess::Direction::kReadOutput));
  Timeout limited = timeout;
  limited.deadline = std::min(timeout.deadline, absl::Now() + source.max_duration);
  Follower follower(visitor);
  DumpReader reader(follower);
  absl::Status dumped = Pump(
      process,
      [&](absl::string_view bytes) -> absl::Status {
        CROFT_RETURN_IF_ERROR(reader.Append(bytes));
        return sink(bytes);
      },
      limited);
  if (dumped.ok()) {
    const absl::StatusOr<CommandResult> result = FinishInTime(process, limited);
    dumped = result.ok() ? DumpError(*result, follower) : result.status();
    if (dumped.ok()) dumped = reader.Finish();
  } else {
    process.Kill();
  }
  if (absl::IsDeadlineExceeded(dumped) && CheckTimeout(timeout).ok()) return TooOld(source.max_duration);
  return dumped;
}

std::map<std::string, std::string> PinnedSettings(int server_version) {
  std::map<std::string, std::string> settings = {
      {"statement_timeout", "0"},
      {"lock_timeout", "0"},
      {"idle_in_transaction_session_timeout", "0"},
      {"idle_session_timeout", "0"},
      {"default_transaction_read_only", "off"},
      {"default_transaction_isolation", "read committed"},
      {"client_encoding", "UTF8"},
      {"DateStyle", "ISO, YMD"},
      {"IntervalStyle", "postgres"},
      {"TimeZone", "UTC"},
      {"bytea_output", "hex"},
      {"lc_monetary", "C"},
      {"xmlbinary", "base64"},
      {"xmloption", "content"},
      {"extra_float_digits", "3"},
      {"row_security", "off"},
      // pg_dump's queries take less time than compiling them does.
      {"jit", "off"},
      {"search_path", "pg_catalog"}};
  if (server_version >= kWithTransactionTimeout) settings.emplace("transaction_timeout", "0");
  return settings;
}

}  // namespace croft::agent
