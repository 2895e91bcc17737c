#include "controlplane/access/authenticator.h"

#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "common/crypto/x509.h"
#include "common/errors.h"
#include "controlplane/access/token.h"

namespace croft::access {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);

class FixedClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = kNow;
};

class Catalog final : public HostIdentities, public PrincipalStore {
 public:
  std::vector<std::string> FingerprintsOf(absl::string_view host) const override {
    const auto found = hosts.find(std::string(host));
    return found == hosts.end() ? std::vector<std::string>() : found->second;
  }
  std::optional<KnownUser> FindToken(absl::string_view hash) const override {
    const auto found = tokens.find(std::string(hash));
    return found == tokens.end() ? std::nullopt : std::make_optional(found->second);
  }
  std::optional<KnownUser> FindCertificate(absl::string_view fingerprint) const override {
    const auto found = certificates.find(std::string(fingerprint));
    return found == certificates.end() ? std::nullopt : std::make_optional(found->second);
  }

  std::map<std::string, std::vector<std::string>> hosts;
  std::map<std::string, KnownUser> tokens;
  std::map<std::string, KnownUser> certificates;
};

class AuthenticatorTest : public testing::Test {
 protected:
  std::string Certificate(const crypto::KeyAndCertificate& authority, const std::string& name,
                          absl::Duration life = absl::Hours(24)) {
    return *crypto::SignRequest(authority, request_,
                                {.common_name = name,
                                 .use = crypto::CertificateUse::kClient,
                                 .not_before = kNow,
                                 .not_after = kNow + life});
  }
  std::string Fingerprint(const std::string& pem) { return crypto::ReadCertificate(pem)->fingerprint; }

  absl::StatusOr<Principal> WithCertificate(const std::string& pem) const {
    return authenticator_.Authenticate({.peer_certificate = pem});
  }
  absl::StatusOr<Principal> WithToken(const std::string& token) const {
    return authenticator_.Authenticate({.authorization = "Bearer " + token});
  }
  static void ExpectRefused(const absl::StatusOr<Principal>& result, const std::string& reason) {
    EXPECT_EQ(result.status().code(), absl::StatusCode::kUnauthenticated);
    EXPECT_EQ(DetailsOf(result.status()).reason, reason);
  }

  SystemRandom random_;
  const std::string request_ = *crypto::NewCertificateRequest(crypto::NewPrivateKey(), "x");
  const crypto::KeyAndCertificate ours_ = *crypto::NewAuthority("Croft", kNow, kNow + absl::Hours(99));
  const crypto::KeyAndCertificate foreign_ = *crypto::NewAuthority("Croft", kNow, kNow + absl::Hours(99));
  FixedClock clock_;
  Catalog catalog_;
  const Authenticator authenticator_{ours_.certificate, catalog_, catalog_, clock_};
};

TEST_F(AuthenticatorTest, NothingShownIsAnonymous) {
  EXPECT_EQ(authenticator_.Authenticate({})->kind, PrincipalKind::kAnonymous);
}

TEST_F(AuthenticatorTest, OurAdministratorsCertificateIsTheAdministrator) {
  for (int i = 0; i < 2; ++i) {  // the second time from what was kept
    const Principal principal = *WithCertificate(Certificate(ours_, "admin"));
    EXPECT_EQ(principal.kind, PrincipalKind::kAdmin);
    EXPECT_EQ(principal.name, "admin");
  }
}

TEST_F(AuthenticatorTest, AnotherAuthoritysAdministratorIsNobody) {
  ExpectRefused(WithCertificate(Certificate(foreign_, "admin")), "IDENTITY_UNKNOWN");
}

TEST_F(AuthenticatorTest, NamesThatResembleTheAdministratorsAreNobody) {
  for (const std::string& name :
       {std::string("Admin"), std::string("admin "), std::string("admin\0", 6),
        std::string("principals/admin"), std::string("croftd"), std::string("postgres/h1")}) {
    ExpectRefused(WithCertificate(Certificate(ours_, name)), "IDENTITY_UNKNOWN");
  }
}

TEST_F(AuthenticatorTest, AnAgentIsKnownByTheFingerprintInTheCatalogAlone) {
  const std::string certificate = Certificate(ours_, "hosts/h1");
  ExpectRefused(WithCertificate(certificate), "CERTIFICATE_NOT_CURRENT");
  catalog_.hosts["h1"] = {Fingerprint(Certificate(ours_, "hosts/h1"))};
  ExpectRefused(WithCertificate(certificate), "CERTIFICATE_NOT_CURRENT");
  catalog_.hosts["h1"] = {"newest", Fingerprint(certificate)};
  const Principal agent = *WithCertificate(certificate);
  EXPECT_EQ(agent.kind, PrincipalKind::kAgent);
  EXPECT_EQ(agent.name, "hosts/h1");
  EXPECT_EQ(agent.host, "h1");
  EXPECT_EQ(agent.fingerprint, Fingerprint(certificate));
  catalog_.hosts.erase("h1");
  ExpectRefused(WithCertificate(certificate), "CERTIFICATE_NOT_CURRENT");
}

TEST_F(AuthenticatorTest, AnAgentsFingerprintIsNoOtherHosts) {
  const std::string certificate = Certificate(ours_, "hosts/h1");
  catalog_.hosts["h2"] = {Fingerprint(certificate)};
  ExpectRefused(WithCertificate(certificate), "CERTIFICATE_NOT_CURRENT");
}

TEST_F(AuthenticatorTest, AnExpiredCertificateEndsEvenOnAnOpenConnection) {
  const std::string certificate = Certificate(ours_, "admin", absl::Hours(1));
  EXPECT_TRUE(WithCertificate(certificate).ok());
  clock_.now = kNow + absl::Hours(1);
  ExpectRefused(WithCertificate(certificate), "CERTIFICATE_EXPIRED");
}

TEST_F(AuthenticatorTest, AUserIsKnownByTheFingerprintInTheCatalogAlone) {
  const std::string certificate = Certificate(ours_, "principals/alice");
  const KnownUser alice{.id = "alice", .bindings = {{Role::kViewer, AllTenants{}}}};
  catalog_.certificates[Fingerprint(Certificate(ours_, "principals/alice"))] = alice;
  ExpectRefused(WithCertificate(certificate), "IDENTITY_UNKNOWN");
  catalog_.certificates[Fingerprint(certificate)] = alice;
  const Principal principal = *WithCertificate(certificate);
  EXPECT_EQ(principal.kind, PrincipalKind::kUser);
  EXPECT_EQ(principal.name, "alice");
  EXPECT_EQ(principal.bindings, alice.bindings);
  EXPECT_EQ(principal.token, "");
  EXPECT_EQ(principal.expire_time, kNow + absl::Hours(24));
  catalog_.certificates.clear();
  ExpectRefused(WithCertificate(certificate), "IDENTITY_UNKNOWN");
}

TEST_F(AuthenticatorTest, UnreadableCertificatesAreNobody) {
  ExpectRefused(WithCertificate("garbage"), "IDENTITY_UNKNOWN");
}

TEST_F(AuthenticatorTest, ATokenIsItsPrincipalUntilItExpiresOrIsRevoked) {
  const IssuedToken token = MakeBearerToken(random_);
  ExpectRefused(WithToken(token.text), "TOKEN_INVALID");
  catalog_.tokens[token.hash] = {.id = "ci", .token = "tk-1", .expire_time = kNow + absl::Hours(1)};
  EXPECT_EQ(WithToken(token.text)->name, "ci");
  EXPECT_EQ(WithToken(token.text)->token, "tk-1");
  EXPECT_EQ(WithToken(token.text)->expire_time, kNow + absl::Hours(1));
  EXPECT_EQ(WithToken(token.text)->kind, PrincipalKind::kUser);
  EXPECT_EQ(authenticator_.Authenticate({.authorization = "bearer  " + token.text + " "})->name, "ci");
  clock_.now = kNow + absl::Hours(1);
  ExpectRefused(WithToken(token.text), "TOKEN_INVALID");
  clock_.now = kNow;
  catalog_.tokens.clear();
  ExpectRefused(WithToken(token.text), "TOKEN_INVALID");
}

TEST_F(AuthenticatorTest, ATokenNamedAdminIsAUserAndNotTheAdministrator) {
  const IssuedToken token = MakeBearerToken(random_);
  catalog_.tokens[token.hash] = {.id = "admin"};
  EXPECT_EQ(WithToken(token.text)->kind, PrincipalKind::kUser);
}

TEST_F(AuthenticatorTest, ATokenBeatsACertificateAndTheSocketAlsoWhenItIsBad) {
  const IssuedToken token = MakeBearerToken(random_);
  catalog_.tokens[token.hash] = {.id = "ci"};
  CallCredentials credentials{.peer_certificate = Certificate(ours_, "admin"),
                              .authorization = "Bearer " + token.text,
                              .unix_socket = true};
  EXPECT_EQ(authenticator_.Authenticate(credentials)->name, "ci");
  for (const char* bad : {"Bearer croft_wrong", "Bearer", "Bearer ", "Basic YTpi", "x"}) {
    credentials.authorization = bad;
    ExpectRefused(authenticator_.Authenticate(credentials), "TOKEN_INVALID");
  }
}

TEST_F(AuthenticatorTest, TheSocketIsTheAdministratorUnlessACertificateIsShown) {
  EXPECT_EQ(authenticator_.Authenticate({.unix_socket = true})->kind, PrincipalKind::kAdmin);
  ExpectRefused(
      authenticator_.Authenticate({.peer_certificate = Certificate(ours_, "x"), .unix_socket = true}),
      "IDENTITY_UNKNOWN");
}

TEST_F(AuthenticatorTest, ManyThreadsMayAsk) {
  const std::vector<std::string> certificates = {Certificate(ours_, "admin"),
                                                 Certificate(foreign_, "admin")};
  std::vector<std::thread> threads;
  std::vector<int> admins(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) admins[t] += WithCertificate(certificates[i % 2]).ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admins, std::vector<int>(4, 100));
}

}  // namespace
}  // namespace croft::access
