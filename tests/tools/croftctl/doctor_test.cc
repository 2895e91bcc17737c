#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/tools/croftctl/control_plane.h"
#include "tools/croftctl/diagnosis.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/version.h"

namespace croft::ctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::ordered_json;

v1::Host UpHost(const std::string& id) {
  v1::Host host;
  host.set_name(absl::StrCat("hosts/", id));
  host.set_state(v1::Host::STATE_UP);
  host.set_postgres_version("15.20");
  host.set_postgres_up(true);
  host.set_tls(true);
  host.set_tls_verifiable(true);
  return host;
}

// The first finding that is not all right, as "state: subject: text".
std::string FirstTrouble(const Findings& findings) {
  for (const Finding& finding : findings) {
    if (finding.level == Level::kOk) continue;
    EXPECT_THAT(finding.remedy, Not(IsEmpty())) << finding.text;
    return absl::StrCat(finding.level == Level::kWarn ? "warn" : "fail", ": ", finding.text);
  }
  return "";
}

TEST(Diagnosis, HostsThatAreNotWellAreNamedWithARemedy) {
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  v1::Host host = UpHost("h1");
  EXPECT_EQ(FirstTrouble(CheckHost(host, now)), "");
  host.set_postgres_up(false);
  host.set_problem("it is being started");
  EXPECT_EQ(FirstTrouble(CheckHost(host, now)),
            "fail: its agent is up but its PostgreSQL is not: it is being started");
  host = UpHost("h1");
  host.set_problem("PostgreSQL 15.13 has known holes");
  EXPECT_EQ(FirstTrouble(CheckHost(host, now)), "warn: PostgreSQL 15.13 has known holes");
  host.clear_problem();
  host.set_tls_verifiable(false);
  EXPECT_THAT(FirstTrouble(CheckHost(host, now)), HasSubstr("warn: applications cannot verify its server"));
  host.set_tls(false);
  EXPECT_EQ(FirstTrouble(CheckHost(host, now)), "warn: speaks no TLS to applications");
  host.set_state(v1::Host::STATE_AWAY);
  host.mutable_last_seen_time()->set_seconds(1'700'000'000 - 90);
  EXPECT_EQ(FirstTrouble(CheckHost(host, now)), "fail: away since 1m30s");
  host.set_state(v1::Host::STATE_IDENTITY_CHANGED);
  EXPECT_THAT(FirstTrouble(CheckHost(host, now)), HasSubstr("fail: its PostgreSQL is another cluster"));
  host.set_state(v1::Host::STATE_EXPECTED);
  EXPECT_EQ(FirstTrouble(CheckHost(host, now)), "warn: has never joined");
}

TEST(Diagnosis, MissingRightsAreNamedWithWhatGivesThem) {
  v1::Host host = UpHost("h1");
  v1::MissingRight& missing = *host.add_missing_rights();
  missing.set_right("temp_file_limit");
  missing.set_consequence("queries may fill the disk");
  missing.set_remedy("GRANT it");
  const auto warned = CheckHost(host, absl::UnixEpoch());
  EXPECT_EQ(FirstTrouble(warned),
            "warn: its agent's role lacks temp_file_limit: queries may fill the disk");
  EXPECT_EQ(warned.back().remedy, "GRANT it");
  missing.add_task_kinds("create");
  EXPECT_THAT(FirstTrouble(CheckHost(host, absl::UnixEpoch())), HasSubstr("fail: its agent's role lacks"));
}

TEST(Diagnosis, CertificatesAreLookedAtWholly) {
  const Certificates ours = NewCertificates();
  const Certificates others = NewCertificates();
  const std::vector<std::string> chain = {ours.server.certificate};
  const std::vector<std::string> authorities = {others.authority.certificate, ours.authority.certificate};
  const absl::Time now = absl::Now();
  EXPECT_EQ(FirstTrouble(CheckServerChain("127.0.0.1:7443", chain, authorities, now)), "");
  EXPECT_THAT(FirstTrouble(CheckServerChain("10.0.0.1:7443", chain, authorities, now)),
              HasSubstr("fail: is for 127.0.0.1, localhost, not for 10.0.0.1"));
  EXPECT_EQ(FirstTrouble(CheckServerChain("127.0.0.1:7443", chain, {others.authority.certificate}, now)),
            "fail: was not signed by an authority of --ca");
  EXPECT_THAT(FirstTrouble(CheckServerChain("127.0.0.1:7443", chain, authorities, now + absl::Hours(1001))),
              HasSubstr("fail: expired on"));
  EXPECT_THAT(FirstTrouble(CheckServerChain("127.0.0.1:7443", chain, authorities, now + absl::Hours(900))),
              HasSubstr("warn: valid until"));
  EXPECT_THAT(FirstTrouble(CheckServerChain("127.0.0.1:7443", chain, authorities, now - absl::Hours(5))),
              HasSubstr("fail: is valid only from"));
}

TEST(Diagnosis, NamesMatchByAddressNameOrOneWildcardLabel) {
  EXPECT_TRUE(NamesHost({"croft.example", "::1"}, "::1"));
  EXPECT_TRUE(NamesHost({"Croft.Example"}, "croft.example"));
  EXPECT_TRUE(NamesHost({"*.example"}, "croft.example"));
  EXPECT_FALSE(NamesHost({"*.example"}, "a.croft.example"));
  EXPECT_FALSE(NamesHost({"*.example"}, "example"));
  EXPECT_FALSE(NamesHost({}, "localhost"));
}

TEST(Diagnosis, VersionsMayDifferInTheirLastPart) {
  EXPECT_EQ(CheckVersions("1.2.3", "1.2.9").level, Level::kOk);
  EXPECT_EQ(CheckVersions("1.3.0", "1.2.9").level, Level::kWarn);
}

v1::Operation Backup(v1::Operation::State state, absl::Duration ago, absl::Time now) {
  v1::Operation operation;
  operation.set_name("operations/op-1");
  operation.set_target("tenants/acme");
  operation.set_kind(v1::Operation::KIND_BACK_UP);
  operation.set_state(state);
  operation.set_done(state != v1::Operation::STATE_RUNNING);
  operation.mutable_create_time()->set_seconds(absl::ToUnixSeconds(now - ago));
  if (state == v1::Operation::STATE_FAILED) operation.mutable_error()->set_message("the store is full");
  return operation;
}

TEST(Diagnosis, BackupsThatFailSinceTheLastGoodOneAreNamedWithTheirAge) {
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  const v1::Operation running = Backup(v1::Operation::STATE_RUNNING, absl::Minutes(1), now);
  const v1::Operation failed = Backup(v1::Operation::STATE_FAILED, absl::Hours(1), now);
  const v1::Operation failed_first = Backup(v1::Operation::STATE_FAILED, absl::Hours(49), now);
  const v1::Operation good = Backup(v1::Operation::STATE_SUCCEEDED, absl::Hours(73), now);
  const v1::Operation failed_before = Backup(v1::Operation::STATE_FAILED, absl::Hours(97), now);

  const auto finding = CheckBackups({running, failed, failed_first, good, failed_before}, now);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->level, Level::kFail);
  EXPECT_EQ(finding->subject, "tenant acme");
  EXPECT_EQ(finding->text, absl::StrCat("its last 2 backups failed, the first ",
                                        DurationText(absl::Hours(49)), " ago: the store is full"));
  EXPECT_THAT(finding->remedy, AllOf(HasSubstr("croftctl backup create acme"), HasSubstr("op get op-1")));
  EXPECT_THAT(CheckBackups({failed, good}, now)->text, HasSubstr("its last backup failed 1h"));
  EXPECT_FALSE(CheckBackups({running, good, failed_before}, now));
  EXPECT_FALSE(CheckBackups({running}, now));
  EXPECT_FALSE(CheckBackups({}, now));
}

class Doctor : public ::testing::Test, protected Pair {
 protected:
  Doctor() {
    v1::GetStatusResponse status;
    status.set_version(Version());
    status.set_caller("admin");
    server.get_status.Answers(status);
    v1::ListHostsResponse hosts;
    *hosts.add_hosts() = UpHost("h1");
    server.list_hosts.Answers(hosts);
    server.list_operations.Answers(v1::ListOperationsResponse());
  }
};

TEST_F(Doctor, AllWellIsZero) {
  const Ran ran = desk.Run({"doctor", "-o", "json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  const Json report = Json::parse(ran.out);
  for (const Json& check : report["checks"]) {
    if (check["subject"] != "psql") {
      EXPECT_EQ(check["state"], "ok") << check;
    }
  }
}

TEST_F(Doctor, ATenantWhoseBackupsFailIsNamedUnlessItIsGone) {
  v1::ListOperationsResponse operations;
  *operations.add_operations() = Backup(v1::Operation::STATE_FAILED, absl::Hours(1), absl::Now());
  server.list_operations.Answers(operations);
  server.get_tenant.Answers(ReadyTenant("acme"));
  const Ran ran = desk.Run({"doctor"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("fail   tenant acme"), HasSubstr("the store is full")));
  server.get_tenant.Answers([](const v1::GetTenantRequest&, v1::Tenant&) {
    return GrpcError(absl::StatusCode::kNotFound, "there is no tenant 'acme'",
                     {.reason = "TENANT_NOT_FOUND"});
  });
  EXPECT_EQ(desk.Run({"doctor"}).exit_code, 0);
}

TEST_F(Doctor, AHostThatIsAwayFails) {
  v1::ListHostsResponse hosts;
  *hosts.add_hosts() = UpHost("h1");
  hosts.mutable_hosts(0)->set_state(v1::Host::STATE_AWAY);
  server.list_hosts.Answers(hosts);
  const Ran ran = desk.Run({"doctor"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("fail   host h1"), HasSubstr("away since")));
}

TEST_F(Doctor, AnotherAuthorityIsFoundBehindTheRefusedHandshake) {
  EventQueue stranger(NewCertificates());
  stranger.environment["CROFT_SERVER"] = server.address();
  const Ran ran = stranger.Run({"doctor", "--timeout", "30s"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("was not signed by an authority of --ca"));
}

TEST_F(Doctor, AnExpiredServerCertificateIsFoundBehindTheRefusedHandshake) {
  Certificates expired = NewCertificates(absl::Now() - absl::Hours(1));
  const ControlPlane old(expired);
  EventQueue asking(expired);
  asking.environment["CROFT_SERVER"] = old.address();
  const Ran ran = asking.Run({"doctor", "--timeout", "30s"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("expired on"));
}

TEST_F(Doctor, NothingThereIsAFailureAndNotAWait) {
  int dead_port = 0;
  {
    const ControlPlane gone(certificates);
    dead_port = gone.port();
  }
  const Ran ran = desk.Run({"doctor", "--server", absl::StrCat("127.0.0.1:", dead_port)});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("nothing speaks TLS"));
}

TEST_F(Doctor, ASecretOpenToOthersIsAWarning) {
  std::filesystem::permissions(desk.folder().File("admin.key"), std::filesystem::perms(0644));
  const Ran ran = desk.Run({"doctor"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("warn"), HasSubstr("is open to others"), HasSubstr("chmod 600")));
}

}  // namespace
}  // namespace croft::ctl
