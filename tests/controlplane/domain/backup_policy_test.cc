#include "controlplane/domain/backup_policy.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/enums.h"
#include "controlplane/domain/schedule.h"
#include "tests/controlplane/domain/policy_model.h"

namespace croft::domain {
namespace {

using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using Selector = std::map<std::string, std::string>;

BackupPolicy Every(const std::string& id, const Selector& selector, absl::Duration every,
                   int32_t priority = 0) {
  return {.id = id, .selector = selector, .priority = priority, .rules = {.backup_every = every}};
}

Tenant Acme(const Selector& labels) {
  Tenant tenant;
  tenant.id = "acme";
  tenant.labels = labels;
  return tenant;
}

TEST(PolicyInForceTest, MoreLabelsGoFirstThenThePriorityThenTheId) {
  const Tenant tenant = Acme({{"env", "prod"}, {"tier", "gold"}});
  std::vector<BackupPolicy> policies{Every("fleet", {}, absl::Hours(24), 1000)};
  const auto in_force = [&] { return InForce(tenant, policies).sources.at(BackupPart::kSchedule); };
  EXPECT_EQ(in_force(), "backupPolicies/fleet");
  policies.push_back(Every("b", {{"env", "prod"}}, absl::Hours(12)));
  EXPECT_EQ(in_force(), "backupPolicies/b");
  policies.push_back(Every("a", {{"tier", "gold"}}, absl::Hours(11)));
  EXPECT_EQ(in_force(), "backupPolicies/a");
  policies[1].priority = 1;
  EXPECT_EQ(in_force(), "backupPolicies/b");
  policies.push_back(Every("z", {{"env", "prod"}, {"tier", "gold"}}, absl::Hours(10), -1000));
  EXPECT_EQ(in_force(), "backupPolicies/z");
  policies.push_back(Every("other", {{"env", "prod"}, {"tier", "gold"}, {"eu", "yes"}}, absl::Hours(9)));
  EXPECT_EQ(in_force(), "backupPolicies/z") << "a label that the tenant does not carry";
  policies[3].deleted = true;
  EXPECT_EQ(in_force(), "backupPolicies/b");
}

TEST(PolicyInForceTest, EachPartComesFromTheFirstThatDecidesIt) {
  Tenant tenant = Acme({{"env", "dev"}});
  tenant.keep.daily = 14;
  BackupPolicy fleet = Every("fleet", {}, absl::Hours(24));
  fleet.rules.backups_kept = 3;
  fleet.rules.prove_every = absl::Hours(168);
  fleet.rules.copy_to = {"offsite"};
  BackupPolicy dev{.id = "dev", .selector = {{"env", "dev"}}};
  dev.rules.off = {BackupPart::kProofs};
  dev.rules.skip_rows = {"public.jobs"};
  const PolicyInForce policy = InForce(tenant, {dev, fleet});
  EXPECT_EQ(policy.rules.backup_every, absl::Hours(24));
  EXPECT_EQ(policy.rules.backups_kept, 0) << "retention is one part";
  EXPECT_EQ(policy.rules.keep.daily, 14);
  EXPECT_EQ(policy.rules.prove_every, absl::ZeroDuration());
  EXPECT_TRUE(policy.rules.off.empty());
  EXPECT_THAT(policy.sources, UnorderedElementsAre(Pair(BackupPart::kSchedule, "backupPolicies/fleet"),
                                                   Pair(BackupPart::kRetention, "tenants/acme"),
                                                   Pair(BackupPart::kProofs, "backupPolicies/dev"),
                                                   Pair(BackupPart::kCopies, "backupPolicies/fleet"),
                                                   Pair(BackupPart::kSkippedRows, "backupPolicies/dev")));
}

TEST(PolicyInForceTest, TenantSaysThatThereIsNone) {
  Tenant tenant = Acme({});
  tenant.backup_off = {BackupPart::kSchedule, BackupPart::kCopies};
  BackupPolicy fleet = Every("fleet", {}, absl::Hours(24));
  fleet.rules.copy_to = {"offsite"};
  const PolicyInForce policy = InForce(tenant, {fleet});
  EXPECT_EQ(policy.rules.backup_every, absl::ZeroDuration());
  EXPECT_TRUE(policy.rules.copy_to.empty());
  EXPECT_EQ(policy.sources.at(BackupPart::kSchedule), "tenants/acme");
}

TEST(PolicyInForceTest, TenantsOwnTimeZoneCountsForThePolicysTimes) {
  Tenant tenant = Acme({});
  BackupPolicy fleet{.id = "fleet"};
  fleet.rules.backup_times = {.cron = "30 2 * * *", .window = "22:00-05:00", .time_zone = "Europe/Berlin"};
  EXPECT_EQ(InForce(tenant, {fleet}).rules.backup_times.time_zone, "Europe/Berlin");
  tenant.backup_times.time_zone = "Asia/Kolkata";
  const BackupTimes times = InForce(tenant, {fleet}).rules.backup_times;
  EXPECT_EQ(times.time_zone, "Asia/Kolkata");
  EXPECT_EQ(times.cron, "30 2 * * *");
  EXPECT_EQ(times.window, "22:00-05:00");
}

TEST(PolicyInForceTest, WithoutPoliciesCountsWhatTheTenantSays) {
  Tenant tenant = Acme({});
  tenant.backup_every = absl::Hours(1);
  tenant.backup_times.window = "22:00-05:00";
  tenant.prove_on = {{"role", "proof"}};
  EXPECT_EQ(InForce(tenant, {}).rules, RulesOf(tenant));
}

TEST(BasisTest, ChangesWithWhatTheTimeFollowsFromAndWithNothingElse) {
  PolicyInForce policy;
  policy.rules.backup_every = absl::Hours(6);
  const int64_t basis = BasisOf(ScheduleKind::kBackUp, policy);
  EXPECT_NE(basis, 0);
  PolicyInForce other = policy;
  other.rules.backups_kept = 3;
  other.rules.prove_every = absl::Hours(1);
  EXPECT_EQ(BasisOf(ScheduleKind::kBackUp, other), basis);
  EXPECT_NE(BasisOf(ScheduleKind::kProve, other), BasisOf(ScheduleKind::kProve, policy));
  other.rules.backup_times.window = "22:00-05:00";
  EXPECT_NE(BasisOf(ScheduleKind::kBackUp, other), basis);
}

// Some of everything, so that policies meet: few labels, few priorities, and each field set or not.
class Random {
 public:
  explicit Random(unsigned seed) : random_(seed) {}

  int Roll(int sides) { return static_cast<int>(random_() % static_cast<unsigned>(sides)); }
  Selector Labels(int most) {
    constexpr const char* kKeys[] = {"env", "tier", "eu"};
    Selector labels;
    for (int i = Roll(most + 1); i > 0; --i) labels[kKeys[Roll(3)]] = Roll(2) == 0 ? "x" : "y";
    return labels;
  }
  BackupRules Rules() {
    BackupRules rules;
    if (Roll(3) == 0) rules.backups_kept = 1 + Roll(4);
    if (Roll(3) == 0) rules.keep.weekly = 1 + Roll(4);
    if (Roll(3) == 0) rules.backup_every = absl::Hours(1 + Roll(9));
    if (Roll(3) == 0) rules.backup_times.cron = Roll(2) == 0 ? "0 3 * * *" : "0 4 * * *";
    if (Roll(3) == 0) rules.backup_times.time_zone = Roll(2) == 0 ? "Europe/Berlin" : "Asia/Kolkata";
    if (Roll(3) == 0) rules.prove_every = absl::Hours(1 + Roll(9));
    if (Roll(3) == 0) rules.prove_on = {{"role", Roll(2) == 0 ? "proof" : "spare"}};
    if (Roll(3) == 0) rules.copy_to = {Roll(2) == 0 ? "offsite" : "tape"};
    if (Roll(3) == 0) rules.skip_rows = {Roll(2) == 0 ? "a.*" : "b.*"};
    for (const BackupPart part : AllOf<BackupPart>()) {
      if (Roll(4) == 0 && !HasValue(rules, part)) rules.off.insert(part);
    }
    return rules;
  }

 private:
  std::mt19937 random_;
};

TEST(PolicyInForceTest, IsWhatTheModelSays) {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    Random random(seed);
    std::vector<BackupPolicy> policies;
    for (int i = random.Roll(6); i > 0; --i) {
      BackupPolicy& policy = policies.emplace_back();
      policy.id = std::string(1, static_cast<char>('a' + i));
      policy.selector = random.Labels(3);
      policy.priority = random.Roll(3) - 1;
      policy.rules = random.Rules();
      policy.deleted = random.Roll(6) == 0;
    }
    Tenant tenant = Acme(random.Labels(3));
    SetRules(random.Rules(), tenant);
    const PolicyInForce policy = InForce(tenant, policies);
    const PolicyInForce model = PolicyModel(tenant, policies).Result();
    ASSERT_EQ(policy.rules, model.rules) << seed;
    ASSERT_EQ(policy.sources, model.sources) << seed;
  }
}

}  // namespace
}  // namespace croft::domain
