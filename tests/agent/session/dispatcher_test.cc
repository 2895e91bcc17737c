#include "agent/session/dispatcher.h"

#include <atomic>
#include <memory>
#include <thread>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/journal/journal.h"
#include "common/errors.h"
#include "tests/agent/session/gate.h"
#include "tests/agent/session/temporary_directory.h"

namespace croft::agent {
namespace {

Task Create(const std::string& uid, Fencing fencing) {
  return {.fencing = std::move(fencing),
          .tenant = {.uid = uid, .generation = 1, .database = "t_x_g1", .owner_role = "t_x"},
          .work = CreateWork{}};
}

Fencing At(int64_t epoch, int64_t order, const std::string& operation = "op-1", int32_t step = 0,
           int32_t attempt = 1) {
  return {.epoch = epoch, .order = order, .operation = operation, .step = step, .attempt = attempt};
}

// Tasks that run as long as the test says.
class DispatcherTest : public testing::Test {
 protected:
  struct Running {
    Fencing fencing;
  };

  void SetUp() override {
    OpenAgain();
    Start();
  }
  void TearDown() override { dispatcher_.reset(); }

  void OpenAgain() {
    journal_.reset();
    auto journal = OpenJournal(directory_.path() + "/journal.db", clock_);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
  }

  void Start(PoolSizes sizes = {}) {
    dispatcher_.reset();
    dispatcher_ = std::make_unique<Dispatcher>(
        [this](const Task& task, TaskContext& context) { return Run(task, context); }, *journal_, clock_,
        Dispatcher::Events{.send = [this](v1::ConnectRequest message) { sent_.Put(std::move(message)); },
                           .fatal = [this](const absl::Status& status) { fatal_.Put(status); }},
        sizes);
  }

  absl::StatusOr<Outcome> Run(const Task& task, TaskContext& context) {
    ++runs_;
    if (!hold_) return Done{"done"};
    started_.Put({task.fencing});
    while (!release_all_) {
      if (const absl::Status go = context.KeepGoing(); !go.ok()) return go;
      std::this_thread::yield();
    }
    return Done{"done"};
  }

  v1::TaskResult NextResult() {
    for (;;) {
      const std::optional<v1::ConnectRequest> message = sent_.Take();
      EXPECT_TRUE(message) << "no result came";
      if (!message) return {};
      if (message->has_result()) return message->result();
    }
  }

  TemporaryDirectory directory_;
  SystemClock clock_;
  std::unique_ptr<Journal> journal_;
  Mailbox<v1::ConnectRequest> sent_;
  Mailbox<absl::Status> fatal_;
  Mailbox<Running> started_;
  std::atomic<int> runs_{0};
  std::atomic<bool> hold_{false};
  std::atomic<bool> release_all_{false};
  std::unique_ptr<Dispatcher> dispatcher_;
};

TEST_F(DispatcherTest, TaskRunsAndItsResultIsSent) {
  dispatcher_->Submit(Create("u1", At(1, 1)));
  const v1::TaskResult result = NextResult();
  EXPECT_EQ(result.done().message(), "done");
  EXPECT_EQ(result.fencing().operation(), "op-1");
}

TEST_F(DispatcherTest, RepeatIsAnsweredFromTheRecord) {
  dispatcher_->Submit(Create("u1", At(1, 1)));
  NextResult();
  dispatcher_->Submit(Create("u1", At(1, 1)));
  EXPECT_EQ(NextResult().done().message(), "done");
  EXPECT_EQ(runs_, 1);
}

TEST_F(DispatcherTest, RepeatAfterARestartIsAnsweredFromTheRecord) {
  dispatcher_->Submit(Create("u1", At(1, 1)));
  NextResult();
  dispatcher_.reset();
  OpenAgain();
  Start();
  dispatcher_->Submit(Create("u1", At(1, 1)));
  EXPECT_EQ(NextResult().done().message(), "done");
  EXPECT_EQ(runs_, 1);
}

TEST_F(DispatcherTest, RepeatOfARunningTaskIsAttachedUnderItsNewEpoch) {
  hold_ = true;
  dispatcher_->Submit(Create("u1", At(1, 1)));
  ASSERT_TRUE(started_.Take());
  dispatcher_->Submit(Create("u1", At(2, 1)));
  release_all_ = true;
  EXPECT_EQ(NextResult().fencing().epoch(), 2);
  dispatcher_->Stop();
  EXPECT_EQ(runs_, 1);
  EXPECT_TRUE(sent_.empty());
}

TEST_F(DispatcherTest, StaleCommandIsRefusedAndNotRun) {
  dispatcher_->Submit(Create("u1", At(1, 5, "op-5")));
  NextResult();
  dispatcher_->Submit(Create("u1", At(1, 4, "op-4")));
  const v1::TaskResult result = NextResult();
  EXPECT_EQ(result.error().reason(), "STALE_COMMAND");
  EXPECT_FALSE(result.error().retryable());
  EXPECT_EQ(runs_, 1);
}

TEST_F(DispatcherTest, HigherOrderStopsTheLowerTaskFirst) {
  hold_ = true;
  dispatcher_->Submit(Create("u1", At(1, 4, "op-4")));
  ASSERT_TRUE(started_.Take());
  dispatcher_->Submit(Create("u1", At(1, 5, "op-5")));
  const v1::TaskResult stopped = NextResult();
  EXPECT_EQ(stopped.fencing().operation(), "op-4");
  EXPECT_EQ(stopped.error().reason(), "CANCELLED");
  ASSERT_TRUE(started_.Take());
  release_all_ = true;
  EXPECT_EQ(NextResult().fencing().operation(), "op-5");
}

TEST_F(DispatcherTest, NewAttemptStopsTheFormerAndRunsAnew) {
  hold_ = true;
  dispatcher_->Submit(Create("u1", At(1, 4, "op-4", 0, 1)));
  ASSERT_TRUE(started_.Take());
  dispatcher_->Submit(Create("u1", At(1, 4, "op-4", 0, 2)));
  EXPECT_EQ(NextResult().error().reason(), "CANCELLED");
  release_all_ = true;
  const v1::TaskResult result = NextResult();
  EXPECT_EQ(result.fencing().attempt(), 2);
  EXPECT_TRUE(result.has_done());
}

TEST_F(DispatcherTest, CancelledTaskReportsSo) {
  hold_ = true;
  dispatcher_->Submit(Create("u1", At(1, 4)));
  ASSERT_TRUE(started_.Take());
  dispatcher_->Cancel(At(1, 4));
  EXPECT_EQ(NextResult().error().reason(), "CANCELLED");
}

TEST_F(DispatcherTest, TaskPastItsDeadlineFailsAndMayBeTriedAgain) {
  Task task = Create("u1", At(1, 4));
  task.deadline = absl::Now() - absl::Seconds(1);
  dispatcher_->Submit(task);
  const v1::TaskResult result = NextResult();
  EXPECT_EQ(result.error().reason(), "DEADLINE_EXCEEDED");
  EXPECT_TRUE(result.error().retryable());
  EXPECT_EQ(runs_, 0);
}

TEST_F(DispatcherTest, TasksOfOneTenantRunInOrderAndOthersBesides) {
  hold_ = true;
  dispatcher_->Submit(Create("u1", At(1, 1, "op-a", 0)));
  dispatcher_->Submit(Create("u1", At(1, 1, "op-a", 1)));
  dispatcher_->Submit(Create("u2", At(1, 1, "op-b", 0)));
  const auto first = started_.Take();
  const auto second = started_.Take();
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->fencing.operation, second->fencing.operation);
  EXPECT_TRUE(started_.empty());
  release_all_ = true;
  const auto third = started_.Take();
  ASSERT_TRUE(third);
  EXPECT_EQ(third->fencing.step, 1);
}

TEST_F(DispatcherTest, BackupsNeverKeepACreateWaiting) {
  Start({.quick = 1, .bulk = 1});
  hold_ = true;
  for (int i = 0; i < 5; ++i) {
    Task task = Create(absl::StrCat("u", i), At(1, 1, absl::StrCat("op-backup", i)));
    task.work = BackUpWork{};
    dispatcher_->Submit(task);
  }
  ASSERT_TRUE(started_.Take());
  dispatcher_->Submit(Create("u9", At(1, 1, "op-create")));
  const auto create = started_.Take();
  ASSERT_TRUE(create);
  EXPECT_EQ(create->fencing.operation, "op-create");
  release_all_ = true;
}

TEST_F(DispatcherTest, ACancelledBackupDoesNotWaitForAThreadNorHoldItsTenant) {
  Start({.quick = 1, .bulk = 1});
  hold_ = true;
  Task busy = Create("u1", At(1, 1, "op-busy"));
  busy.work = BackUpWork{};
  dispatcher_->Submit(busy);
  ASSERT_TRUE(started_.Take());
  for (const bool by_request : {true, false}) {
    const std::string uid = by_request ? "u2" : "u3";
    const std::string first = "op-waiting-" + uid;
    const std::string second = "op-next-" + uid;
    Task waiting = Create(uid, At(1, 1, first));
    waiting.work = BackUpWork{};
    dispatcher_->Submit(waiting);
    if (by_request) dispatcher_->Cancel(At(1, 1, first));
    dispatcher_->Submit(Create(uid, At(1, 2, second)));
    const v1::TaskResult cancelled = NextResult();
    EXPECT_EQ(cancelled.fencing().operation(), first);
    EXPECT_EQ(cancelled.error().reason(), "CANCELLED");
    const auto next = started_.Take();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->fencing.operation, second);
    dispatcher_->Cancel(At(1, 2, second));
    EXPECT_EQ(NextResult().fencing().operation(), second);
  }
  EXPECT_EQ(runs_, 3);
  release_all_ = true;
}

TEST_F(DispatcherTest, UnreportedResultsStayUntilSettled) {
  dispatcher_->Submit(Create("u1", At(1, 1)));
  NextResult();
  ASSERT_EQ(dispatcher_->Unreported()->size(), 1u);
  EXPECT_EQ(dispatcher_->Unreported()->front().result().done().message(), "done");
  dispatcher_->Settle(At(1, 1));
  EXPECT_TRUE(dispatcher_->Unreported()->empty());
}

TEST_F(DispatcherTest, TaskCutByAStopHasNoOutcomeAndRunsAnew) {
  hold_ = true;
  dispatcher_->Submit(Create("u1", At(1, 1)));
  ASSERT_TRUE(started_.Take());
  dispatcher_->Stop();
  EXPECT_TRUE(dispatcher_->Unreported()->empty());
  EXPECT_TRUE(sent_.empty());
  hold_ = false;
  Start();
  dispatcher_->Submit(Create("u1", At(1, 1)));
  EXPECT_TRUE(NextResult().has_done());
  EXPECT_EQ(runs_, 2);
}

TEST_F(DispatcherTest, InventoryIsTakenAnewEachTime) {
  Task task{.fencing = At(1, 0, "op-inventory"), .work = InventoryWork{}};
  std::atomic<int> taken{0};
  Dispatcher dispatcher(
      [&](const Task&, TaskContext& context) {
        ++taken;
        context.HandOver({.backups = {{.uid = "u1"}}});
        return InventoryTaken{.databases = {{.name = "t_x_g1"}}};
      },
      *journal_, clock_,
      {.send = [this](v1::ConnectRequest message) { sent_.Put(std::move(message)); },
       .send_part = [this](v1::ConnectRequest message) { sent_.Put(std::move(message)); }});
  for (int i = 1; i <= 2; ++i) {
    dispatcher.Submit(task);
    const auto part = sent_.Take();
    ASSERT_TRUE(part && part->has_inventory());
    EXPECT_EQ(part->inventory().backups(0).uid(), "u1");
    EXPECT_EQ(part->inventory().fencing().operation(), "op-inventory");
    const auto inventory = sent_.Take();
    ASSERT_TRUE(inventory && inventory->has_inventory());
    EXPECT_EQ(inventory->inventory().databases(0).name(), "t_x_g1");
    EXPECT_TRUE(NextResult().has_done());
    EXPECT_EQ(taken, i);
  }
}

// A journal whose disk has failed.
class BrokenJournal final : public Journal {
 public:
  int64_t HighestEpoch() const override { return 0; }
  absl::Status RaiseEpoch(int64_t) override { return Broken(); }
  absl::StatusOr<std::optional<std::string>> Accept(const TaskKey&, const Position&,
                                                    absl::string_view) override {
    return Broken();
  }
  absl::Status Finish(const TaskKey&, absl::string_view) override { return Broken(); }
  absl::Status Settle(const TaskKey&) override { return Broken(); }
  absl::StatusOr<std::map<std::string, Position>> Positions() const override { return Broken(); }
  absl::StatusOr<std::vector<JournalEntry>> Unsettled() const override { return Broken(); }

 private:
  static absl::Status Broken() { return absl::InternalError("fsync failed"); }
};

TEST_F(DispatcherTest, NothingIsRunWhenTheJournalFails) {
  BrokenJournal broken;
  Dispatcher dispatcher([this](const Task& task, TaskContext& context) { return Run(task, context); },
                        broken, clock_,
                        {.send = [this](v1::ConnectRequest message) { sent_.Put(std::move(message)); },
                         .fatal = [this](const absl::Status& status) { fatal_.Put(status); }});
  dispatcher.Submit(Create("u1", At(1, 1)));
  ASSERT_TRUE(fatal_.Take());
  EXPECT_EQ(runs_, 0);
  EXPECT_TRUE(sent_.empty());
}

}  // namespace
}  // namespace croft::agent
