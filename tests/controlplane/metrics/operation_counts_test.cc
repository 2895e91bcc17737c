#include "controlplane/metrics/operation_counts.h"

#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/metrics/support.h"
#include "tests/fakes/memory_catalog.h"

namespace croft::metrics {
namespace {

using domain::Operation;
using domain::OperationKind;
using domain::OperationState;
using domain::StepState;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class OperationCountsTest : public ::testing::Test {
 protected:
  // One step, in `state`.
  Operation Make(const std::string& id, OperationKind kind, StepState state) const {
    Operation operation{.id = id, .kind = kind, .tenant = "acme"};
    operation.create_time = operation.update_time = clock_.now;
    operation.deadline = clock_.now + absl::Hours(1);
    operation.version = 1;
    operation.steps.push_back({.host = "h1", .state = state});
    return operation;
  }
  void Put(const Operation& operation) { counts_.Apply({catalog::PutOperation{operation}}); }
  void End(Operation operation, OperationState state) {
    operation.state = state;
    operation.version += 1;
    operation.end_time = clock_.now;
    Put(operation);
  }

  SetClock clock_;
  OperationCounts counts_{clock_};
};

TEST_F(OperationCountsTest, AnOperationCountsAsRunningUntilItEndsAndThenOnceByItsOutcome) {
  const Operation operation = Make("op-1", OperationKind::kCreate, StepState::kDispatched);
  Put(operation);
  EXPECT_THAT(counts_.Read().running,
              ElementsAre(Pair(Pair(OperationKind::kCreate, OperationState::kRunning), 1)));
  EXPECT_EQ(counts_.Read().working, 1);

  clock_.now += absl::Seconds(3);
  End(operation, OperationState::kSucceeded);
  End(operation, OperationState::kSucceeded);  // put again, such as with a warning
  const OperationFigures read = counts_.Read();
  EXPECT_THAT(read.running, IsEmpty());
  EXPECT_THAT(read.ended, ElementsAre(Pair(Pair(OperationKind::kCreate, Outcome::kSucceeded), 1)));
  EXPECT_EQ(read.took.at(OperationKind::kCreate).count(), 1);
  EXPECT_EQ(read.took.at(OperationKind::kCreate).sum, absl::Seconds(3));
  EXPECT_EQ(read.working, 0);
}

TEST_F(OperationCountsTest, AnOperationThatBeginsAndEndsInOneCommitIsCounted) {
  Operation operation = Make("op-1", OperationKind::kConfigure, StepState::kDone);
  operation.state = OperationState::kSucceeded;
  operation.end_time = clock_.now;
  Put(operation);
  EXPECT_THAT(counts_.Read().ended,
              ElementsAre(Pair(Pair(OperationKind::kConfigure, Outcome::kSucceeded), 1)));
}

TEST_F(OperationCountsTest, AProofThatFindsABadBackupIsNotAFailedOne) {
  Operation proof = Make("op-1", OperationKind::kVerify, StepState::kDispatched);
  Put(proof);
  proof.error = domain::OperationError{absl::StatusCode::kDataLoss, "BACKUP_DAMAGED", "it is damaged"};
  End(proof, OperationState::kFailed);
  proof = Make("op-2", OperationKind::kVerify, StepState::kDispatched);
  Put(proof);
  proof.error =
      domain::OperationError{absl::StatusCode::kUnavailable, "STORE_UNREACHABLE", "it does not answer"};
  End(proof, OperationState::kFailed);
  EXPECT_THAT(counts_.Read().ended,
              ElementsAre(Pair(Pair(OperationKind::kVerify, Outcome::kFailed), 1),
                          Pair(Pair(OperationKind::kVerify, Outcome::kBadBackup), 1)));
}

TEST_F(OperationCountsTest, WhatWaitsForItsHostAges) {
  Put(Make("op-1", OperationKind::kBackUp, StepState::kPending));
  const absl::Time first = clock_.now;
  clock_.now += absl::Minutes(2);
  Operation again = Make("op-1", OperationKind::kBackUp, StepState::kPending);  // a retry, say
  Put(again);
  EXPECT_EQ(counts_.Read().waiting, 1);
  EXPECT_EQ(counts_.Read().waiting_since, first)
      << "a change that leaves it waiting does not make it young";

  again.steps[0].state = StepState::kDispatched;
  Put(again);
  EXPECT_EQ(counts_.Read().waiting, 0);
  EXPECT_EQ(counts_.Read().waiting_since, std::nullopt);
}

TEST_F(OperationCountsTest, WhatIsAppointedForLaterNeitherWaitsNorAges) {
  Operation operation = Make("op-1", OperationKind::kCleanUp, StepState::kPending);
  operation.steps[0].not_before = clock_.now + absl::Hours(24);
  Put(operation);
  EXPECT_EQ(counts_.Read().waiting, 0);
  EXPECT_EQ(counts_.Read().running_since, std::nullopt);

  clock_.now += absl::Hours(25);
  EXPECT_EQ(counts_.Read().waiting, 1);
  EXPECT_EQ(clock_.now - *counts_.Read().waiting_since, absl::Hours(1)) << "it counts from its time";
}

TEST_F(OperationCountsTest, ACampaignNeitherWaitsForAHostNorIsTheOldest) {
  Operation campaign = Make("op-1", OperationKind::kCampaign, StepState::kPending);
  campaign.tenant.clear();
  campaign.steps.clear();
  campaign.details = domain::CampaignDetails{.total = 10};
  Put(campaign);
  const OperationFigures read = counts_.Read();
  EXPECT_THAT(read.running, ElementsAre(Pair(Pair(OperationKind::kCampaign, OperationState::kRunning), 1)));
  EXPECT_EQ(read.waiting, 0);
  EXPECT_EQ(read.working, 0);
  EXPECT_EQ(read.running_since, std::nullopt);
}

TEST_F(OperationCountsTest, WhatRanWhenTheControlPlaneStartedIsLoaded) {
  catalog::MemoryCatalog catalog;
  std::vector<catalog::Change> changes;
  for (int i = 0; i < 2500; ++i) {
    changes.push_back(
        catalog::PutOperation{Make(absl::StrCat("op-", i), OperationKind::kBackUp, StepState::kPending)});
  }
  changes.push_back(catalog::PutOperation{Make("op-later", OperationKind::kCleanUp, StepState::kPending)});
  Operation ended = Make("op-ended", OperationKind::kCreate, StepState::kDone);
  ended.state = OperationState::kSucceeded;
  changes.push_back(catalog::PutOperation{ended});
  Commit(catalog, changes);
  ASSERT_TRUE(counts_.Load(catalog).ok());
  const OperationFigures read = counts_.Read();
  EXPECT_THAT(read.running, ElementsAre(Pair(Pair(OperationKind::kBackUp, OperationState::kRunning), 2500),
                                        Pair(Pair(OperationKind::kCleanUp, OperationState::kRunning), 1)));
  EXPECT_THAT(read.ended, IsEmpty()) << "what ended before this process began is not its to count";
}

}  // namespace
}  // namespace croft::metrics
