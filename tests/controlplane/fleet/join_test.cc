#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/fleet/fleet_under_test.h"

namespace croft::fleet {
namespace {

using server::ReasonOf;
using ::testing::ElementsAre;

class JoinTest : public ::testing::Test {
 protected:
  v1::JoinRequest Request(const std::string& token) {
    v1::JoinRequest request;
    request.set_token(token);
    request.set_certificate_request(*crypto::NewCertificateRequest(key_, "hosts/other"));
    return request;
  }

  FleetUnderTest fleet_;
  const std::string key_ = crypto::NewPrivateKey();
};

TEST_F(JoinTest, TokenIsTradedForACertificateOfItsOwnHost) {
  v1::JoinResponse response;
  const grpc::Status status = fleet_.Join(Request(fleet_.JoinTokenFor("h1")), response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.host(), "hosts/h1");
  EXPECT_EQ(response.authority(), fleet_.plane().authority().certificate());
  EXPECT_TRUE(response.server_certificate().empty());
  EXPECT_TRUE(response.server_authority().empty());
  const auto facts = crypto::ReadCertificate(response.certificate_chain());
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(facts->common_name, "hosts/h1");
  EXPECT_EQ(fleet_.Host("h1").certificate_fingerprint, facts->fingerprint);
}

TEST_F(JoinTest, ManagedServerGetsTheNamesOfTheTokenWhateverItsRequestSays) {
  v1::JoinRequest request = Request(fleet_.JoinTokenFor("h1", {"db.example", "10.0.0.7"}));
  request.set_server_certificate_request(*crypto::NewCertificateRequest(key_, "evil.example"));
  request.set_knows_server_authority(true);
  v1::JoinResponse response;
  ASSERT_TRUE(fleet_.Join(request, response).ok());
  const auto facts = crypto::ReadCertificate(response.server_certificate());
  ASSERT_TRUE(facts.ok());
  EXPECT_THAT(facts->server_names, ElementsAre("db.example", "10.0.0.7"));
  EXPECT_TRUE(crypto::SignedBy(response.server_certificate(), response.server_authority()));
  EXPECT_FALSE(crypto::SignedBy(response.server_certificate(), response.authority()));
}

TEST_F(JoinTest, AnAgentThatKnowsOfOneAuthorityIsGivenBothAsOne) {
  v1::JoinRequest request = Request(fleet_.JoinTokenFor("h1", {"db.example"}));
  request.set_server_certificate_request(*crypto::NewCertificateRequest(key_, "hosts/h1"));
  v1::JoinResponse response;
  ASSERT_TRUE(fleet_.Join(request, response).ok());
  const std::string& own = fleet_.plane().authority().certificate();
  EXPECT_EQ(response.authority(), own + response.server_authority());
}

TEST_F(JoinTest, TokenWorksOnce) {
  const std::string token = fleet_.JoinTokenFor("h1");
  v1::JoinResponse response;
  ASSERT_TRUE(fleet_.Join(Request(token), response).ok());
  const grpc::Status status = fleet_.Join(Request(token), response);
  EXPECT_EQ(status.error_code(), grpc::UNAUTHENTICATED);
  EXPECT_EQ(ReasonOf(status), "JOIN_TOKEN_INVALID");
}

TEST_F(JoinTest, TokenOfAnotherHostIsRefused) {
  fleet_.JoinTokenFor("h1");
  SystemRandom random;
  const auto forged =
      access::MakeJoinToken("h1", {"127.0.0.1:1"}, fleet_.plane().authority().certificate(), random);
  v1::JoinResponse response;
  EXPECT_EQ(ReasonOf(fleet_.Join(Request(forged.text), response)), "JOIN_TOKEN_INVALID");
  EXPECT_TRUE(fleet_.Host("h1").certificate_fingerprint.empty());
}

TEST_F(JoinTest, BadCertificateRequestDoesNotSpendTheToken) {
  const std::string token = fleet_.JoinTokenFor("h1");
  v1::JoinRequest bad = Request(token);
  bad.set_certificate_request("nonsense");
  v1::JoinResponse response;
  const grpc::Status refused = fleet_.Join(bad, response);
  EXPECT_EQ(refused.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(server::DetailsIn(refused).fields, ElementsAre("certificate_request"));
  bad = Request(token);
  bad.set_server_certificate_request("nonsense");
  EXPECT_THAT(server::DetailsIn(fleet_.Join(bad, response)).fields,
              ElementsAre("server_certificate_request"));
  EXPECT_TRUE(fleet_.Join(Request(token), response).ok());
}

TEST_F(JoinTest, RenewedCertificateReplacesTheOldOneOnceItWasReplacedItself) {
  const auto renew = [&](const Identity& old, Identity& renewed) {
    v1::RenewCertificateRequest request;
    request.set_certificate_request(*crypto::NewCertificateRequest(renewed.key, "agent"));
    v1::RenewCertificateResponse response;
    grpc::ClientContext context;
    const grpc::Status status =
        v1::AgentService::NewStub(fleet_.plane().AsHolderOf(old.key, old.certificate))
            ->RenewCertificate(&context, request, &response);
    renewed.certificate = response.certificate_chain();
    return status;
  };
  const Identity first = fleet_.Join("h1");
  Identity second, third, fourth;
  ASSERT_TRUE(renew(first, second).ok());
  // The answer that carried the second may have been lost: the first still works.
  ASSERT_TRUE(renew(first, third).ok());
  ASSERT_TRUE(renew(third, fourth).ok());
  Identity none;
  EXPECT_EQ(ReasonOf(renew(first, none)), "CERTIFICATE_NOT_CURRENT");
  EXPECT_EQ(ReasonOf(renew(second, none)), "CERTIFICATE_NOT_CURRENT");
}

}  // namespace
}  // namespace croft::fleet
