#include "agent/store/s3_credentials.h"

#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "common/files.h"
#include "tests/agent/store/s3/loopback.h"

namespace croft::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SetClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
};

class S3CredentialsTest : public testing::Test {
 protected:
  S3CredentialsTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "croft-s3-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~S3CredentialsTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = absl::StrCat(folder_, "/", name);
    EXPECT_TRUE(WriteFileDurably(path, text, mode, IfFileExists::kReplace).ok());
    return path;
  }
  std::string Expiry(absl::Duration life) {
    return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", clock_.now + life, absl::UTCTimeZone());
  }
  S3CredentialSource Source() {
    return {address_,
            [this](const char* name) {
              const auto found = environment_.find(name);
              return found == environment_.end() ? std::string() : found->second;
            },
            http_, clock_};
  }

  std::string folder_;
  std::map<std::string, std::string> environment_;
  S3Address address_{.region = "eu-north-1", .profile = "default"};
  SetClock clock_;
  HttpClient http_;
};

TEST_F(S3CredentialsTest, FileGivesThoseOfItsProfile) {
  address_.credentials_file = Write("c",
                                    "[default]\naws_access_key_id = D\naws_secret_access_key = S\n"
                                    "[other]\naws_access_key_id=O\naws_secret_access_key=a=b\n"
                                    "aws_session_token = T\n");
  environment_ = {{"AWS_ACCESS_KEY_ID", "E"}, {"AWS_SECRET_ACCESS_KEY", "E"}};
  EXPECT_EQ(Source().Get()->access_key, "D");
  address_.profile = "other";
  auto source = Source();
  EXPECT_EQ(*source.Get(), (S3Credentials{.access_key = "O", .secret_key = "a=b", .session_token = "T"}));
}

TEST_F(S3CredentialsTest, FileThatOthersCanReadIsRefusedAndItsSecretNotSaid) {
  address_.credentials_file =
      Write("c", "[default]\naws_access_key_id=D\naws_secret_access_key=hush\n", 0644);
  const absl::Status status = Source().Get().status();
  EXPECT_EQ(DetailsOf(status).reason, "STORE_UNREACHABLE");
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hush")));
}

TEST_F(S3CredentialsTest, DiscardedOnesAreReadAgain) {
  address_.credentials_file = Write("c", "[default]\naws_access_key_id=1\naws_secret_access_key=s\n");
  auto source = Source();
  EXPECT_EQ(source.Get()->access_key, "1");
  Write("c", "[default]\naws_access_key_id=2\naws_secret_access_key=s\n");
  EXPECT_EQ(source.Get()->access_key, "1");
  source.Discard("1");
  EXPECT_EQ(source.Get()->access_key, "2");
}

TEST_F(S3CredentialsTest, EnvironmentGivesKeysAndToken) {
  environment_ = {{"AWS_ACCESS_KEY_ID", "E"}, {"AWS_SECRET_ACCESS_KEY", "S"}, {"AWS_SESSION_TOKEN", "T"}};
  auto source = Source();
  EXPECT_EQ(*source.Get(), (S3Credentials{.access_key = "E", .secret_key = "S", .session_token = "T"}));
}

TEST_F(S3CredentialsTest, WebIdentityIsExchangedForARole) {
  std::string asked;
  Loopback sts([&](const RawRequest& request) {
    asked = request.body;
    return Respond(200,
                   absl::StrCat("<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>",
                                "<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S",
                                "</SecretAccessKey><SessionToken>T</SessionToken><Expiration>",
                                Expiry(absl::Hours(1)), "</Expiration></Credentials>",
                                "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"));
  });
  environment_ = {{"AWS_WEB_IDENTITY_TOKEN_FILE", Write("token", "ey.J/+\n")},
                  {"AWS_ROLE_ARN", "arn:aws:iam::1:role/r"},
                  {"AWS_ENDPOINT_URL_STS", sts.url()}};
  const auto credentials = Source().Get();
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_EQ(credentials->access_key, "A");
  EXPECT_EQ(credentials->session_token, "T");
  EXPECT_EQ(credentials->expire_time, clock_.now + absl::Hours(1));
  EXPECT_EQ(asked,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"
            "&RoleSessionName=croft-agent&WebIdentityToken=ey.J%2F%2B");
}

TEST_F(S3CredentialsTest, InstanceRoleIsRenewedBeforeItExpires) {
  int given = 0;
  Loopback metadata([&](const RawRequest& request) -> std::string {
    if (request.Is("PUT /latest/api/token")) return Respond(200, "session");
    if (!absl::StrContains(request.head, "X-aws-ec2-metadata-token: session")) return Respond(401, "");
    if (request.Is("credentials/ HTTP")) return Respond(200, "backup-role");
    if (!request.Is("GET /latest/meta-data/iam/security-credentials/backup-role ")) return Respond(404, "");
    return Respond(200,
                   absl::StrCat(R"({"AccessKeyId":"A)", ++given, R"(","SecretAccessKey":"S","Token":"T",)",
                                R"("Expiration":")", Expiry(absl::Hours(6)), R"("})"));
  });
  environment_ = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url()}};
  auto source = Source();
  const auto first = source.Get();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->access_key, "A1");
  EXPECT_EQ(source.Get()->access_key, "A1");
  clock_.now += absl::Hours(6) - absl::Minutes(4);
  EXPECT_EQ(source.Get()->access_key, "A2");
}

TEST_F(S3CredentialsTest, ContainerEndpointIsAskedWithItsToken) {
  Loopback endpoint([&](const RawRequest& request) -> std::string {
    if (!absl::StrContains(request.head, "Authorization: pod-token\r\n")) return Respond(401, "");
    return Respond(200,
                   absl::StrCat(R"({"AccessKeyId":"A","SecretAccessKey":"S","Token":"T","Expiration":")",
                                Expiry(absl::Hours(6)), R"("})"));
  });
  environment_ = {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.url() + "/v1/credentials"},
                  {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Write("token", "pod-token")}};
  EXPECT_EQ(Source().Get()->access_key, "A");
}

TEST_F(S3CredentialsTest, OnesThatCannotBeRenewedYetAreUsedUntilTheyExpire) {
  bool down = false;
  Loopback endpoint([&](const RawRequest&) -> std::string {
    if (down) return Respond(500, "");
    return Respond(200,
                   absl::StrCat(R"({"AccessKeyId":"A","SecretAccessKey":"S","Token":"T","Expiration":")",
                                Expiry(absl::Minutes(10)), R"("})"));
  });
  environment_ = {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.url()}};
  auto source = Source();
  EXPECT_EQ(source.Get()->access_key, "A");
  down = true;
  clock_.now += absl::Minutes(8);
  EXPECT_EQ(source.Get()->access_key, "A");
  clock_.now += absl::Minutes(3);
  EXPECT_EQ(DetailsOf(source.Get().status()).reason, "STORE_UNREACHABLE");
}

}  // namespace
}  // namespace croft::agent
