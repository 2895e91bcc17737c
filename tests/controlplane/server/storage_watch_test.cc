#include "controlplane/server/storage_watch.h"

#include <map>
#include <utility>
#include <variant>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/contract/catalog_samples.h"
#include "tests/fakes/memory_catalog.h"

namespace croft::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class EventQueue final : public engine::EventQueue {
 public:
  absl::StatusOr<engine::Answer> Call(engine::Caller, engine::RequestBody) override {
    return absl::UnimplementedError("nobody asks");
  }
  void Post(engine::Event event) override {
    judged.push_back(std::get<engine::StorageMeasured>(std::move(event)).request);
  }
  std::vector<engine::JudgeStorage> judged;
};

class StorageWatchTest : public testing::Test {
 protected:
  void Put(const std::string& id, int64_t quota, domain::Storage storage = {},
           domain::TenantState state = domain::TenantState::kReady) {
    domain::Tenant tenant = catalog::SampleTenant(id);
    tenant.uid = absl::StrCat("uid-", id);
    tenant.state = state;
    tenant.placement = {"h1", absl::StrCat("db-", id), 1};
    tenant.quota.storage_bytes = quota;
    tenant.storage = storage;
    const auto transaction = *catalog_.Begin();
    transaction->Apply(catalog::PutTenant{std::move(tenant)});
    ASSERT_TRUE(transaction->Commit().ok());
  }
  void Measured(const std::string& id, int64_t bytes, int64_t generation = 1) {
    sizes_[{absl::StrCat("uid-", id), "h1"}] = StorageWatch::Size{generation, bytes};
  }
  std::vector<std::string> Look() {
    queue_.judged.clear();
    EXPECT_TRUE(watch_.LookOnce().ok());
    std::vector<std::string> ids;
    for (const engine::JudgeStorage& judged : queue_.judged) ids.push_back(judged.tenant);
    return ids;
  }

  catalog::MemoryCatalog catalog_;
  std::map<std::pair<std::string, std::string>, absl::StatusOr<std::optional<StorageWatch::Size>>> sizes_;
  EventQueue queue_;
  SystemRandom random_;
  SystemClock clock_;
  StorageWatch watch_{catalog_,
                      [this](const std::string& uid, const std::string& host) {
                        const auto found = sizes_.find({uid, host});
                        return found == sizes_.end() ? std::optional<StorageWatch::Size>() : found->second;
                      },
                      queue_,
                      random_,
                      clock_,
                      absl::Milliseconds(1)};
};

TEST_F(StorageWatchTest, OnlyWhatCallsForAJudgementIsTold) {
  Put("large", 1000);
  Put("small", 1000);
  Put("unlimited", 0);
  Put("unmeasured", 1000);
  for (const char* id : {"large", "unlimited"}) Measured(id, 1000);
  Measured("small", 10);
  EXPECT_THAT(Look(), ElementsAre("large"));
  const engine::JudgeStorage& judged = queue_.judged.front();
  EXPECT_EQ(judged.generation, 1);
  EXPECT_EQ(judged.size_bytes, 1000);
  EXPECT_THAT(judged.operation, testing::StartsWith("op-"));
}

TEST_F(StorageWatchTest, WhatWasNotDoneIsToldAgain) {
  Put("acme", 1000);
  Measured("acme", 1000);
  EXPECT_THAT(Look(), ElementsAre("acme"));
  const std::string first = queue_.judged.front().operation;
  EXPECT_THAT(Look(), ElementsAre("acme"));
  EXPECT_NE(queue_.judged.front().operation, first);
}

TEST_F(StorageWatchTest, AClosedTenantWithoutAQuotaIsOpenedWhateverIsKnownOfItsSize) {
  Put("acme", 0, {.level = domain::StorageLevel::kNormal, .closed = true});
  EXPECT_THAT(Look(), ElementsAre("acme"));
}

TEST_F(StorageWatchTest, TheSizeOfAnEarlierDatabaseIsNotHeldAgainstTheTenant) {
  Put("acme", 1000);
  Measured("acme", 1000, /*generation=*/2);
  EXPECT_THAT(Look(), IsEmpty());
}

TEST_F(StorageWatchTest, TenantsThatAreNotOpenAreLeftAlone) {
  for (const auto state :
       {domain::TenantState::kCreating, domain::TenantState::kSuspended, domain::TenantState::kRetired}) {
    Put("acme", 1000, {}, state);
    Measured("acme", 1000);
    EXPECT_THAT(Look(), IsEmpty()) << NameOf(state);
  }
}

TEST_F(StorageWatchTest, ManyAreLookedAtPageByPage) {
  for (int i = 0; i < 600; ++i) {
    Put(absl::StrCat("t", i), 1000);
    Measured(absl::StrCat("t", i), 1000);
  }
  EXPECT_THAT(Look(), SizeIs(600));
}

TEST_F(StorageWatchTest, SizesThatCannotBeReadEndTheLookAndNotTheThread) {
  Put("acme", 1000);
  sizes_[{"uid-acme", "h1"}] = absl::UnavailableError("no usage");
  EXPECT_EQ(watch_.LookOnce().status().code(), absl::StatusCode::kUnavailable);
  watch_.Start();
  absl::SleepFor(absl::Milliseconds(20));
  watch_.Stop();
  EXPECT_THAT(queue_.judged, IsEmpty());
}

}  // namespace
}  // namespace croft::server
