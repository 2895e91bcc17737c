#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/sync.h"
#include "croft/v1/agent.pb.h"
#include "croft/v1/statement.pb.h"

// Which statements took the most time, as agents answer it.
namespace croft::fleet {

// At most kMostStatements, the one that took the most time first.
using StatementsCallback = std::function<void(absl::StatusOr<std::vector<v1::StatementUsage>>)>;
inline constexpr int32_t kMostStatements = 20;

// Who can be asked for statements.
class StatementSource {
 public:
  virtual ~StatementSource() = default;
  // Asks the agent of `host` for the statements of `database` and calls `told` once, on any thread: UNAVAILABLE,
  // HOST_UNREACHABLE, when it is away or goes before it has answered, UNIMPLEMENTED when it is too old,
  // DEADLINE_EXCEEDED when it is silent, RESOURCE_EXHAUSTED when too many ask; or the agent's own error. Does not wait.
  virtual void AskStatements(const std::string& host, const std::string& database, int32_t limit,
                             StatementsCallback told) = 0;
};

// An agent's answer, whatever it holds, as what may be shown: bounded, without negative numbers. Pure.
[[nodiscard]] absl::StatusOr<std::vector<v1::StatementUsage>> ReadStatements(
    const v1::StatementsReport& report);

// Questions that are on their way. Thread-safe; callbacks are called without a lock.
class StatementQuestions {
 public:
  static constexpr size_t kMost = 64;
  static constexpr absl::Duration kTime = absl::Seconds(30);

  // The id of a new question at `now`; when there are kMost, `told` hears so and the answer is 0.
  int64_t Begin(const std::string& host, absl::Time now, StatementsCallback told);
  void OnReport(const std::string& host, const v1::StatementsReport& report);
  // What the host was asked will not be answered.
  void Fail(const std::string& host, const absl::Status& why);
  // Ends those that have waited for kTime.
  void Expire(absl::Time now);

 private:
  struct Pending {
    std::string host;
    absl::Time begun;
    StatementsCallback told;
  };
  void End(const std::function<bool(const Pending&)>& which, const absl::Status& why);

  Mutex mutex_;
  int64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, Pending> pending_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::fleet
