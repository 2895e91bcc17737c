#include "agent/journal/journal.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "common/errors.h"
#include "tests/common/sqlite/raw_file.h"

namespace croft::agent {
namespace {

namespace fs = std::filesystem;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;

class SettableClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
};

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    std::string pattern = (fs::temp_directory_path() / "croft-journal-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~JournalTest() override {
    journal_.reset();
    fs::remove_all(directory_);
  }
  void SetUp() override { Reopen(); }

  std::string Path() const { return directory_ + "/journal.db"; }

  void Reopen() {
    journal_.reset();
    auto journal = OpenJournal(Path(), clock_);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
  }

  // Runs `work` on the journal in a process of its own that is killed right after.
  template <typename Work>
  void RunAndKill(Work work) {
    journal_.reset();
    const pid_t child = fork();
    if (child == 0) {
      auto journal = OpenJournal(Path(), clock_);
      if (!journal.ok() || !work(**journal)) _exit(1);
      kill(getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the work failed";
    Reopen();
  }

  std::string directory_;
  SettableClock clock_;
  std::unique_ptr<Journal> journal_;
};

std::string ReasonOf(const absl::Status& status) { return DetailsOf(status).reason; }

TEST_F(JournalTest, NewTaskIsToBeRun) {
  const auto outcome = journal_->Accept({"op-1", 0, 1}, {5, 1}, "u1");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(*outcome, Eq(std::nullopt));
}

TEST_F(JournalTest, RepeatOfAFinishedTaskGetsItsOutcome) {
  ASSERT_TRUE(journal_->Accept({"op-1", 0, 1}, {5, 1}, "u1").ok());
  ASSERT_TRUE(journal_->Finish({"op-1", 0, 1}, std::string("done\0bytes", 10)).ok());
  EXPECT_THAT(*journal_->Accept({"op-1", 0, 1}, {5, 1}, "u1"), Optional(std::string("done\0bytes", 10)));
}

TEST_F(JournalTest, RepeatOfACutTaskIsToBeRunAgain) {
  ASSERT_TRUE(journal_->Accept({"op-1", 0, 1}, {5, 1}, "u1").ok());
  Reopen();
  EXPECT_THAT(*journal_->Accept({"op-1", 0, 1}, {5, 1}, "u1"), Eq(std::nullopt));
}

TEST_F(JournalTest, NewAttemptIsToBeRunThoughTheFormerFinished) {
  ASSERT_TRUE(journal_->Accept({"op-1", 0, 1}, {5, 1}, "u1").ok());
  ASSERT_TRUE(journal_->Finish({"op-1", 0, 1}, "failed").ok());
  EXPECT_THAT(*journal_->Accept({"op-1", 0, 2}, {5, 1}, "u1"), Eq(std::nullopt));
  EXPECT_THAT(*journal_->Accept({"op-1", 1, 1}, {5, 1}, "u1"), Eq(std::nullopt));
  EXPECT_THAT(*journal_->Accept({"op-2", 0, 1}, {5, 1}, "u1"), Eq(std::nullopt));
}

TEST_F(JournalTest, LowerOrderOfATenantIsStale) {
  ASSERT_TRUE(journal_->Accept({"op-2", 0, 1}, {5, 7}, "u1").ok());
  EXPECT_EQ(ReasonOf(journal_->Accept({"op-1", 0, 1}, {5, 6}, "u1").status()), "STALE_COMMAND");
  EXPECT_TRUE(journal_->Accept({"op-1", 0, 1}, {5, 6}, "u2").ok());
}

TEST_F(JournalTest, FinishedTaskUnderALowerOrderIsStaleToo) {
  ASSERT_TRUE(journal_->Accept({"op-1", 0, 1}, {5, 6}, "u1").ok());
  ASSERT_TRUE(journal_->Finish({"op-1", 0, 1}, "done").ok());
  ASSERT_TRUE(journal_->Accept({"op-2", 0, 1}, {5, 7}, "u1").ok());
  EXPECT_EQ(ReasonOf(journal_->Accept({"op-1", 0, 1}, {5, 6}, "u1").status()), "STALE_COMMAND");
}

TEST_F(JournalTest, LowerEpochIsStaleWhateverItsOrder) {
  ASSERT_TRUE(journal_->Accept({"op-2", 0, 1}, {5, 1}, "u1").ok());
  EXPECT_EQ(ReasonOf(journal_->Accept({"op-1", 0, 1}, {4, 900}, "u1").status()), "STALE_COMMAND");
  EXPECT_EQ(ReasonOf(journal_->Accept({"op-1", 0, 1}, {4, 900}, "unheard-of").status()), "STALE_COMMAND");
}

TEST_F(JournalTest, HigherEpochBeginsWithAnyOrder) {
  ASSERT_TRUE(journal_->Accept({"op-1", 0, 1}, {5, 900}, "u1").ok());
  EXPECT_TRUE(journal_->Accept({"op-2", 0, 1}, {6, 1}, "u1").ok());
  EXPECT_EQ(journal_->HighestEpoch(), 6);
  EXPECT_EQ(ReasonOf(journal_->Accept({"op-3", 0, 1}, {5, 901}, "u1").status()), "STALE_COMMAND");
}

TEST_F(JournalTest, StaleCommandChangesNothing) {
  ASSERT_TRUE(journal_->Accept({"op-2", 0, 1}, {5, 7}, "u1").ok());
  EXPECT_FALSE(journal_->Accept({"op-1", 0, 1}, {5, 6}, "u1").ok());
  Reopen();
  EXPECT_THAT(*journal_->Accept({"op-1", 0, 1}, {5, 7}, "u1"), Eq(std::nullopt));
}

TEST_F(JournalTest, EpochNeverGoesBack) {
  ASSERT_TRUE(journal_->RaiseEpoch(1'700'000'000).ok());
  EXPECT_TRUE(journal_->RaiseEpoch(1'700'000'000).ok());
  EXPECT_EQ(ReasonOf(journal_->RaiseEpoch(1'699'999'999)), "STALE_EPOCH");
  Reopen();
  EXPECT_EQ(journal_->HighestEpoch(), 1'700'000'000);
  EXPECT_EQ(ReasonOf(journal_->RaiseEpoch(3)), "STALE_EPOCH");
}

TEST_F(JournalTest, UnsettledOutcomesComeInOrderUntilSettled) {
  for (int i = 0; i < 3; ++i) {
    const TaskKey key{absl::StrCat("op-", i), i, 1};
    ASSERT_TRUE(journal_->Accept(key, {5, 1}, "u1").ok());
    ASSERT_TRUE(journal_->Finish(key, absl::StrCat("outcome ", i)).ok());
  }
  ASSERT_TRUE(journal_->Settle({"op-1", 1, 1}).ok());
  Reopen();
  const auto unsettled = journal_->Unsettled();
  ASSERT_TRUE(unsettled.ok()) << unsettled.status();
  ASSERT_EQ(unsettled->size(), 2u);
  EXPECT_EQ((*unsettled)[0].key, (TaskKey{"op-0", 0, 1}));
  EXPECT_EQ((*unsettled)[0].outcome, "outcome 0");
  EXPECT_EQ((*unsettled)[1].outcome, "outcome 2");
}

TEST_F(JournalTest, SettledOutcomeStillAnswersARepeat) {
  ASSERT_TRUE(journal_->Accept({"op-1", 0, 1}, {5, 1}, "u1").ok());
  ASSERT_TRUE(journal_->Finish({"op-1", 0, 1}, "done").ok());
  ASSERT_TRUE(journal_->Settle({"op-1", 0, 1}).ok());
  EXPECT_THAT(*journal_->Accept({"op-1", 0, 1}, {5, 1}, "u1"), Optional(Eq("done")));
}

TEST_F(JournalTest, StaysSmallOverManyTasks) {
  for (int i = 0; i < 2000; ++i) {
    const TaskKey key{absl::StrCat("op-", i), 0, 1};
    ASSERT_TRUE(journal_->Accept(key, {5, i}, "u1").ok());
    ASSERT_TRUE(journal_->Finish(key, std::string(1000, 'x')).ok());
    ASSERT_TRUE(journal_->Settle(key).ok());
    clock_.now += absl::Hours(1);
  }
  Reopen();
  EXPECT_LT(fs::file_size(Path()), size_t{500'000});
  EXPECT_EQ(ReasonOf(journal_->Accept({"op-0", 0, 1}, {5, 0}, "u1").status()), "STALE_COMMAND");
}

TEST_F(JournalTest, WhatWasAnsweredSurvivesAKill) {
  RunAndKill([](Journal& journal) { return journal.Accept({"op-2", 0, 1}, {5, 7}, "u1").ok(); });
  EXPECT_EQ(journal_->HighestEpoch(), 5);
  EXPECT_EQ(ReasonOf(journal_->Accept({"op-1", 0, 1}, {5, 6}, "u1").status()), "STALE_COMMAND");
  RunAndKill([](Journal& journal) { return journal.Finish({"op-2", 0, 1}, "done").ok(); });
  EXPECT_THAT(*journal_->Accept({"op-2", 0, 1}, {5, 7}, "u1"), Optional(Eq("done")));
  RunAndKill([](Journal& journal) { return journal.RaiseEpoch(9).ok(); });
  EXPECT_EQ(journal_->HighestEpoch(), 9);
}

TEST_F(JournalTest, ManyThreadsLoseNothing) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 25; ++i) {
        const TaskKey key{absl::StrCat("op-", t), i, 1};
        EXPECT_TRUE(journal_->Accept(key, {5, i}, absl::StrCat("u", t)).ok());
        EXPECT_TRUE(journal_->Finish(key, "done").ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(journal_->Unsettled()->size(), 100u);
}

TEST_F(JournalTest, DamagedFileIsRefusedWithASentence) {
  journal_.reset();
  std::ofstream(Path(), std::ios::trunc | std::ios::binary) << std::string(8192, 'z');
  const auto journal = OpenJournal(Path(), clock_);
  EXPECT_THAT(std::string(journal.status().message()), HasSubstr(Path()));
  EXPECT_THAT(std::string(journal.status().message()), Not(HasSubstr("zzz")));
}

TEST_F(JournalTest, JournalOfANewerVersionIsRefusedUntouched) {
  journal_.reset();
  RawFile(Path()).Run("PRAGMA user_version = 999");
  const auto contents = [this] {
    std::ostringstream text;
    text << std::ifstream(Path(), std::ios::binary).rdbuf();
    return text.str();
  };
  const std::string before = contents();
  const auto journal = OpenJournal(Path(), clock_);
  EXPECT_EQ(ReasonOf(journal.status()), "DATABASE_NEWER");
  EXPECT_THAT(std::string(journal.status().message()), HasSubstr("has schema 999"));
  EXPECT_EQ(contents(), before);
}

}  // namespace
}  // namespace croft::agent
