// Sends archives to agents as they take them.

#include "controlplane/fleet/uploads.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <variant>

#include <absl/time/clock.h>

#include "common/errors.h"
#include "common/utf8.h"
#include "controlplane/fleet/messages.h"

namespace croft::fleet {
namespace {

// What is granted beyond this is a mistake of the agent's.
constexpr int64_t kMostGranted = 1024;
constexpr size_t kLongestMessage = 4096;

absl::Status StillWaits() {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   "the backup store has not taken the upload so far yet",
                   {.reason = "UPLOAD_WAITS", .retry_delay = absl::Milliseconds(100)});
}

absl::Status ReadUploadError(const v1::UploadState& state) {
  const std::string reason = Presentable(state.error_reason(), 64);
  const std::string message = Presentable(state.error_message(), kLongestMessage);
  if (reason == "UPLOAD_BUSY") {
    return MakeError(absl::StatusCode::kResourceExhausted, message,
                     {.reason = reason, .retry_delay = absl::Seconds(10)});
  }
  if (reason == "BUNDLE_DAMAGED")
    return MakeError(absl::StatusCode::kDataLoss, message, {.reason = reason});
  // UNAVAILABLE would have clients try the same call again.
  return MakeError(absl::StatusCode::kFailedPrecondition, message, {.reason = reason});
}

// As of a backup that a task has made.
absl::StatusOr<engine::BackedUp> ReadStored(const std::string& host, const v1::UploadStored& told) {
  v1::TaskResult result;
  v1::BackUpDone& done = *result.mutable_backed_up();
  done.set_size_bytes(told.size_bytes());
  done.set_sha256(told.sha256());
  done.set_table_count(told.table_count());
  done.set_row_count(told.row_count());
  *done.mutable_findings() = told.findings();
  done.set_finding_count(told.findings_size());
  engine::TaskReport report = ReadResult(host, result);
  auto* stored = std::get_if<engine::BackedUp>(&report.outcome);
  if (stored == nullptr)
    return MakeError(absl::StatusCode::kInternal, "the host's agent sent what it was not asked for",
                     {.reason = "UPLOAD_MALFORMED"});
  return std::move(*stored);
}

}  // namespace

// What the agent says of one upload. Thread-safe.
class Uploads::Entry {
 public:
  explicit Entry(std::string host) : host_(std::move(host)) {}

  const std::string& host() const { return host_; }

  void Take(const v1::UploadState& state) {
    const MutexLock lock(mutex_);
    if (!end_.ok()) return;
    if (!state.error_reason().empty()) {
      end_ = ReadUploadError(state);
    } else if (state.has_stored()) {
      absl::StatusOr<engine::BackedUp> stored = ReadStored(host_, state.stored());
      end_ = stored.status();
      if (stored.ok()) stored_ = *std::move(stored);
    } else {
      granted_ = std::clamp<int64_t>(granted_ + state.parts(), 0, kMostGranted);
    }
    changed_.NotifyAll();
  }

  void End(const absl::Status& why) {
    const MutexLock lock(mutex_);
    if (end_.ok()) end_ = why;
    changed_.NotifyAll();
  }

  absl::Status status() const {
    const MutexLock lock(mutex_);
    return end_;
  }

  // Takes one of what was granted.
  absl::Status AwaitGrant(absl::Duration longest) {
    const absl::Time until = absl::Now() + longest;
    const MutexLock lock(mutex_);
    while (end_.ok() && granted_ == 0 && absl::Now() < until)
      changed_.WaitFor(mutex_, until - absl::Now() + absl::Milliseconds(1));
    if (!end_.ok()) return end_;
    if (granted_ == 0) return StillWaits();
    --granted_;
    return absl::OkStatus();
  }

  absl::StatusOr<engine::BackedUp> AwaitStored(absl::Duration longest) {
    const absl::Time until = absl::Now() + longest;
    const MutexLock lock(mutex_);
    while (end_.ok() && !stored_ && absl::Now() < until)
      changed_.WaitFor(mutex_, until - absl::Now() + absl::Milliseconds(1));
    if (!end_.ok()) return end_;
    if (!stored_) return StillWaits();
    return *stored_;
  }

 private:
  const std::string host_;
  mutable Mutex mutex_;
  CondVar changed_;
  int64_t granted_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<engine::BackedUp> stored_ ABSL_GUARDED_BY(mutex_);
  absl::Status end_ ABSL_GUARDED_BY(mutex_);
};

class Uploads::Stream final : public UploadStream {
 public:
  Stream(Uploads& uploads, int64_t id, std::shared_ptr<Entry> entry)
      : uploads_(uploads), id_(id), entry_(std::move(entry)) {}

  ~Stream() override {
    uploads_.Remove(id_);
    if (kept_ || !entry_->status().ok()) return;
    v1::ConnectResponse message = Message();
    message.mutable_upload()->set_stop(true);
    uploads_.send_(entry_->host(), message);
  }

  absl::Status Append(const std::string& data, absl::Duration longest) override {
    CROFT_RETURN_IF_ERROR(entry_->AwaitGrant(longest));
    v1::ConnectResponse message = Message();
    message.mutable_upload()->set_data(data);
    uploads_.send_(entry_->host(), message);
    return absl::OkStatus();
  }

  absl::StatusOr<engine::BackedUp> Finish(absl::Duration longest) override {
    if (!ended_.exchange(true)) {
      v1::ConnectResponse message = Message();
      message.mutable_upload()->set_end(true);
      uploads_.send_(entry_->host(), message);
    }
    return entry_->AwaitStored(longest);
  }

  void Keep() override {
    kept_ = true;
    v1::ConnectResponse message = Message();
    message.mutable_upload()->set_keep(true);
    uploads_.send_(entry_->host(), message);
  }

  absl::Status status() const override { return entry_->status(); }

 private:
  v1::ConnectResponse Message() const {
    v1::ConnectResponse message;
    message.mutable_upload()->set_id(id_);
    return message;
  }

  Uploads& uploads_;
  const int64_t id_;
  const std::shared_ptr<Entry> entry_;
  std::atomic<bool> ended_ = false;
  std::atomic<bool> kept_ = false;
};

std::unique_ptr<UploadStream> Uploads::Begin(const std::string& host, const v1::UploadBegin& begin) {
  const auto entry = std::make_shared<Entry>(host);
  int64_t id = 0;
  {
    const MutexLock lock(mutex_);
    id = ++last_;
    entries_.emplace(id, entry);
  }
  auto stream = std::make_unique<Stream>(*this, id, entry);
  v1::ConnectResponse message;
  message.mutable_upload()->set_id(id);
  *message.mutable_upload()->mutable_begin() = begin;
  send_(host, message);
  return stream;
}

void Uploads::OnState(const std::string& host, const v1::UploadState& state) {
  std::shared_ptr<Entry> entry;
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(state.id());
    if (found == entries_.end() || found->second->host() != host) return;
    entry = found->second;
  }
  entry->Take(state);
}

void Uploads::Fail(const std::string& host, const absl::Status& why) {
  const MutexLock lock(mutex_);
  for (const auto& [id, entry] : entries_) {
    if (entry->host() == host) entry->End(why);
  }
}

void Uploads::Remove(int64_t id) {
  const MutexLock lock(mutex_);
  entries_.erase(id);
}

}  // namespace croft::fleet
