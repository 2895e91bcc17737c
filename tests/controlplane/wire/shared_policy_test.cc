#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "controlplane/wire/backup_policy.h"

namespace croft::wire {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

v1::SetBackupPolicyRequest Nightly() {
  v1::SetBackupPolicyRequest request;
  v1::SharedBackupPolicy& policy = *request.mutable_policy();
  policy.set_name("backupPolicies/nightly");
  (*policy.mutable_selector())["env"] = "prod";
  policy.set_priority(-3);
  policy.mutable_rules()->set_cron("30  2 * * *");
  policy.mutable_rules()->set_keep_daily(7);
  policy.mutable_rules()->add_off(v1::BACKUP_PART_PROOFS);
  return request;
}

std::vector<std::string> Fields(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : DetailsOf(status).violations) fields.push_back(violation.field);
  return fields;
}

// The policy that the request makes of one that says nothing.
domain::BackupRules RulesAfter(const engine::SetBackupPolicy& set) {
  domain::Tenant tenant;
  set.rules.ApplyTo(tenant);
  return domain::RulesOf(tenant);
}

TEST(SharedPolicyTest, EmptyMaskMeansWhatIsSet) {
  const auto parsed = Parse(Nightly());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->policy, "nightly");
  EXPECT_THAT(*parsed->selector, ElementsAre(Pair("env", "prod")));
  EXPECT_EQ(parsed->priority, -3);
  const domain::BackupRules rules = RulesAfter(*parsed);
  EXPECT_EQ(rules.backup_times.cron, "30 2 * * *");
  EXPECT_EQ(rules.keep.daily, 7);
  EXPECT_THAT(rules.off, ElementsAre(domain::BackupPart::kProofs));
}

TEST(SharedPolicyTest, MaskNamesSingleFields) {
  v1::SetBackupPolicyRequest request = Nightly();
  request.mutable_update_mask()->add_paths("rules.keep_daily");
  const auto parsed = Parse(request);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_FALSE(parsed->selector);
  EXPECT_FALSE(parsed->priority);
  const domain::BackupRules rules = RulesAfter(*parsed);
  EXPECT_EQ(rules.keep.daily, 7);
  EXPECT_EQ(rules.backup_times.cron, "");
  request.mutable_update_mask()->add_paths("rules.labels");
  EXPECT_THAT(Fields(Parse(request).status()), Contains("update_mask"));
}

TEST(SharedPolicyTest, FieldsAreNamedAsThePolicysOwn) {
  v1::SetBackupPolicyRequest request = Nightly();
  request.mutable_policy()->set_name("policies/nightly");
  request.mutable_policy()->set_priority(1001);
  (*request.mutable_policy()->mutable_selector())["no spaces"] = "x";
  v1::BackupPolicy& rules = *request.mutable_policy()->mutable_rules();
  rules.set_cron("often");
  rules.mutable_prove_every()->set_seconds(3600);
  rules.set_time_zone("Middle/Earth");
  rules.add_off(v1::BACKUP_PART_UNSPECIFIED);
  EXPECT_THAT(Fields(Parse(request).status()),
              testing::IsSupersetOf({"policy.name", "policy.priority", "policy.rules.cron",
                                     "policy.rules.time_zone", "policy.rules.off"}));
}

TEST(SharedPolicyTest, PartIsNotOffBesideAFieldOfIt) {
  v1::SetBackupPolicyRequest request = Nightly();
  request.mutable_policy()->mutable_rules()->add_off(v1::BACKUP_PART_SCHEDULE);
  EXPECT_THAT(Fields(Parse(request).status()), ElementsAre("policy.rules.off"));
}

TEST(SharedPolicyTest, IsShownWithHowFarItIs) {
  domain::BackupPolicy policy{.id = "nightly", .version = 4, .selector = {{"env", "prod"}}, .priority = 2};
  policy.rules.copy_to = {"offsite"};
  policy.rules.off = {domain::BackupPart::kProofHosts};
  v1::SharedBackupPolicy shown = ToProto(policy, 10);
  EXPECT_EQ(shown.name(), "backupPolicies/nightly");
  EXPECT_EQ(shown.etag(), "\"4\"");
  EXPECT_EQ(shown.selector().at("env"), "prod");
  EXPECT_EQ(shown.state(), v1::SharedBackupPolicy::STATE_ACTIVE);
  EXPECT_EQ(shown.tenants_total(), 0);
  EXPECT_THAT(shown.rules().off(), ElementsAre(v1::BACKUP_PART_PROOF_HOSTS));
  policy.rollout = {.open = true, .seen = 3};
  shown = ToProto(policy, 10);
  EXPECT_EQ(shown.state(), v1::SharedBackupPolicy::STATE_APPLYING);
  EXPECT_EQ(shown.tenants_seen(), 3);
  EXPECT_EQ(shown.tenants_total(), 10);
  policy.deleted = true;
  EXPECT_EQ(ToProto(policy, 10).state(), v1::SharedBackupPolicy::STATE_DELETING);
}

TEST(SharedPolicyTest, PolicyInForceNamesItsSources) {
  domain::PolicyInForce policy;
  policy.rules.backup_every = absl::Hours(6);
  policy.sources[domain::BackupPart::kSchedule] = "backupPolicies/nightly";
  const v1::BackupPolicyInForce shown = ToProto(policy);
  EXPECT_EQ(shown.policy().every().seconds(), 6 * 3600);
  EXPECT_THAT(shown.policy().off(), IsEmpty());
  ASSERT_EQ(shown.sources_size(), 1);
  EXPECT_EQ(shown.sources(0).part(), v1::BACKUP_PART_SCHEDULE);
  EXPECT_EQ(shown.sources(0).name(), "backupPolicies/nightly");
}

}  // namespace
}  // namespace croft::wire
