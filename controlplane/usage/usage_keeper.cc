// Takes in what agents tell of usage, and answers from it.

#include "controlplane/usage/usage_keeper.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <sys/statvfs.h>

#include "common/errors.h"
#include "common/log.h"

namespace croft::usage {
namespace {

namespace fs = std::filesystem;

constexpr size_t kReportsACommit = 5'000;
constexpr int64_t kRowsACommit = 20'000;
constexpr absl::Duration kPruneInterval = absl::Minutes(10);

absl::Status Unavailable() {
  return MakeError(absl::StatusCode::kUnavailable,
                   "what tenants use cannot be read now; the log of the control plane says why",
                   {.reason = "USAGE_UNAVAILABLE", .retry_delay = absl::Seconds(30)});
}

// Whether the file itself is at fault, so that another one is begun.
bool IsUnusable(const absl::Status& status) {
  const std::string reason = DetailsOf(status).reason;
  return reason == "DATABASE_CORRUPT" || reason == "DATABASE_FOREIGN" || reason == "DATABASE_NEWER";
}

}  // namespace

UsageKeeper::UsageKeeper(std::string path, const Clock& clock)
    : UsageKeeper(std::move(path), clock, Limits()) {}

UsageKeeper::UsageKeeper(std::string path, const Clock& clock, Limits limits)
    : path_(std::move(path)), clock_(clock), limits_(limits) {}

UsageKeeper::~UsageKeeper() { Stop(); }

void UsageKeeper::Start() {
  thread_ = std::thread([this] { Run(); });
}

void UsageKeeper::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void UsageKeeper::Note(const std::string& host, std::vector<Report> reports) {
  if (reports.empty()) return;
  bool first_dropped = false;
  {
    const MutexLock lock(mutex_);
    if (stopping_) return;
    const bool drop = waiting_ + reports.size() > limits_.most_waiting;
    first_dropped = drop && !dropping_;
    dropping_ = drop;
    if (!drop) {
      waiting_ += reports.size();
      queue_.push_back({host, clock_.Now(), std::move(reports)});
    }
  }
  changed_.NotifyAll();
  if (first_dropped) log::Warning("usage reports arrive faster than they can be written; dropping some");
}

void UsageKeeper::Run() {
  NoteOutcome(OpenOrSetAside());
  while (const std::optional<std::vector<UsageWriter::HostReports>> batch = NextBatch()) {
    Write(*batch);
    const MutexLock lock(mutex_);
    if (!stopping_ && waiting_ < kReportsACommit) changed_.WaitFor(mutex_, limits_.pace);
  }
  Close();
}

std::optional<std::vector<UsageWriter::HostReports>> UsageKeeper::NextBatch() {
  const MutexLock lock(mutex_);
  while (queue_.empty() && !stopping_) changed_.WaitFor(mutex_, absl::Seconds(60));
  if (queue_.empty()) return std::nullopt;
  std::vector<UsageWriter::HostReports> batch;
  for (size_t reports = 0; !queue_.empty() && reports < kReportsACommit;) {
    reports += queue_.front().reports.size();
    waiting_ -= queue_.front().reports.size();
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return batch;
}

void UsageKeeper::Write(const std::vector<UsageWriter::HostReports>& batch) {
  const absl::Time now = absl::Now();
  if (now < try_again_) return;
  absl::Status status = TryToWrite(batch);
  if (IsUnusable(status)) {
    SetAside(status);
    status = TryToWrite(batch);
  }
  // Nothing is known of a file after a failed write, other than what opening it anew shows.
  if (!status.ok()) Close();
  NoteOutcome(status);
}

absl::Status UsageKeeper::TryToWrite(const std::vector<UsageWriter::HostReports>& batch) {
  CROFT_RETURN_IF_ERROR(CheckDisk());
  CROFT_RETURN_IF_ERROR(Open());
  CROFT_RETURN_IF_ERROR(writer_->Write(batch, !full_));
  return Prune();
}

absl::Status UsageKeeper::Open() {
  if (writer_) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(writer_, UsageWriter::Open(path_));
  const MutexLock lock(read_mutex_);
  CROFT_ASSIGN_OR_RETURN(reader_, UsageReader::Open(path_));
  return absl::OkStatus();
}

absl::Status UsageKeeper::OpenOrSetAside() {
  absl::Status status = Open();
  if (IsUnusable(status)) {
    SetAside(status);
    status = Open();
  }
  return status;
}

void UsageKeeper::Close() {
  {
    const MutexLock lock(read_mutex_);
    reader_.reset();
  }
  writer_.reset();
}

void UsageKeeper::SetAside(const absl::Status& why) {
  Close();
  const std::string aside = absl::StrCat(path_, ".set-aside");
  std::error_code error;
  fs::rename(path_, aside, error);
  for (const char* suffix : {"-wal", "-shm"}) {
    std::error_code ignored;
    fs::remove(absl::StrCat(path_, suffix), ignored);
  }
  log::Error("the history of usage was set aside, and a new one begins",
             {{"file", aside}, {"error", error ? error.message() : log::Text(why)}});
}

absl::Status UsageKeeper::CheckDisk() const {
  struct statvfs facts {};
  const std::string folder = fs::path(path_).parent_path().string();
  if (statvfs(folder.empty() ? "." : folder.c_str(), &facts) != 0) return absl::OkStatus();
  const int64_t free = static_cast<int64_t>(facts.f_bavail) * static_cast<int64_t>(facts.f_frsize);
  if (free >= limits_.least_free_bytes) return absl::OkStatus();
  return MakeError(absl::StatusCode::kResourceExhausted,
                   absl::StrCat("the disk of ", path_, " has only ", free,
                                " bytes left, which the catalog may need; free some space there"),
                   {.reason = "DISK_FULL", .metadata = {{"file", path_}}});
}

// In pieces, between which others get the processor and the disk.
absl::Status UsageKeeper::Prune() {
  const absl::Time now = clock_.Now();
  if (now - pruned_ < kPruneInterval && now >= pruned_) return absl::OkStatus();
  pruned_ = now;
  CROFT_ASSIGN_OR_RETURN(const int64_t gone, writer_->Prune(now - limits_.keep, kRowsACommit));
  CROFT_ASSIGN_OR_RETURN(const int64_t used, writer_->UsedBytes());
  full_ = used > limits_.most_bytes;
  if (full_) {
    CROFT_ASSIGN_OR_RETURN(const std::optional<absl::Time> oldest, writer_->OldestHour());
    // Databases stay: only their rows say what they use now.
    if (oldest && *oldest + absl::Hours(1) < now) {
      CROFT_RETURN_IF_ERROR(writer_->PruneHours(*oldest + absl::Hours(1), kRowsACommit));
      pruned_ = absl::InfinitePast();
    }
  }
  if (gone >= kRowsACommit) pruned_ = absl::InfinitePast();
  return absl::OkStatus();
}

void UsageKeeper::NoteOutcome(const absl::Status& status) {
  if (!status.ok()) try_again_ = absl::Now() + limits_.retry;
  if (!status.ok() && !failing_) {
    log::Error("what tenants use cannot be kept; it is tried again", {{"error", log::Text(status)}});
  }
  if (status.ok() && failing_) log::Info("what tenants use is kept again");
  failing_ = !status.ok();
}

template <typename Answer>
absl::StatusOr<Answer> UsageKeeper::Read(const std::function<absl::StatusOr<Answer>(UsageReader&)>& read) {
  const MutexLock lock(read_mutex_);
  if (!reader_) return Unavailable();
  absl::StatusOr<Answer> answer = read(*reader_);
  if (answer.ok()) return answer;
  log::Warning("what tenants use cannot be read", {{"error", log::Text(answer.status())}});
  return Unavailable();
}

absl::StatusOr<std::optional<Usage>> UsageKeeper::Find(const std::string& uid, const std::string& host) {
  return Read<std::optional<Usage>>([&](UsageReader& reader) { return reader.Find(uid, host); });
}

absl::StatusOr<std::vector<Hour>> UsageKeeper::Hours(int64_t id, absl::Time since) {
  // No farther back than anything is kept, so that a call costs as little as it can find.
  const absl::Time now = clock_.Now();
  const absl::Time from = std::max(since, now - limits_.keep);
  return Read<std::vector<Hour>>([&](UsageReader& reader) { return reader.Hours(id, from, now); });
}

absl::StatusOr<std::vector<Ranked>> UsageKeeper::List(Order order, const Position& after, int32_t limit) {
  return Read<std::vector<Ranked>>([&](UsageReader& reader) { return reader.List(order, after, limit); });
}

}  // namespace croft::usage
