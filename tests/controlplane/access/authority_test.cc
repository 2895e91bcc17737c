#include "controlplane/access/authority.h"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/crypto/signature.h"
#include "common/errors.h"
#include "common/files.h"

namespace croft::access {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);
const std::vector<std::string> kNames = {"localhost", "127.0.0.1", "::1"};

std::string ReasonOf(const absl::Status& status) { return DetailsOf(status).reason; }

std::string Contents(const std::string& path) { return ReadSmallFile(path, 1 << 20).value_or(""); }

class AuthorityTest : public testing::Test {
 protected:
  AuthorityTest() {
    std::string name = testing::TempDir() + "croft-authority-XXXXXX";
    folder_ = mkdtemp(name.data());
    EXPECT_TRUE(Authority::Create(files().directory, kNames, kNow).ok());
  }
  ~AuthorityTest() override { std::filesystem::remove_all(folder_); }

  TlsFiles files() const { return TlsFiles(folder_ + "/tls"); }
  Authority Loaded(absl::Time now = kNow) const {
    absl::StatusOr<Authority> authority = Authority::Load(files().directory, now);
    EXPECT_TRUE(authority.ok()) << authority.status();
    return *std::move(authority);
  }

  std::string folder_;
  const std::string key_ = crypto::NewPrivateKey();
  const std::string request_ = *crypto::NewCertificateRequest(key_, "hosts/other");
};

TEST_F(AuthorityTest, CreateMakesSixFilesWithTheirModesAndNoMore) {
  std::map<std::string, unsigned> modes;
  for (const auto& entry : std::filesystem::directory_iterator(files().directory)) {
    modes[entry.path().filename().string()] = static_cast<unsigned>(entry.status().permissions());
  }
  EXPECT_EQ(modes, (std::map<std::string, unsigned>{{"ca.crt", 0644},
                                                    {"ca.key", 0600},
                                                    {"server.pem", 0600},
                                                    {"admin.crt", 0644},
                                                    {"admin.key", 0600},
                                                    {"databases.pem", 0600}}));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(AuthorityTest, CreatedCertificatesAreOfTheAuthorityAndLastAsLongAsPromised) {
  const Authority authority = Loaded();
  const crypto::CertificateFacts root = *crypto::ReadCertificate(authority.certificate());
  EXPECT_EQ(root.not_after, kNow + kAuthorityLife);
  EXPECT_EQ(Contents(files().authority_certificate), authority.certificate());

  const std::string server = Contents(files().server);
  EXPECT_TRUE(CheckServingPair("server.pem", server, kNow).ok());
  EXPECT_TRUE(crypto::SignedBy(server, authority.certificate()));
  const crypto::CertificateFacts facts = *crypto::ReadCertificate(server);
  EXPECT_EQ(facts.server_names, kNames);
  EXPECT_EQ(facts.not_after, kNow + kServerLife);
  EXPECT_LT(facts.not_before, kNow);

  const std::string admin = Contents(files().admin_certificate);
  EXPECT_TRUE(crypto::CheckPair(Contents(files().admin_key), admin).ok());
  EXPECT_TRUE(crypto::SignedBy(admin, authority.certificate()));
  EXPECT_EQ(crypto::ReadCertificate(admin)->common_name, "admin");
  EXPECT_EQ(crypto::ReadCertificate(admin)->not_after, kNow + kAdminLife);
}

TEST_F(AuthorityTest, CreatingAgainChangesNothing) {
  const std::string before = Contents(files().authority_key);
  const absl::Status again = Authority::Create(files().directory, kNames, kNow);
  EXPECT_EQ(again.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReasonOf(again), "TLS_EXISTS");
  EXPECT_EQ(Contents(files().authority_key), before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1) << "a folder was left";
}

TEST_F(AuthorityTest, AFailedCreateLeavesNothing) {
  EXPECT_EQ(Authority::Create(folder_ + "/other", {"not a name"}, kNow).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(Authority::Create(folder_ + "/missing/tls", kNames, kNow).ok());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(AuthorityTest, AnAgentsCertificateNamesTheHostWhateverTheRequestSays) {
  const Authority authority = Loaded();
  const std::string certificate = *authority.SignAgent("h1", request_, kNow);
  const crypto::CertificateFacts facts = *crypto::ReadCertificate(certificate);
  EXPECT_EQ(facts.common_name, "hosts/h1");
  EXPECT_THAT(facts.server_names, IsEmpty());
  EXPECT_EQ(facts.not_after, kNow + kAgentLife);
  EXPECT_TRUE(crypto::CheckPair(key_, certificate).ok());
  EXPECT_TRUE(crypto::SignedBy(certificate, authority.certificate()));
  EXPECT_EQ(authority.SignAgent("h1", "garbage", kNow).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(AuthorityTest, AManagedServersCertificateIsForItsNamesAndNoIdentity) {
  const Authority authority = Loaded();
  const std::string certificate = *authority.SignManagedServer("h1", request_, {"db1.example.org"}, kNow);
  const crypto::CertificateFacts facts = *crypto::ReadCertificate(certificate);
  EXPECT_THAT(facts.server_names, ElementsAre("db1.example.org"));
  EXPECT_EQ(facts.common_name, "postgres/h1");
  EXPECT_TRUE(crypto::SignedBy(certificate, authority.databases_trust(kNow)));
  EXPECT_FALSE(crypto::SignedBy(certificate, authority.certificate()));
}

TEST_F(AuthorityTest, ANewFoldersDatabasesAreNeverTrustedByTheControlPlanesAuthority) {
  const Authority authority = Loaded();
  EXPECT_EQ(authority.databases_trust(kNow), Loaded(kNow + absl::Hours(1)).databases_trust(kNow));
  EXPECT_THAT(authority.databases_trust(kNow), Not(HasSubstr(authority.certificate())));
  const std::string server = Contents(files().server);
  EXPECT_FALSE(crypto::SignedBy(server, authority.databases_trust(kNow)));
}

TEST_F(AuthorityTest, AFolderOfAnEarlierVersionTrustsServersOfBothUntilTheOldOnesHaveEnded) {
  std::filesystem::remove(files().databases);
  const absl::Time upgrade = kNow + absl::Hours(24 * 10);
  const std::string made = Loaded(upgrade).databases_trust(upgrade);
  const Authority authority = Loaded(upgrade + absl::Hours(1));
  EXPECT_EQ(authority.databases_trust(upgrade), made);
  EXPECT_THAT(made, HasSubstr(authority.certificate()));
  const std::string certificate = *authority.SignManagedServer("h1", request_, {"db1"}, upgrade);
  EXPECT_TRUE(crypto::SignedBy(certificate, made)) << "the new one comes first";

  const absl::Time last = upgrade + kServerLife;
  EXPECT_THAT(authority.databases_trust(last - absl::Seconds(1)), HasSubstr(authority.certificate()));
  EXPECT_THAT(authority.databases_trust(last), Not(HasSubstr(authority.certificate())));
  EXPECT_TRUE(crypto::SignedBy(certificate, authority.databases_trust(last)));
}

TEST_F(AuthorityTest, AnUnusableDatabasesAuthorityIsNamedAndNeverReplaced) {
  ASSERT_EQ(chmod(files().databases.c_str(), 0644), 0);
  EXPECT_EQ(ReasonOf(Authority::Load(files().directory, kNow).status()), "FILE_NOT_PRIVATE");
  for (const std::string& bad :
       {std::string("garbage"), key_, key_ + Contents(files().admin_certificate)}) {
    ASSERT_TRUE(WriteFileDurably(files().databases, bad, 0600, IfFileExists::kReplace).ok());
    const absl::Status status = Authority::Load(files().directory, kNow).status();
    EXPECT_EQ(ReasonOf(status), "CERTIFICATE_UNUSABLE");
    EXPECT_THAT(std::string(status.message()), HasSubstr("databases.pem"));
    EXPECT_EQ(Contents(files().databases), bad);
  }
}

TEST_F(AuthorityTest, NothingOutlivesTheAuthority) {
  const absl::Time late = kNow + kAuthorityLife - absl::Hours(24);
  const Authority authority = Loaded(late);
  EXPECT_EQ(crypto::ReadCertificate(*authority.SignAgent("h1", request_, late))->not_after,
            kNow + kAuthorityLife);
  EXPECT_EQ(ReasonOf(authority.SignAgent("h1", request_, kNow + kAuthorityLife).status()),
            "CERTIFICATE_UNUSABLE");
}

TEST_F(AuthorityTest, TheServersCertificateIsRenewedAtTwoThirdsOfItsLife) {
  const Authority authority = Loaded();
  const std::string first = Contents(files().server);
  const absl::Time due = *authority.MaintainServer(kNames, kNow);
  EXPECT_EQ(Contents(files().server), first);
  EXPECT_NEAR(absl::ToDoubleHours(due - kNow), 60 * 24, 1);
  EXPECT_EQ(*authority.MaintainServer(kNames, due - absl::Seconds(1)), due);
  EXPECT_EQ(Contents(files().server), first);

  const absl::Time next = *authority.MaintainServer(kNames, due);
  const std::string second = Contents(files().server);
  EXPECT_NE(second, first);
  EXPECT_TRUE(CheckServingPair("server.pem", second, due).ok());
  EXPECT_EQ(crypto::ReadCertificate(second)->not_after, due + kServerLife);
  EXPECT_GT(next, due + absl::Hours(59 * 24));
}

TEST_F(AuthorityTest, TheServersCertificateIsRenewedForOtherNamesAndMendedWhenDamaged) {
  const Authority authority = Loaded();
  ASSERT_TRUE(authority.MaintainServer({"croft.example.org"}, kNow).ok());
  EXPECT_THAT(crypto::ReadCertificate(Contents(files().server))->server_names,
              ElementsAre("croft.example.org"));
  ASSERT_TRUE(WriteFileDurably(files().server, "garbage", 0600, IfFileExists::kReplace).ok());
  ASSERT_TRUE(authority.MaintainServer(kNames, kNow).ok());
  EXPECT_TRUE(CheckServingPair("server.pem", Contents(files().server), kNow).ok());
  std::filesystem::remove(files().server);
  ASSERT_TRUE(authority.MaintainServer(kNames, kNow).ok());
  EXPECT_TRUE(CheckServingPair("server.pem", Contents(files().server), kNow).ok());
}

TEST_F(AuthorityTest, AServersCertificateOfAnotherAuthorityIsReplaced) {
  ASSERT_TRUE(Authority::Create(folder_ + "/other", kNames, kNow).ok());
  ASSERT_TRUE(WriteFileDurably(files().server, Contents(TlsFiles(folder_ + "/other").server), 0600,
                               IfFileExists::kReplace)
                  .ok());
  const Authority authority = Loaded();
  ASSERT_TRUE(authority.MaintainServer(kNames, kNow).ok());
  EXPECT_TRUE(crypto::SignedBy(Contents(files().server), authority.certificate()));
}

TEST_F(AuthorityTest, AnAuthorityNearItsEndDoesNotRenewInACircle) {
  const absl::Time late = kNow + kAuthorityLife - absl::Minutes(5);
  EXPECT_GT(*Loaded(late).MaintainServer(kNames, late), late);
}

TEST_F(AuthorityTest, ARenewedAdministratorHasANewPair) {
  const std::string before = Contents(files().admin_certificate);
  ASSERT_TRUE(Loaded().RenewAdmin(kNow + absl::Hours(24)).ok());
  EXPECT_NE(Contents(files().admin_certificate), before);
  EXPECT_TRUE(crypto::CheckPair(Contents(files().admin_key), Contents(files().admin_certificate)).ok());
}

TEST_F(AuthorityTest, UnusableFilesAreRefusedWithTheReason) {
  const absl::Status expired = Authority::Load(files().directory, kNow + kAuthorityLife).status();
  EXPECT_EQ(ReasonOf(expired), "CERTIFICATE_UNUSABLE");
  EXPECT_THAT(std::string(expired.message()), HasSubstr("expired"));
  const absl::Status early = Authority::Load(files().directory, kNow - absl::Hours(2)).status();
  EXPECT_THAT(std::string(early.message()), HasSubstr("clock"));

  ASSERT_EQ(chmod(files().authority_key.c_str(), 0644), 0);
  EXPECT_EQ(ReasonOf(Authority::Load(files().directory, kNow).status()), "FILE_NOT_PRIVATE");
  ASSERT_TRUE(WriteFileDurably(files().authority_key, key_, 0600, IfFileExists::kReplace).ok());
  EXPECT_THAT(std::string(Authority::Load(files().directory, kNow).status().message()),
              HasSubstr("does not belong"));
  std::filesystem::remove(files().authority_key);
  EXPECT_EQ(ReasonOf(Authority::Load(files().directory, kNow).status()), "FILE_NOT_FOUND");
}

TEST_F(AuthorityTest, KnowsItsOwnStatementsWordForWord) {
  const Authority authority = Loaded();
  const std::string signature = *authority.SignStatement("croft audit checkpoint\nsequence 7\n");
  EXPECT_TRUE(authority.HasSigned("croft audit checkpoint\nsequence 7\n", signature));
  EXPECT_FALSE(authority.HasSigned("croft audit checkpoint\nsequence 8\n", signature));
  EXPECT_FALSE(authority.HasSigned("croft audit checkpoint\nsequence 7\n", signature.substr(1)));
  EXPECT_FALSE(authority.HasSigned("croft audit checkpoint\nsequence 7\n", ""));
  ASSERT_TRUE(Authority::Create(folder_ + "/other", kNames, kNow).ok());
  const Authority other = *Authority::Load(folder_ + "/other", kNow);
  EXPECT_FALSE(other.HasSigned("croft audit checkpoint\nsequence 7\n", signature));
  EXPECT_TRUE(
      crypto::IsTextSigned(authority.certificate(), "croft audit checkpoint\nsequence 7\n", signature))
      << "whoever has ca.crt can check it";
}

TEST_F(AuthorityTest, AServingPairMustFitAndBeWithinItsTime) {
  const std::string server = Contents(files().server);
  EXPECT_TRUE(CheckServingPair("server.pem", server, kNow).ok());
  for (const absl::Status& status :
       {CheckServingPair("server.pem", server, kNow + kServerLife),
        CheckServingPair("server.pem", "", kNow),
        CheckServingPair("server.pem", key_ + Contents(files().admin_certificate), kNow)}) {
    EXPECT_EQ(ReasonOf(status), "CERTIFICATE_UNUSABLE");
    EXPECT_THAT(std::string(status.message()), HasSubstr("server.pem"));
  }
}

}  // namespace
}  // namespace croft::access
