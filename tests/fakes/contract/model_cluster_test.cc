#include "tests/fakes/model_cluster.h"

#include "tests/contract/cluster_contract.h"

namespace croft::agent {
namespace {

class ModelClient final : public ClientSession {
 public:
  ModelClient(ModelServer& server, int64_t id) : server_(server), id_(id) {}
  ~ModelClient() override { server_.Disconnect(id_); }
  bool IsAlive() override { return server_.IsOpen(id_); }

 private:
  ModelServer& server_;
  const int64_t id_;
};

class ModelUnderTest final : public ClusterUnderTest {
 public:
  Cluster& cluster() override { return cluster_; }
  absl::StatusOr<std::unique_ptr<ClientSession>> LogIn(const std::string& database, const std::string& user,
                                                       const std::string& password) override {
    CROFT_ASSIGN_OR_RETURN(const int64_t id, server_.Connect(database, user, password));
    return std::make_unique<ModelClient>(server_, id);
  }
  void EndAgentSessions() override { server_.EndAgentSessions(); }

 private:
  ModelServer server_{"7000000000000000001"};
  ModelTraffic traffic_;
  ModelCluster cluster_{server_, traffic_};
};

INSTANTIATE_TEST_SUITE_P(Model, ClusterContract,
                         testing::Values([] { return std::make_unique<ModelUnderTest>(); }));

// ---- What a real server shows when something is cut, told to the model.

class CutModel : public testing::Test, protected ModelTraffic {
 protected:
  CutModel() {
    auto session = Begin();
    EXPECT_TRUE(session->CreateDatabase("t_x_g1", "").ok());
  }
  std::unique_ptr<ClusterSession> Begin() {
    return *cluster_.Begin("u1", LockMode::kExclusive, {.deadline = absl::Now() + absl::Seconds(5)});
  }
  bool CutsDrop() override { return cuts_drop_; }
  absl::Status OnCall(absl::string_view call) override {
    return lose_creates_ && call == "CreateDatabase" ? absl::UnavailableError("lost") : absl::OkStatus();
  }
  absl::Status OnAnswer(absl::string_view) override {
    return lose_answers_ ? absl::UnavailableError("lost") : absl::OkStatus();
  }
  bool GoesOn(absl::string_view) override { return true; }
  absl::Status TryToBegin() {
    return cluster_.Begin("u1", LockMode::kExclusive, {.deadline = absl::Now()}).status();
  }

  bool cuts_drop_ = false;
  bool lose_creates_ = false;
  bool lose_answers_ = false;
  ModelServer server_{"1"};
  ModelCluster cluster_{server_, *this};
};

TEST_F(CutModel, ADropCutInTheMiddleLeavesWhatOnlyAnotherDropCanEnd) {
  cuts_drop_ = true;
  EXPECT_TRUE(absl::IsUnavailable(Begin()->DropDatabase("t_x_g1")));
  auto session = Begin();
  EXPECT_TRUE((*session->ObserveDatabase("t_x_g1"))->invalid);
  EXPECT_TRUE(absl::IsFailedPrecondition(session->Apply({AllowConnections{"t_x_g1", true}})));
  EXPECT_TRUE(session->DropDatabase("t_x_g1").ok());
  EXPECT_FALSE(session->ObserveDatabase("t_x_g1")->has_value());
}

TEST_F(CutModel, AnAnswerThatIsLostHadItsEffect) {
  auto session = Begin();
  lose_answers_ = true;
  EXPECT_TRUE(absl::IsUnavailable(session->CreateDatabase("t_y_g1", "")));
  EXPECT_TRUE(server_.Database("t_y_g1").has_value());
}

TEST_F(CutModel, ACrashTakesBackWhatWasToBeDurableWithTheNextChange) {
  {
    auto session = Begin();
    EXPECT_TRUE(session->Apply({CreateRole{{.name = "t_x"}}}, Durability::kNow).ok());
    EXPECT_TRUE(session->Apply({CreateRole{{.name = "t_y"}}}, Durability::kWithNext).ok());
    server_.Crash();
    server_.Start();
    EXPECT_TRUE(absl::IsUnavailable(session->ObserveRoles({"t_x"}, "").status()))
        << "its connection is gone";
  }
  EXPECT_EQ(Begin()->ObserveRoles({"t_x", "t_y"}, "")->size(), 1u);
}

TEST_F(CutModel, WhoeverMakesADatabaseAloneKeepsTheTenantsLock) {
  {
    auto session = Begin();
    lose_creates_ = true;
    EXPECT_TRUE(absl::IsUnavailable(session->CreateDatabase("t_x_g2", "")));
    EXPECT_FALSE(TryToBegin().ok());
  }
  EXPECT_FALSE(TryToBegin().ok());
  server_.FinishCreate("t_x_g2");
  EXPECT_TRUE((*Begin()->ObserveDatabase("t_x_g2")).has_value());
}

TEST_F(CutModel, ACrashEndsWhoeverMakesADatabaseAlone) {
  lose_creates_ = true;
  EXPECT_TRUE(absl::IsUnavailable(Begin()->CreateDatabase("t_x_g2", "")));
  server_.Crash();
  server_.Start();
  EXPECT_TRUE(TryToBegin().ok());
  server_.FinishCreate("t_x_g2");
  EXPECT_FALSE((*Begin()->ObserveDatabase("t_x_g2")).has_value());
}

TEST_F(CutModel, ALostCallTakesItsSessionAndItsLockAlong) {
  auto session = Begin();
  lose_answers_ = true;
  EXPECT_TRUE(absl::IsUnavailable(session->ObserveDatabase("t_x_g1").status()));
  lose_answers_ = false;
  EXPECT_TRUE(absl::IsUnavailable(session->ObserveDatabase("t_x_g1").status()));
  EXPECT_TRUE(TryToBegin().ok()) << "although the lost session's object is still there";
}

}  // namespace
}  // namespace croft::agent
