#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/croftctl/control_plane.h"

// The verbs of `croftctl backup policy`, and what tenants show of the policy in force.
namespace croft::ctl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class BackupPolicies : public ::testing::Test, protected croft::ctl::Pair {
 protected:
  Ran Run(std::vector<std::string> arguments) const { return desk.Run(std::move(arguments)); }

  static v1::SharedBackupPolicy Nightly() {
    v1::SharedBackupPolicy policy;
    policy.set_name("backupPolicies/nightly");
    policy.set_state(v1::SharedBackupPolicy::STATE_APPLYING);
    policy.set_tenants_seen(3000);
    policy.set_tenants_total(10000);
    (*policy.mutable_selector())["env"] = "prod";
    policy.set_priority(5);
    policy.mutable_rules()->set_keep_daily(7);
    policy.mutable_rules()->add_off(v1::BACKUP_PART_PROOF_HOSTS);
    return policy;
  }
};

TEST_F(BackupPolicies, SetSendsWhatIsGivenAndNothingElse) {
  server.set_backup_policy.Answers(Nightly());
  const Ran ran =
      Run({"backup", "policy", "set", "nightly", "-l", "env=prod,tier=gold", "--backup-cron", "30 2 * * *",
           "--keep-daily", "7", "--backup-off", "proofs,proof-hosts", "--etag", "\"3\"", "-o", "table"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const v1::SetBackupPolicyRequest request = server.set_backup_policy.asked().at(0);
  EXPECT_THAT(request.update_mask().paths(),
              UnorderedElementsAre("selector", "rules.cron", "rules.keep_daily", "rules.off"));
  const v1::SharedBackupPolicy& policy = request.policy();
  EXPECT_EQ(policy.name(), "backupPolicies/nightly");
  EXPECT_EQ(policy.etag(), "\"3\"");
  EXPECT_THAT(policy.selector(),
              UnorderedElementsAre(testing::Pair("env", "prod"), testing::Pair("tier", "gold")));
  EXPECT_EQ(policy.rules().cron(), "30 2 * * *");
  EXPECT_THAT(policy.rules().off(), ElementsAre(v1::BACKUP_PART_PROOFS, v1::BACKUP_PART_PROOF_HOSTS));
  EXPECT_THAT(ran.out, AllOf(HasSubstr("env=prod"), HasSubstr("APPLYING, 3000 of 10000 tenants"),
                             HasSubstr("one of each of 7 days are kept, proof-hosts off")));
}

TEST_F(BackupPolicies, SetTakesValuesBack) {
  server.set_backup_policy.Answers(Nightly());
  ASSERT_EQ(Run({"backup", "policy", "set", "nightly", "--all-tenants", "--priority", "0",
                 "--backup-all-rows", "--backup-off", "none", "--copy-to", "0"})
                .exit_code,
            0);
  const v1::SetBackupPolicyRequest request = server.set_backup_policy.asked().at(0);
  EXPECT_THAT(request.update_mask().paths(), UnorderedElementsAre("selector", "priority", "rules.skip_rows",
                                                                  "rules.off", "rules.copy_to"));
  EXPECT_THAT(request.policy().selector(), IsEmpty());
  EXPECT_THAT(request.policy().rules().off(), IsEmpty());
  EXPECT_THAT(request.policy().rules().copy_to(), IsEmpty());
}

TEST_F(BackupPolicies, SetRefusesWhatMeansNothing) {
  const Ran nothing = Run({"backup", "policy", "set", "nightly"});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("nothing to set"));
  const Ran part = Run({"backup", "policy", "set", "nightly", "--backup-off", "nights"});
  EXPECT_EQ(part.exit_code, 2);
  EXPECT_THAT(part.err, AllOf(HasSubstr("--backup-off"), HasSubstr("skipped-rows")));
  EXPECT_EQ(Run({"backup", "policy", "set", "nightly", "-l", "env=prod", "--all-tenants"}).exit_code, 2);
  EXPECT_EQ(Run({"backup", "policy", "set", "nightly", "--backup-all-rows", "--backup-skip-rows", "a.b"})
                .exit_code,
            2);
  EXPECT_THAT(server.set_backup_policy.asked(), IsEmpty());
}

TEST_F(BackupPolicies, ListGetAndDelete) {
  v1::SharedBackupPolicy fleet;
  fleet.set_name("backupPolicies/fleet");
  fleet.set_state(v1::SharedBackupPolicy::STATE_ACTIVE);
  fleet.mutable_rules()->mutable_every()->set_seconds(6 * 3600);
  v1::ListBackupPoliciesResponse listed;
  *listed.add_policies() = fleet;
  *listed.add_policies() = Nightly();
  server.list_backup_policies.Answers(listed);
  const Ran list = Run({"backup", "policy", "list", "-o", "table"});
  EXPECT_EQ(list.exit_code, 0) << list.err;
  EXPECT_THAT(list.out, AllOf(HasSubstr("all tenants"), HasSubstr("ACTIVE"), HasSubstr("every 6h")));
  server.get_backup_policy.Answers(fleet);
  EXPECT_EQ(Run({"backup", "policy", "get", "fleet", "-o", "name"}).out, "backupPolicies/fleet\n");
  EXPECT_EQ(server.get_backup_policy.asked().at(0).name(), "backupPolicies/fleet");
  server.delete_backup_policy.Answers(fleet);
  EXPECT_EQ(Run({"backup", "policy", "delete", "fleet"}).exit_code, 2) << "nobody can be asked";
  EXPECT_EQ(Run({"backup", "policy", "delete", "fleet", "--yes"}).exit_code, 0);
  EXPECT_EQ(server.delete_backup_policy.asked().at(0).name(), "backupPolicies/fleet");
}

TEST_F(BackupPolicies, TenantShowsWhatIsInForceAndWhoDecidesIt) {
  v1::Tenant tenant = ReadyTenant("acme");
  tenant.mutable_backup_policy()->set_keep(3);
  v1::BackupPolicyInForce& in_force = *tenant.mutable_backup_policy_in_force();
  in_force.mutable_policy()->set_keep(3);
  in_force.mutable_policy()->mutable_every()->set_seconds(6 * 3600);
  const auto add = [&](v1::BackupPart part, const char* name) {
    v1::BackupPolicyInForce::Source& source = *in_force.add_sources();
    source.set_part(part);
    source.set_name(name);
  };
  add(v1::BACKUP_PART_RETENTION, "tenants/acme");
  server.get_tenant.Answers(tenant);
  EXPECT_THAT(Run({"tenant", "get", "acme", "-o", "table"}).out, Not(HasSubstr("its own")));
  add(v1::BACKUP_PART_SCHEDULE, "backupPolicies/nightly");
  server.get_tenant.Answers(tenant);
  EXPECT_THAT(Run({"tenant", "get", "acme", "-o", "table"}).out,
              AllOf(HasSubstr("every 6h, the newest 3 are kept"),
                    HasSubstr("retention: its own; schedule: nightly")));
}

TEST_F(BackupPolicies, UpdateSaysWhatIsOff) {
  server.update_tenant.Answers(ReadyTenant("acme"));
  ASSERT_EQ(Run({"tenant", "update", "acme", "--backup-off", "schedule"}).exit_code, 0);
  const v1::UpdateTenantRequest request = server.update_tenant.asked().at(0);
  EXPECT_THAT(request.update_mask().paths(), ElementsAre("backup_policy.off"));
  EXPECT_THAT(request.tenant().backup_policy().off(), ElementsAre(v1::BACKUP_PART_SCHEDULE));
}

}  // namespace
}  // namespace croft::ctl
