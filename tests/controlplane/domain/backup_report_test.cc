#include "controlplane/domain/backup_report.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::domain {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);  // 2027-01-15T08:00:00Z

Tenant Acme() {
  Tenant tenant{.id = "acme", .uid = "uid1", .state = TenantState::kReady};
  tenant.backup_every = absl::Hours(6);
  tenant.prove_every = absl::Hours(24);
  tenant.prove_on = {{"role", "proof"}};
  tenant.last_proof = {.backup = "b1",
                       .time = kNow - absl::Hours(3),
                       .host = "p1",
                       .outcome = "VERIFIED",
                       .caller = "system"};
  return tenant;
}

Backup Made(const std::string& id, BackupState state, absl::Duration age) {
  Backup backup{.tenant = "acme", .id = id, .create_time = kNow - age, .state = state};
  return backup;
}

// With the policy that the tenant itself says.
std::string LinesOn(BackupReport& report, const Tenant& tenant, const std::vector<Backup>& backups,
                    absl::Time now) {
  return report.Lines(tenant, InForce(tenant, {}), backups, now);
}

TEST(BackupReportTest, SaysOfATenantWhatAnAuditorAsks) {
  BackupReport report;
  EXPECT_EQ(LinesOn(report, Acme(),
                    {Made("b2", BackupState::kFailed, absl::Hours(1)),
                     Made("b1", BackupState::kVerified, absl::Hours(5))},
                    kNow),
            "\ntenant tenants/acme, uid uid1, READY\n"
            "policy: backup every 6h, proof every 24h, proof on hosts with role=proof\n"
            "newest backup: b1, MANUAL, VERIFIED, made 2027-01-15T03:00:00Z, 5h old\n"
            "last proof: VERIFIED, backup b1, on hosts/p1, by system, 2027-01-15T05:00:00Z, 3h old\n");
}

TEST(BackupReportTest, SaysWhatThereIsNotOf) {
  BackupReport report;
  EXPECT_EQ(
      LinesOn(report, {.id = "acme", .uid = "uid1", .state = TenantState::kRetired}, {}, kNow),
      "\ntenant tenants/acme, uid uid1, RETIRED\npolicy: none\nnewest backup: none\nlast proof: none\n");
}

TEST(BackupReportTest, CountsAllOfThem) {
  BackupReport report;
  (void)LinesOn(report, Acme(), {Made("b1", BackupState::kVerified, absl::Hours(5))}, kNow);
  Tenant failed = Acme();
  failed.last_proof.outcome = "DAMAGED";
  (void)LinesOn(report, failed, {Made("b1", BackupState::kAvailable, absl::Hours(9))}, kNow);
  (void)LinesOn(report, {.id = "globex"}, {}, kNow);
  EXPECT_EQ(
      report.Totals(kNow),
      "\ntenants: 3\nwith a usable backup: 2\nwith none: 1\nlast proof passed: 1\nlast proof failed: 1\n"
      "never proven: 1\noldest newest backup: 2027-01-14T23:00:00Z, 9h old\n"
      "oldest last proof that passed: 2027-01-15T05:00:00Z, 3h old\nended 2027-01-15T08:00:00Z\n");
}

TEST(BackupReportTest, AFilterCannotPassForLinesOfTheReport) {
  const std::string head = BackupReport::Head(kNow, "admin", "id = a\ntenant tenants/forged");
  EXPECT_THAT(head, Not(HasSubstr("\ntenant tenants/forged")));
  EXPECT_EQ(BackupReport::Head(kNow, "admin", ""),
            "croft backup report\nbegun 2027-01-15T08:00:00Z\nasked for by admin\n"
            "tenants: all that the caller may see\n");
}

}  // namespace
}  // namespace croft::domain
