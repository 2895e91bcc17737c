#include "controlplane/wire/requests.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/controlplane/wire/corpus.h"

namespace croft::wire {
namespace {

constexpr auto kParse = [](const auto& request) { return Parse(request).status(); };

template <typename Request>
void ExpectNameAndRequestIdChecked(const std::string& name) {
  Request base;
  base.set_name(name);
  ExpectBadTextsRefused(base, "name", kParse, [](Request& r, const std::string& t) { r.set_name(t); });
  ExpectBadTextsRefused(base, "request_id", kParse,
                        [](Request& r, const std::string& t) { r.set_request_id(t); });
}

TEST(RequestsTest, NamesAndRequestIdsRefuseBadTexts) {
  ExpectNameAndRequestIdChecked<v1::VerifyBackupRequest>("tenants/acme/backups/b1");
  ExpectNameAndRequestIdChecked<v1::DeleteBackupRequest>("tenants/acme/backups/b1");
  ExpectNameAndRequestIdChecked<v1::ReleaseBackupRequest>("tenants/acme/backups/b1");
  ExpectNameAndRequestIdChecked<v1::CordonHostRequest>("hosts/h1");
  ExpectNameAndRequestIdChecked<v1::UncordonHostRequest>("hosts/h1");
  ExpectNameAndRequestIdChecked<v1::RemoveHostRequest>("hosts/h1");
  ExpectNameAndRequestIdChecked<v1::AcceptMissingHostRequest>("hosts/h1");
  ExpectNameAndRequestIdChecked<v1::CancelOperationRequest>("operations/op-a");
}

TEST(RequestsTest, EtagsRefuseBadTexts) {
  v1::DeleteBackupRequest backup;
  backup.set_name("tenants/acme/backups/b1");
  ExpectBadTextsRefused(backup, "etag", kParse, [](auto& r, const std::string& t) { r.set_etag(t); });
  v1::RemoveHostRequest host;
  host.set_name("hosts/h1");
  ExpectBadTextsRefused(host, "etag", kParse, [](auto& r, const std::string& t) { r.set_etag(t); });
}

TEST(RequestsTest, NamesOfReadsRefuseBadTexts) {
  const auto check = [](auto request, const std::string& name) {
    request.set_name(name);
    ExpectBadTextsRefused(request, "name", kParse, [](auto& r, const std::string& t) { r.set_name(t); });
  };
  check(v1::GetBackupRequest(), "tenants/acme/backups/b1");
  check(v1::GetHostRequest(), "hosts/h1");
  check(v1::GetOperationRequest(), "operations/op-a");
  check(v1::WaitOperationRequest(), "operations/op-a");
  check(v1::WatchOperationRequest(), "operations/op-a");
}

TEST(RequestsTest, BackupMayBeCalledWhatIsNoId) {
  v1::CreateBackupRequest request;
  request.set_parent("tenants/acme");
  for (const std::string& name : {std::string("before-2.4"), std::string("RC_1"), std::string("7"),
                                  std::string("v2.4.0-RC1"), std::string(63, 'x')}) {
    request.set_given_name(name);
    ASSERT_TRUE(Parse(request).ok()) << name;
    EXPECT_EQ(Parse(request)->given_name, name);
    EXPECT_TRUE(ParseBackupName("tenants/acme/backups/" + name, "name").ok()) << name;
  }
  for (const std::string& name :
       {std::string("latest"), std::string("20261123t031100z-ab3d"), std::string(".."), std::string("-x"),
        std::string("a b"), std::string("a/b"), std::string("é"), std::string(64, 'x')}) {
    request.set_given_name(name);
    const ErrorDetails details = DetailsOf(Parse(request).status());
    ASSERT_FALSE(details.violations.empty()) << name;
    EXPECT_EQ(details.violations.front().field, "given_name");
  }
}

TEST(RequestsTest, NotesAndReasonsRefuseBadTexts) {
  v1::CreateBackupRequest backup;
  backup.set_parent("tenants/acme");
  backup.set_note("app 2.4.0, schema 118");
  EXPECT_EQ(Parse(backup)->note, "app 2.4.0, schema 118");
  backup.set_note("two\nlines");
  EXPECT_EQ(DetailsOf(Parse(backup).status()).violations.front().field, "note");
  v1::HoldBackupRequest hold;
  hold.set_name("tenants/acme/backups/b1");
  EXPECT_EQ(DetailsOf(Parse(hold).status()).violations.front().field, "reason") << "it must say why";
  hold.set_reason("case 17");
  EXPECT_EQ(Parse(hold)->reason, "case 17");
  hold.set_reason(std::string(513, 'x'));
  EXPECT_EQ(DetailsOf(Parse(hold).status()).violations.front().field, "reason");
}

TEST(RequestsTest, ABackupTakesAMinuteToADay) {
  v1::CreateBackupRequest request;
  request.set_parent("tenants/acme");
  EXPECT_EQ(Parse(request)->max_duration, absl::ZeroDuration()) << "the agent's default";
  for (const int64_t seconds : {60, 86400}) {
    request.mutable_max_duration()->set_seconds(seconds);
    EXPECT_EQ(Parse(request)->max_duration, absl::Seconds(seconds));
  }
  for (const int64_t seconds : {-1, 0, 59, 86401}) {
    request.mutable_max_duration()->set_seconds(seconds);
    const ErrorDetails details = DetailsOf(Parse(request).status());
    ASSERT_FALSE(details.violations.empty()) << seconds;
    EXPECT_EQ(details.violations.front().field, "max_duration");
  }
}

TEST(RequestsTest, HostIdentityIsDigits) {
  v1::AcceptHostIdentityRequest request;
  request.set_name("hosts/h1");
  request.set_system_identifier("7301234567890123456");
  ExpectBadTextsRefused(request, "system_identifier", kParse,
                        [](auto& r, const std::string& t) { r.set_system_identifier(t); });
  request.clear_system_identifier();
  EXPECT_FALSE(Parse(request).ok());
}

TEST(RequestsTest, HostLimitsHaveDefaultsAndRanges) {
  v1::UpdateHostRequest request;
  request.mutable_host()->set_name("hosts/h1");
  request.mutable_host()->mutable_limits();
  EXPECT_EQ(Parse(request)->limits, domain::HostLimits());
  request.mutable_host()->mutable_limits()->set_databases(INT32_MAX);
  request.mutable_host()->mutable_limits()->set_connections(-1);
  request.mutable_host()->mutable_limits()->set_reserve_bytes(INT64_MIN);
  std::vector<std::string> fields;
  for (const auto& violation : DetailsOf(Parse(request).status()).violations)
    fields.push_back(violation.field);
  EXPECT_THAT(fields, testing::ElementsAre("host.limits.databases", "host.limits.connections",
                                           "host.limits.reserve_bytes"));
  request.mutable_update_mask()->add_paths("cordoned");
  EXPECT_EQ(DetailsOf(Parse(request).status()).violations.at(0).field, "update_mask");
}

TEST(RequestsTest, JoinTokensAreForNamesThatACertificateCanCarry) {
  v1::CreateJoinTokenRequest request;
  request.set_host("hosts/h1");
  EXPECT_THAT(Parse(request)->server_names, testing::ElementsAre("localhost", "127.0.0.1", "::1"));
  for (const char* name : {"DB1.example.com", "10.0.0.1", "fe80::1", "h1"}) request.add_server_names(name);
  EXPECT_THAT(Parse(request)->server_names,
              testing::ElementsAre("db1.example.com", "10.0.0.1", "fe80::1", "h1"));
  ExpectBadTextsRefused(
      request, "server_names", kParse, [](auto& r, const std::string& t) { r.set_server_names(0, t); },
      [](const std::string& t) {
        return t == std::string(63, 'a') || t == "template1" || t == "postgres" || t == "UPPER";
      });
  ExpectBadTextsRefused(request, "host", kParse, [](auto& r, const std::string& t) { r.set_host(t); });
}

TEST(RequestsTest, CopiesNameAStoreByIdOrName) {
  v1::CopyBackupRequest copy;
  copy.set_name("tenants/acme/backups/20261123t031100z-abcd");
  EXPECT_EQ(DetailsOf(Parse(copy).status()).violations.at(0).field, "to_store");
  for (const char* store : {"offsite", "store-k3q2", "s9"}) {
    copy.set_to_store(store);
    EXPECT_EQ(Parse(copy)->to_store, store);
  }
  copy.set_to_store("../near");
  EXPECT_FALSE(Parse(copy).ok());
  v1::VerifyBackupRequest verify;
  verify.set_name(copy.name());
  EXPECT_EQ(Parse(verify)->copy, "");
  verify.set_copy("offsite");
  EXPECT_EQ(Parse(verify)->copy, "offsite");
  verify.set_copy("off site");
  EXPECT_EQ(DetailsOf(Parse(verify).status()).violations.at(0).field, "copy");
}

TEST(RequestsTest, WaitsAreNotNegative) {
  v1::WaitOperationRequest request;
  request.set_name("operations/op-a");
  EXPECT_FALSE(Parse(request)->timeout);
  request.mutable_timeout();
  EXPECT_EQ(Parse(request)->timeout, absl::ZeroDuration());
  for (const int64_t seconds : {int64_t{-1}, INT64_MIN, INT64_MAX}) {
    request.mutable_timeout()->set_seconds(seconds);
    EXPECT_EQ(DetailsOf(Parse(request).status()).violations.at(0).field, "timeout");
  }
}

}  // namespace
}  // namespace croft::wire
