#include "controlplane/handlers/backup_policies.h"

#include <string>

#include "tests/controlplane/handlers/control_plane.h"

namespace croft::handlers {
namespace {

using server::ReasonOf;
using Policies = v1::BackupPolicyService::Stub;

class BackupPoliciesTest : public ControlPlane {
 protected:
  v1::SharedBackupPolicy Set(const std::string& id, int64_t seconds, const std::string& env = "") {
    v1::SetBackupPolicyRequest request;
    v1::SharedBackupPolicy& policy = *request.mutable_policy();
    policy.set_name("backupPolicies/" + id);
    if (!env.empty()) (*policy.mutable_selector())["env"] = env;
    policy.mutable_rules()->mutable_every()->set_seconds(seconds);
    v1::SharedBackupPolicy set;
    const grpc::Status status = Call(*backup_policies_, &Policies::SetBackupPolicy, request, set);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return set;
  }
};

TEST_F(BackupPoliciesTest, AreSetReadListedAndDeleted) {
  const v1::SharedBackupPolicy set = Set("nightly", 86400, "prod");
  EXPECT_EQ(set.name(), "backupPolicies/nightly");
  EXPECT_EQ(set.etag(), "\"1\"");
  EXPECT_EQ(set.state(), v1::SharedBackupPolicy::STATE_APPLYING);
  EXPECT_EQ(set.rules().every().seconds(), 86400);
  v1::GetBackupPolicyRequest get;
  get.set_name(set.name());
  v1::SharedBackupPolicy got;
  ASSERT_TRUE(Call(*backup_policies_, &Policies::GetBackupPolicy, get, got).ok());
  EXPECT_EQ(got.selector().at("env"), "prod");
  Set("fleet", 3600);
  v1::ListBackupPoliciesResponse listed;
  ASSERT_TRUE(
      Call(*backup_policies_, &Policies::ListBackupPolicies, v1::ListBackupPoliciesRequest(), listed).ok());
  ASSERT_EQ(listed.policies_size(), 2);
  EXPECT_EQ(listed.policies(0).name(), "backupPolicies/fleet");
  v1::DeleteBackupPolicyRequest deletion;
  deletion.set_name(set.name());
  deletion.set_etag("\"7\"");
  v1::SharedBackupPolicy deleted;
  EXPECT_EQ(ReasonOf(Call(*backup_policies_, &Policies::DeleteBackupPolicy, deletion, deleted)),
            "ETAG_MISMATCH");
  deletion.set_etag("");
  ASSERT_TRUE(Call(*backup_policies_, &Policies::DeleteBackupPolicy, deletion, deleted).ok());
  EXPECT_EQ(deleted.state(), v1::SharedBackupPolicy::STATE_DELETING);
  get.set_name("backupPolicies/none");
  EXPECT_EQ(ReasonOf(Call(*backup_policies_, &Policies::GetBackupPolicy, get, got)),
            "BACKUP_POLICY_NOT_FOUND");
}

TEST_F(BackupPoliciesTest, TenantsAndPlansShowWhatIsInForceAndWhoSaysSo) {
  JoinHost("h1");
  Create("acme");
  EXPECT_EQ(Get("acme").backup_policy_in_force().sources_size(), 0);
  Set("fleet", 3600);
  v1::UpdateTenantRequest update;
  update.mutable_tenant()->set_name("tenants/acme");
  update.mutable_tenant()->mutable_backup_policy()->set_keep(3);
  update.mutable_update_mask()->add_paths("backup_policy.keep");
  v1::Tenant tenant;
  ASSERT_TRUE(Call(*tenants_, &v1::TenantService::Stub::UpdateTenant, update, tenant).ok());
  const auto check = [](const v1::BackupPolicy& policy, const auto& sources) {
    EXPECT_EQ(policy.every().seconds(), 3600);
    EXPECT_EQ(policy.keep(), 3);
    ASSERT_EQ(sources.size(), 2);
    EXPECT_EQ(sources.Get(0).name(), "backupPolicies/fleet");
    EXPECT_EQ(sources.Get(1).part(), v1::BACKUP_PART_RETENTION);
    EXPECT_EQ(sources.Get(1).name(), "tenants/acme");
  };
  const v1::BackupPolicyInForce in_force = Get("acme").backup_policy_in_force();
  check(in_force.policy(), in_force.sources());
  EXPECT_FALSE(Get("acme").backup_policy().has_every()) << "what it says itself";
  v1::ListBackupPlansRequest request;
  request.set_parent("tenants/acme");
  v1::ListBackupPlansResponse plans;
  ASSERT_TRUE(Call(*backups_, &v1::BackupService::Stub::ListBackupPlans, request, plans).ok());
  check(plans.plans(0).policy(), plans.plans(0).policy_sources());
}

}  // namespace
}  // namespace croft::handlers
