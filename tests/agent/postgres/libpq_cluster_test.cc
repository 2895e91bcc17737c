#include "tests/agent/support/postgres_fixture.h"
#include "tests/contract/cluster_contract.h"

namespace croft::agent {
namespace {

class RealSession final : public ClientSession {
 public:
  explicit RealSession(Connection connection) : connection_(std::move(connection)) {}
  bool IsAlive() override { return connection_.Execute("SELECT 1").ok(); }

 private:
  Connection connection_;
};

class RealCluster final : public ClusterUnderTest {
 public:
  explicit RealCluster(Cluster& cluster) : cluster_(cluster) {}
  Cluster& cluster() override { return cluster_; }
  absl::StatusOr<std::unique_ptr<ClientSession>> LogIn(const std::string& database, const std::string& user,
                                                       const std::string& password) override {
    CROFT_ASSIGN_OR_RETURN(Connection connection, TestPostgres::Shared().Login(database, user, password));
    return std::make_unique<RealSession>(std::move(connection));
  }
  void EndAgentSessions() override {
    EXPECT_TRUE(TestPostgres::Shared()
                    .Admin()
                    .Execute("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
                             "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
                    .ok());
  }

 private:
  Cluster& cluster_;
};

INSTANTIATE_TEST_SUITE_P(AsSuperuser, ClusterContract, ::testing::Values([] {
                           return std::make_unique<RealCluster>(TestPostgres::Shared().cluster());
                         }),
                         [](const auto&) { return std::string("Libpq"); });

INSTANTIATE_TEST_SUITE_P(AsRestrictedRole, ClusterContract, ::testing::Values([] {
                           return std::make_unique<RealCluster>(
                               TestPostgres::Shared().restricted_cluster());
                         }),
                         [](const auto&) { return std::string("Libpq"); });

}  // namespace
}  // namespace croft::agent
