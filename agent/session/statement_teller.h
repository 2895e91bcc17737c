#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "agent/postgres/statement_reader.h"
#include "agent/postgres/timeout.h"
#include "common/sync.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {

// What is answered to `query`. Pure.
[[nodiscard]] v1::StatementsReport ToProto(const v1::StatementsQuery& query,
                                           const absl::StatusOr<std::vector<StatementUse>>& found);

// Answers which statements took the most time, one question after the other: however many ask, the server is asked by
// one session. Thread-safe.
class StatementTeller {
 public:
  static constexpr int32_t kMostStatements = 20;
  // That wait; another one is refused.
  static constexpr size_t kMostWaiting = 8;
  static constexpr absl::Duration kReadTime = absl::Seconds(15);

  // See StatementReader.
  using Read = std::function<absl::StatusOr<std::vector<StatementUse>>(const std::string& database,
                                                                       int32_t limit, const Timeout&)>;
  using Send = std::function<void(v1::StatementsReport)>;

  // `send` is called on any thread.
  StatementTeller(Read read, Send send);
  // Stops.
  ~StatementTeller();

  // Does not wait.
  void Ask(const v1::StatementsQuery& query);
  void Stop();

 private:
  void Run();
  absl::Status StillWanted() const;

  const Read read_;
  const Send send_;

  mutable Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<v1::StatementsQuery> waiting_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace croft::agent
