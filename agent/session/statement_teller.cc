// Answers which statements took the most time, on a thread of its own.

#include "agent/session/statement_teller.h"

#include <algorithm>
#include <utility>

#include <absl/time/clock.h>

#include "agent/postgres/sql_error.h"
#include "common/errors.h"
#include "common/utf8.h"

namespace croft::agent {
namespace {

constexpr int64_t kMicrosecondsASecond = 1'000'000;

void Write(int64_t microseconds, google::protobuf::Duration& into) {
  into.set_seconds(microseconds / kMicrosecondsASecond);
  into.set_nanos(static_cast<int32_t>(microseconds % kMicrosecondsASecond * 1000));
}

void Write(const StatementUse& use, v1::StatementUsage& into) {
  into.set_text(use.statement.text);
  into.set_text_cut(use.statement.cut);
  into.set_calls(use.calls);
  Write(use.total_microseconds, *into.mutable_total_time());
  Write(use.longest_microseconds, *into.mutable_longest_time());
  into.set_rows(use.rows);
  into.set_blocks_read(use.blocks_read);
  into.set_blocks_hit(use.blocks_hit);
  into.set_temporary_bytes(use.temporary_bytes);
}

absl::Status Busy() {
  return MakeError(absl::StatusCode::kResourceExhausted, "too many ask this host for statements at a time",
                   {.reason = "STATEMENTS_BUSY"});
}

}  // namespace

v1::StatementsReport ToProto(const v1::StatementsQuery& query,
                             const absl::StatusOr<std::vector<StatementUse>>& found) {
  v1::StatementsReport report;
  report.set_id(query.id());
  if (!found.ok()) {
    const std::string reason = DetailsOf(found.status()).reason;
    report.mutable_error()->set_reason(reason.empty() ? "STATEMENTS_UNREADABLE" : reason);
    report.mutable_error()->set_message(Presentable(found.status().message(), kMostMessageBytes));
    return report;
  }
  for (const StatementUse& use : *found) Write(use, *report.add_statements());
  return report;
}

StatementTeller::StatementTeller(Read read, Send send)
    : read_(std::move(read)), send_(std::move(send)), thread_([this] { Run(); }) {}

StatementTeller::~StatementTeller() { Stop(); }

void StatementTeller::Ask(const v1::StatementsQuery& query) {
  {
    const MutexLock lock(mutex_);
    if (waiting_.size() < kMostWaiting) {
      waiting_.push_back(query);
      wake_.NotifyAll();
      return;
    }
  }
  send_(ToProto(query, Busy()));
}

void StatementTeller::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status StatementTeller::StillWanted() const {
  const MutexLock lock(mutex_);
  return stopping_ ? absl::CancelledError("the agent ends") : absl::OkStatus();
}

void StatementTeller::Run() {
  for (;;) {
    v1::StatementsQuery query;
    {
      const MutexLock lock(mutex_);
      while (!stopping_ && waiting_.empty()) wake_.Wait(mutex_);
      if (stopping_) return;
      query = std::move(waiting_.front());
      waiting_.pop_front();
    }
    const int32_t limit = std::clamp(query.limit(), 1, kMostStatements);
    const Timeout timeout{.deadline = absl::Now() + kReadTime,
                          .keep_going = [this] { return StillWanted(); }};
    send_(ToProto(query, read_(query.database(), limit, timeout)));
  }
}

}  // namespace croft::agent
