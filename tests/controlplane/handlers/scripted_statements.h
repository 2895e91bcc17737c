#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/sync.h"
#include "controlplane/domain/errors.h"
#include "controlplane/fleet/statement_questions.h"

namespace croft::handlers {

// Agents that answer for statements with what a test has laid out, at once, or not at all.
class ScriptedStatements final : public fleet::StatementSource {
 public:
  struct Asked {
    std::string host;
    std::string database;
    int32_t limit = 0;
  };

  void Lay(absl::StatusOr<std::vector<v1::StatementUsage>> answer) {
    const MutexLock lock(mutex_);
    answer_ = std::move(answer);
  }
  // Answers nothing from now on.
  void Mute() {
    const MutexLock lock(mutex_);
    mute_ = true;
  }
  std::vector<Asked> asked() {
    const MutexLock lock(mutex_);
    return asked_;
  }

  void AskStatements(const std::string& host, const std::string& database, int32_t limit,
                     fleet::StatementsCallback told) override {
    absl::StatusOr<std::vector<v1::StatementUsage>> answer;
    {
      const MutexLock lock(mutex_);
      asked_.push_back({.host = host, .database = database, .limit = limit});
      if (mute_) {
        waiting_.push_back(std::move(told));
        return;
      }
      answer = answer_;
    }
    told(std::move(answer));
  }

 private:
  Mutex mutex_;
  bool mute_ ABSL_GUARDED_BY(mutex_) = false;
  absl::StatusOr<std::vector<v1::StatementUsage>> answer_ ABSL_GUARDED_BY(mutex_) =
      domain::HostUnreachable("h1");
  std::vector<fleet::StatementsCallback> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<Asked> asked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::handlers
