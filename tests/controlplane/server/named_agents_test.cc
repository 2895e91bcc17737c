#include "controlplane/server/named_agents.h"

#include <gtest/gtest.h>

#include "common/crypto/x509.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::server {
namespace {

class NamedAgentsTest : public testing::Test {
 protected:
  std::string Certificate(const std::string& name, absl::Time not_before, absl::Time not_after) {
    return CertificateOf(authority_, name, not_before, not_after);
  }
  static std::string CertificateOf(const crypto::KeyAndCertificate& authority, const std::string& name,
                                   absl::Time not_before, absl::Time not_after) {
    const auto request = crypto::NewCertificateRequest(crypto::NewPrivateKey(), "agent");
    return *crypto::SignRequest(authority, *request,
                                {.common_name = name,
                                 .use = crypto::CertificateUse::kAgent,
                                 .not_before = not_before,
                                 .not_after = not_after});
  }
  std::string Fresh(const std::string& name) {
    return Certificate(name, now_ - absl::Hours(1), now_ + absl::Hours(1));
  }
  absl::Status Identify(const std::string& certificate) {
    context_ = {};
    return gate_.Identify({.peer_certificate = certificate}, *Method("Connect"), context_);
  }
  static const google::protobuf::MethodDescriptor* Method(const std::string& name) {
    return v1::ConnectRequest::descriptor()
        ->file()
        ->FindServiceByName("AgentService")
        ->FindMethodByName(name);
  }
  std::string Refusal(const std::string& certificate) { return DetailsOf(Identify(certificate)).reason; }

  SystemClock clock_;
  const absl::Time now_ = clock_.Now();
  const crypto::KeyAndCertificate authority_ =
      *crypto::NewAuthority("croft", now_ - absl::Hours(9), now_ + absl::Hours(9));
  NamedAgents gate_{authority_.certificate, {"h1"}, clock_};
  handlers::RequestContext context_;
};

TEST_F(NamedAgentsTest, AgentsOfTheHostsThatWereNamedAreLetIn) {
  const std::string certificate = Fresh("hosts/h1");
  ASSERT_TRUE(Identify(certificate).ok());
  EXPECT_EQ(context_.principal.kind, access::PrincipalKind::kAgent);
  EXPECT_EQ(context_.principal.host, "h1");
  EXPECT_EQ(gate_.FingerprintOf("h1"), crypto::ReadCertificate(certificate)->fingerprint);
  EXPECT_EQ(gate_.FingerprintOf("h2"), "");
}

TEST_F(NamedAgentsTest, NobodyElseIs) {
  EXPECT_EQ(Refusal(Fresh("hosts/h2")), "CATALOG_REBUILDING");
  EXPECT_EQ(Refusal(Fresh("admin")), "CATALOG_REBUILDING");
  EXPECT_EQ(Refusal(""), "CATALOG_REBUILDING");
  const auto other = *crypto::NewAuthority("croft", now_ - absl::Hours(9), now_ + absl::Hours(9));
  EXPECT_EQ(Refusal(CertificateOf(other, "hosts/h1", now_ - absl::Hours(1), now_ + absl::Hours(1))),
            "CATALOG_REBUILDING");
  EXPECT_EQ(gate_.FingerprintOf("h1"), "");
}

TEST_F(NamedAgentsTest, ACertificateThatHasEndedIsNotCurrent) {
  EXPECT_EQ(Refusal(Certificate("hosts/h1", now_ - absl::Hours(2), now_ - absl::Hours(1))),
            "CERTIFICATE_NOT_CURRENT");
}

TEST_F(NamedAgentsTest, OfSeveralCertificatesTheOneMadeLastCounts) {
  const std::string older = Certificate("hosts/h1", now_ - absl::Hours(2), now_ + absl::Hours(1));
  const std::string newer = Fresh("hosts/h1");
  ASSERT_TRUE(Identify(older).ok());
  ASSERT_TRUE(Identify(newer).ok());
  EXPECT_EQ(Refusal(older), "CERTIFICATE_NOT_CURRENT");
  EXPECT_TRUE(Identify(newer).ok());
  EXPECT_EQ(gate_.FingerprintOf("h1"), crypto::ReadCertificate(newer)->fingerprint);
}

TEST_F(NamedAgentsTest, TheyMayConnectAndNothingElse) {
  ASSERT_TRUE(Identify(Fresh("hosts/h1")).ok());
  EXPECT_TRUE(gate_.Permit(*Method("Connect"), v1::ConnectRequest(), context_).ok());
  EXPECT_EQ(
      DetailsOf(gate_.Permit(*Method("RenewCertificate"), v1::RenewCertificateRequest(), context_)).reason,
      "CATALOG_REBUILDING");
}

}  // namespace
}  // namespace croft::server
