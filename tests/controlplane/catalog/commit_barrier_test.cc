#include "controlplane/catalog/commit_barrier.h"

#include <atomic>
#include <thread>

#include <absl/time/clock.h>
#include <gtest/gtest.h>

#include "tests/fakes/memory_catalog.h"

namespace croft::catalog {
namespace {

class CommitBarrierTest : public ::testing::Test {
 protected:
  domain::Revision Commit() {
    const auto transaction = *catalog_.Begin();
    transaction->Apply(PutUser{{.id = "ann"}});
    return *transaction->Commit();
  }
  // Begins to wait, on a thread that ends with this object.
  void AwaitBeside() {
    waiter_ = std::thread([this] {
      barrier_.Await();
      passed_ = true;
    });
  }
  // Whether it is past the barrier within a moment.
  bool Passes() {
    for (int i = 0; i < 100 && !passed_; ++i) absl::SleepFor(absl::Milliseconds(1));
    return passed_;
  }
  ~CommitBarrierTest() override {
    if (waiter_.joinable()) waiter_.join();
  }

  MemoryCatalog catalog_;
  CommitBarrier barrier_{catalog_};
  std::atomic<bool> passed_ = false;
  std::thread waiter_;
};

TEST_F(CommitBarrierTest, IsOpenWhileNothingCommits) {
  barrier_.Await();
  barrier_.Begin();
  barrier_.End(Commit());
  barrier_.Await();
}

TEST_F(CommitBarrierTest, HoldsWhatCanBeReadUntilListenersKnowIt) {
  barrier_.Begin();
  const domain::Revision revision = Commit();
  AwaitBeside();
  EXPECT_FALSE(Passes());
  barrier_.End(revision);
  waiter_.join();
  EXPECT_TRUE(passed_);
}

TEST_F(CommitBarrierTest, WaitsForNoCommitThatCannotBeReadYet) {
  barrier_.Begin();
  barrier_.Await();
  barrier_.End(Commit());
  barrier_.Await();
}

}  // namespace
}  // namespace croft::catalog
