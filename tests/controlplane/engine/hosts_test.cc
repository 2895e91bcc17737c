// Hosts join, renew their certificates and are removed.

#include <gtest/gtest.h>

#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

class Hosts : public ::testing::Test {
 protected:
  Hosts() { world.Join("h1"); }

  World world;
};

TEST_F(Hosts, HostsInUseAreNotRemoved) {
  world.Begin(NewTenant("acme"));
  world.Settle();
  EXPECT_EQ(world.Refusal(RemoveHost{.host = "h1"}), "HOST_IN_USE");
  world.Join("h2");
  ASSERT_TRUE(world.Call(RemoveHost{.host = "h2"}).ok());
  EXPECT_FALSE(world.catalog().GetHost("h2")->has_value());
  EXPECT_EQ(world.ended_sessions.back().host, "h2");
}

TEST_F(Hosts, JoinTokensWorkOnceAndNotForLong) {
  ASSERT_TRUE(world
                  .Call(CreateJoinToken{
                      .host = "h3", .secret_hash = "s", .expire_time = world.now + absl::Minutes(15)})
                  .ok());
  EXPECT_EQ(world.Refusal(JoinHost{.host = "h3", .secret_hash = "other", .fingerprint = "f"}),
            "JOIN_TOKEN_INVALID");
  ASSERT_TRUE(world.Call(JoinHost{.host = "h3", .secret_hash = "s", .fingerprint = "f"}).ok());
  EXPECT_EQ(world.Refusal(JoinHost{.host = "h3", .secret_hash = "s", .fingerprint = "g"}),
            "JOIN_TOKEN_INVALID");
  ASSERT_TRUE(world
                  .Call(CreateJoinToken{
                      .host = "h3", .secret_hash = "t", .expire_time = world.now + absl::Minutes(15)})
                  .ok());
  world.Pass(absl::Minutes(16));
  EXPECT_EQ(world.Refusal(JoinHost{.host = "h3", .secret_hash = "t", .fingerprint = "g"}),
            "JOIN_TOKEN_INVALID");
}

TEST_F(Hosts, ARenewedCertificateDoesNotLockTheOldOneOutAtOnce) {
  ASSERT_TRUE(world.Call(RenewHost{"h1", "f-h1", "f2"}).ok());
  ASSERT_TRUE(world.Call(RenewHost{"h1", "f-h1", "f3"}).ok()) << "the answer that carried f2 was lost";
  EXPECT_EQ(world.Refusal(RenewHost{"h1", "f2", "f4"}), "CERTIFICATE_NOT_CURRENT");
}

}  // namespace
}  // namespace croft::engine
