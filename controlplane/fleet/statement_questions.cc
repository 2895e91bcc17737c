// Keeps the questions for statements until their agents have answered.

#include "controlplane/fleet/statement_questions.h"

#include <algorithm>
#include <optional>

#include <absl/strings/string_view.h>

#include "common/errors.h"
#include "common/utf8.h"

namespace croft::fleet {
namespace {

constexpr size_t kLongestText = 500;
constexpr size_t kLongestMessage = 4096;
constexpr int64_t kMostSeconds = 100LL * 366 * 24 * 3600;

absl::Status Busy() {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   "too many ask for statements; ask again in a moment",
                   {.reason = "OVERLOADED", .retry_delay = absl::Seconds(1)});
}

absl::Status Silent() {
  return MakeError(absl::StatusCode::kDeadlineExceeded,
                   "the host's agent did not say in time what its server counts",
                   {.reason = "HOST_SILENT"});
}

absl::Status ReadError(const v1::TaskError& error) {
  const std::string message = Presentable(error.message(), kLongestMessage);
  const absl::string_view reason = error.reason();
  if (reason == "STATEMENTS_NOT_COUNTED" || reason == "STATEMENTS_DENIED") {
    return MakeError(absl::StatusCode::kFailedPrecondition, message, {.reason = error.reason()});
  }
  if (reason == "STATEMENTS_BUSY") return Busy();
  return MakeError(absl::StatusCode::kUnavailable, message, {.reason = "STATEMENTS_UNREADABLE"});
}

google::protobuf::Duration Bounded(const google::protobuf::Duration& time) {
  google::protobuf::Duration bounded;
  bounded.set_seconds(std::clamp<int64_t>(time.seconds(), 0, kMostSeconds));
  bounded.set_nanos(std::clamp(time.nanos(), 0, 999'999'999));
  return bounded;
}

v1::StatementUsage Bounded(const v1::StatementUsage& told) {
  v1::StatementUsage bounded;
  bounded.set_text(Presentable(told.text(), kLongestText));
  bounded.set_text_cut(told.text_cut() || told.text().size() > kLongestText);
  bounded.set_calls(std::max<int64_t>(told.calls(), 0));
  *bounded.mutable_total_time() = Bounded(told.total_time());
  *bounded.mutable_longest_time() = Bounded(told.longest_time());
  bounded.set_rows(std::max<int64_t>(told.rows(), 0));
  bounded.set_blocks_read(std::max<int64_t>(told.blocks_read(), 0));
  bounded.set_blocks_hit(std::max<int64_t>(told.blocks_hit(), 0));
  bounded.set_temporary_bytes(std::max<int64_t>(told.temporary_bytes(), 0));
  return bounded;
}

}  // namespace

absl::StatusOr<std::vector<v1::StatementUsage>> ReadStatements(const v1::StatementsReport& report) {
  if (report.has_error()) return ReadError(report.error());
  std::vector<v1::StatementUsage> read;
  for (const v1::StatementUsage& statement : report.statements()) {
    if (read.size() == static_cast<size_t>(kMostStatements)) break;
    read.push_back(Bounded(statement));
  }
  return read;
}

int64_t StatementQuestions::Begin(const std::string& host, absl::Time now, StatementsCallback told) {
  {
    const MutexLock lock(mutex_);
    if (pending_.size() < kMost) {
      pending_.emplace(++last_, Pending{.host = host, .begun = now, .told = std::move(told)});
      return last_;
    }
  }
  told(Busy());
  return 0;
}

void StatementQuestions::OnReport(const std::string& host, const v1::StatementsReport& report) {
  std::optional<Pending> ended;
  {
    const MutexLock lock(mutex_);
    const auto found = pending_.find(report.id());
    if (found == pending_.end() || found->second.host != host) return;
    ended = std::move(found->second);
    pending_.erase(found);
  }
  ended->told(ReadStatements(report));
}

void StatementQuestions::Fail(const std::string& host, const absl::Status& why) {
  End([&host](const Pending& pending) { return pending.host == host; }, why);
}

void StatementQuestions::Expire(absl::Time now) {
  End([now](const Pending& pending) { return now - pending.begun >= kTime; }, Silent());
}

void StatementQuestions::End(const std::function<bool(const Pending&)>& which, const absl::Status& why) {
  std::vector<StatementsCallback> ended;
  {
    const MutexLock lock(mutex_);
    for (auto it = pending_.begin(); it != pending_.end();) {
      if (!which(it->second)) {
        ++it;
        continue;
      }
      ended.push_back(std::move(it->second.told));
      it = pending_.erase(it);
    }
  }
  for (const StatementsCallback& told : ended) told(why);
}

}  // namespace croft::fleet
