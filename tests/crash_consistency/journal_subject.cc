#include <functional>
#include <optional>

#include <absl/strings/str_cat.h>

#include "agent/journal/journal.h"
#include "common/clock.h"
#include "common/errors.h"
#include "tests/crash_consistency/subject.h"

namespace croft::power {
namespace {

using agent::Journal;
using agent::OpenJournal;
using agent::Position;
using agent::TaskKey;

class SetClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1795000000);
};

TaskKey Key(int task) { return {absl::StrCat("op-", task), 0, 1}; }

class JournalSubject final : public Subject {
 public:
  absl::Status Work(const std::string& path, RecordingVfs& recorder,
                    const std::function<absl::Status(int)>& committed) override {
    int number = 0;
    const auto commit = [&](const std::function<absl::Status(Journal&)>& change,
                            Journal& journal) -> absl::Status {
      recorder.Begin(++number);
      CROFT_RETURN_IF_ERROR(change(journal));
      recorder.Acknowledge(number);
      return committed(number);
    };
    // The agent is stopped and started again halfway.
    for (int half = 0; half < 2; ++half) {
      CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<Journal> journal, OpenJournal(path, clock_));
      if (half == 0) CROFT_RETURN_IF_ERROR(committed(0));
      CROFT_RETURN_IF_ERROR(commit([half](Journal& to) { return to.RaiseEpoch(half + 1); }, *journal));
      for (int task = half * kTasks; task < (half + 1) * kTasks; ++task) {
        // Old tasks leave in the end.
        clock_.now += absl::Minutes(20);
        const std::string uid = absl::StrCat("tenant-", task % 7);
        CROFT_RETURN_IF_ERROR(commit(
            [&](Journal& to) {
              return to.Accept(Key(task), Position{half + 1, task + 1}, uid).status();
            },
            *journal));
        const std::string outcome(task % 5 == 0 ? 9000 : 150, static_cast<char>('a' + task % 26));
        CROFT_RETURN_IF_ERROR(commit([&](Journal& to) { return to.Finish(Key(task), outcome); }, *journal));
        if (task % 3 == 0) continue;
        CROFT_RETURN_IF_ERROR(commit([&](Journal& to) { return to.Settle(Key(task)); }, *journal));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Reopen(const std::string& path, const std::function<absl::Status()>& look) override {
    CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<Journal> journal, OpenJournal(path, clock_));
    CROFT_RETURN_IF_ERROR(look());
    CROFT_RETURN_IF_ERROR(journal->Unsettled().status());
    CROFT_RETURN_IF_ERROR(journal->RaiseEpoch(100));
    CROFT_RETURN_IF_ERROR(journal->Accept(Key(-1), Position{100, 1}, "tenant-after").status());
    if (journal->Accept(Key(-2), Position{99, 1000}, "tenant-after").ok()) {
      return absl::InternalError("a command of an epoch that has ended is obeyed");
    }
    return journal->Finish(Key(-1), "done");
  }

 private:
  static constexpr int kTasks = 60;

  SetClock clock_;
};

}  // namespace

std::unique_ptr<Subject> MakeJournalSubject() { return std::make_unique<JournalSubject>(); }

}  // namespace croft::power
