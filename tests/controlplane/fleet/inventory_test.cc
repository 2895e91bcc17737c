#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/controlplane/fleet/fleet_under_test.h"

namespace croft::fleet {
namespace {

using testing::ElementsAre;

// What AskInventory was told, when it is.
class Recorder {
 public:
  InventoryCallback Receiver() {
    return [this](absl::StatusOr<domain::Inventory> answer) {
      const MutexLock lock(mutex_);
      EXPECT_FALSE(answer_.has_value()) << "told twice";
      answer_ = std::move(answer);
      changed_.NotifyAll();
    };
  }
  absl::StatusOr<domain::Inventory> Await() {
    const MutexLock lock(mutex_);
    while (!answer_) changed_.Wait(mutex_);
    return *answer_;
  }
  bool has_come() {
    const MutexLock lock(mutex_);
    return answer_.has_value();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<absl::StatusOr<domain::Inventory>> answer_ ABSL_GUARDED_BY(mutex_);
};

class InventoryTest : public ::testing::Test {
 protected:
  void Open(AgentSession& agent, std::vector<std::string> kinds = {"inventory"}) {
    agent.Hello(std::move(kinds));
    EXPECT_TRUE(agent.Next().has_welcome());
  }
  static v1::ConnectRequest Part(const v1::Task& task, const std::string& database) {
    v1::ConnectRequest message;
    v1::Inventory& part = *message.mutable_inventory();
    *part.mutable_fencing() = task.fencing();
    part.add_databases()->set_name(database);
    return message;
  }

  FleetUnderTest fleet_;
};

TEST_F(InventoryTest, PartsAreToldAsOneWhenTheResultHasCome) {
  AgentSession agent(fleet_, fleet_.Join("h1"));
  Open(agent);
  Recorder told;
  fleet_.fleet().AskInventory("h1", {.stores = {"store-1"}, .manifests = true}, told.Receiver());
  const v1::Task task = agent.NextTask();
  EXPECT_THAT(task.inventory().stores(), ElementsAre("store-1"));
  EXPECT_TRUE(task.inventory().manifests());
  agent.Send(Part(task, "t_one"));
  agent.Send(Part(task, "t_two"));
  agent.Done(task);
  const auto inventory = told.Await();
  ASSERT_TRUE(inventory.ok()) << inventory.status();
  EXPECT_EQ(inventory->host, "h1");
  ASSERT_EQ(inventory->databases.size(), 2u);
  EXPECT_EQ(inventory->databases[0].name, "t_one");
  EXPECT_EQ(inventory->databases[1].name, "t_two");
}

TEST_F(InventoryTest, WhatLiesInStoresIsHandedOverPartByPartToWhoeverWantsItSo) {
  AgentSession agent(fleet_, fleet_.Join("h1"));
  Open(agent);
  Recorder told;
  std::vector<std::string> handed_over;  // read when the inventory has come, after which nothing is added
  const StoredCallback on_stored = [&handed_over](const std::vector<domain::FoundBackup>& backups,
                                                  const std::vector<domain::FoundKey>& keys) {
    for (const domain::FoundBackup& backup : backups) handed_over.push_back(backup.id);
    for (const domain::FoundKey& key : keys) handed_over.push_back(key.uid);
    handed_over.emplace_back("end of a part");
  };
  fleet_.fleet().AskInventory("h1", {.stores = {"store-1"}, .on_stored = on_stored}, told.Receiver());
  const v1::Task task = agent.NextTask();
  agent.Send(Part(task, "t_one"));
  v1::ConnectRequest first = Part(task, "t_two");
  first.mutable_inventory()->add_backups()->set_backup("backup-1");
  agent.Send(first);
  v1::ConnectRequest second = Part(task, "t_three");
  second.mutable_inventory()->add_backups()->set_backup("backup-2");
  second.mutable_inventory()->add_keys()->set_uid("uid-2");
  agent.Send(second);
  agent.Done(task);
  const auto inventory = told.Await();
  ASSERT_TRUE(inventory.ok()) << inventory.status();
  EXPECT_THAT(handed_over, ElementsAre("backup-1", "end of a part", "backup-2", "uid-2", "end of a part"));
  EXPECT_EQ(inventory->databases.size(), 3u);
  EXPECT_TRUE(inventory->backups.empty());
  EXPECT_TRUE(inventory->keys.empty());
}

TEST_F(InventoryTest, TwoAsksDoNotMix) {
  AgentSession agent(fleet_, fleet_.Join("h1"));
  Open(agent);
  Recorder first, second;
  fleet_.fleet().AskInventory("h1", {}, first.Receiver());
  fleet_.fleet().AskInventory("h1", {}, second.Receiver());
  const v1::Task one = agent.NextTask();
  const v1::Task two = agent.NextTask();
  EXPECT_NE(one.fencing().operation(), two.fencing().operation());
  agent.Send(Part(two, "t_two"));
  agent.Send(Part(one, "t_one"));
  agent.Done(two);
  EXPECT_EQ(second.Await()->databases.at(0).name, "t_two");
  EXPECT_FALSE(first.has_come());
  agent.Done(one);
  EXPECT_EQ(first.Await()->databases.at(0).name, "t_one");
}

TEST_F(InventoryTest, TheAgentsErrorIsTold) {
  AgentSession agent(fleet_, fleet_.Join("h1"));
  Open(agent);
  Recorder told;
  fleet_.fleet().AskInventory("h1", {}, told.Receiver());
  v1::ConnectRequest message;
  *message.mutable_result()->mutable_fencing() = agent.NextTask().fencing();
  message.mutable_result()->mutable_error()->set_reason("POSTGRES_UNAVAILABLE");
  message.mutable_result()->mutable_error()->set_message("it is down");
  agent.Send(message);
  const auto answer = told.Await();
  EXPECT_EQ(answer.status().message(), "it is down");
  EXPECT_EQ(DetailsOf(answer.status()).reason, "POSTGRES_UNAVAILABLE");
}

TEST_F(InventoryTest, AHostThatIsAwayIsToldAtOnce) {
  Recorder told;
  fleet_.fleet().AskInventory("h1", {}, told.Receiver());
  EXPECT_EQ(DetailsOf(told.Await().status()).reason, "HOST_UNREACHABLE");
}

TEST_F(InventoryTest, AnAgentThatDoesNotKnowTheTaskIsToldAtOnce) {
  AgentSession agent(fleet_, fleet_.Join("h1"));
  Open(agent, {"create"});
  Recorder told;
  fleet_.fleet().AskInventory("h1", {}, told.Receiver());
  EXPECT_TRUE(absl::IsUnimplemented(told.Await().status()));
}

TEST_F(InventoryTest, TheEndOfTheSessionEndsTheAsk) {
  Recorder told;
  {
    AgentSession agent(fleet_, fleet_.Join("h1"));
    Open(agent);
    fleet_.fleet().AskInventory("h1", {}, told.Receiver());
    (void)agent.NextTask();
  }
  EXPECT_EQ(DetailsOf(told.Await().status()).reason, "HOST_UNREACHABLE");
}

TEST_F(InventoryTest, ANewerSessionEndsTheAskOfTheOlder) {
  const Identity identity = fleet_.Join("h1");
  AgentSession first(fleet_, identity);
  Open(first);
  Recorder told;
  fleet_.fleet().AskInventory("h1", {}, told.Receiver());
  (void)first.NextTask();
  AgentSession second(fleet_, identity);
  Open(second);
  EXPECT_EQ(DetailsOf(told.Await().status()).reason, "HOST_UNREACHABLE");
}

TEST_F(InventoryTest, AnotherHostCannotAnswerForIt) {
  AgentSession h1(fleet_, fleet_.Join("h1"));
  Open(h1);
  AgentSession h2(fleet_, fleet_.Join("h2"));
  Open(h2);
  Recorder told, other;
  fleet_.fleet().AskInventory("h1", {}, told.Receiver());
  const v1::Task task = h1.NextTask();
  h2.Send(Part(task, "t_forged"));
  h2.Done(task);
  // What h2 sent has been read when its own answer is there.
  fleet_.fleet().AskInventory("h2", {}, other.Receiver());
  h2.Done(h2.NextTask());
  EXPECT_TRUE(other.Await().ok());
  EXPECT_FALSE(told.has_come());
  h1.Done(task);
  EXPECT_TRUE(told.Await()->databases.empty());
}

}  // namespace
}  // namespace croft::fleet
