#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "controlplane/wire/tenant_fields.h"
#include "controlplane/wire/tenant_requests.h"
#include "tests/controlplane/wire/corpus.h"

namespace croft::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::CreateTenantRequest CreateWith(const v1::BackupPolicy& policy) {
  v1::CreateTenantRequest request;
  request.set_tenant_id("acme");
  *request.mutable_tenant()->mutable_backup_policy() = policy;
  return request;
}

v1::BackupPolicy WholePolicy() {
  v1::BackupPolicy policy;
  policy.set_keep(3);
  policy.set_cron("30 2 * * 1-5");
  policy.set_time_zone("Europe/Berlin");
  policy.set_window("22:00-05:00");
  policy.mutable_jitter()->set_seconds(90);
  policy.mutable_keep_within()->set_seconds(48 * 3600);
  policy.set_keep_daily(7);
  policy.set_keep_weekly(4);
  policy.set_keep_monthly(12);
  policy.set_keep_yearly(2);
  return policy;
}

TEST(BackupPolicyTest, IsTakenAndShownWhole) {
  const auto parsed = Parse(CreateWith(WholePolicy()));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const domain::Tenant& tenant = parsed->tenant;
  EXPECT_EQ(tenant.backup_times, (domain::BackupTimes{.cron = "30 2 * * 1-5",
                                                      .window = "22:00-05:00",
                                                      .time_zone = "Europe/Berlin",
                                                      .jitter = absl::Seconds(90)}));
  EXPECT_EQ(
      tenant.keep,
      (domain::KeepRules{.within = absl::Hours(48), .daily = 7, .weekly = 4, .monthly = 12, .yearly = 2}));
  v1::Tenant shown;
  ShowTenantFields(tenant, shown);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(shown.backup_policy(), WholePolicy()))
      << shown.backup_policy().DebugString();
}

TEST(BackupPolicyTest, JitterIsTenMinutesUnlessItIsGiven) {
  v1::BackupPolicy policy;
  policy.set_cron("  0   3 * *\t* ");
  EXPECT_EQ(Parse(CreateWith(policy))->tenant.backup_times.jitter, absl::Minutes(10));
  EXPECT_EQ(Parse(CreateWith(policy))->tenant.backup_times.cron, "0 3 * * *");
  policy.mutable_jitter();
  EXPECT_EQ(Parse(CreateWith(policy))->tenant.backup_times.jitter, absl::ZeroDuration());
}

TEST(BackupPolicyTest, WhatIsWrongIsNamedByField) {
  using Change = std::function<void(v1::BackupPolicy&)>;
  const std::pair<std::string, Change> wrong[] = {
      {"cron", [](v1::BackupPolicy& policy) { policy.set_cron("61 * * * *"); }},
      {"cron", [](v1::BackupPolicy& policy) { policy.set_cron(std::string(257, ' ')); }},
      {"cron", [](v1::BackupPolicy& policy) { policy.mutable_every()->set_seconds(3600); }},
      {"time_zone", [](v1::BackupPolicy& policy) { policy.set_time_zone("Europe/Nowhere"); }},
      {"window", [](v1::BackupPolicy& policy) { policy.set_window("22"); }},
      {"jitter", [](v1::BackupPolicy& policy) { policy.mutable_jitter()->set_seconds(24 * 3600 + 1); }},
      {"jitter", [](v1::BackupPolicy& policy) { policy.mutable_jitter()->set_nanos(5); }},
      {"keep_within", [](v1::BackupPolicy& policy) { policy.mutable_keep_within()->set_seconds(-1); }},
      {"keep_daily", [](v1::BackupPolicy& policy) { policy.set_keep_daily(1001); }},
      {"keep_weekly", [](v1::BackupPolicy& policy) { policy.set_keep_weekly(-1); }},
      {"keep_monthly", [](v1::BackupPolicy& policy) { policy.set_keep_monthly(1001); }},
      {"keep_yearly", [](v1::BackupPolicy& policy) { policy.set_keep_yearly(1001); }},
  };
  for (const auto& [field, change] : wrong) {
    v1::BackupPolicy policy = WholePolicy();
    change(policy);
    EXPECT_THAT(FieldsOf(Parse(CreateWith(policy)).status()), ElementsAre("tenant.backup_policy." + field));
  }
}

TEST(BackupPolicyTest, AnUpdateSetsTheFieldsOfItsMaskAlone) {
  v1::UpdateTenantRequest request;
  request.mutable_tenant()->set_name("tenants/acme");
  *request.mutable_tenant()->mutable_backup_policy() = WholePolicy();
  request.mutable_update_mask()->add_paths("backup_policy.cron");
  request.mutable_update_mask()->add_paths("backup_policy.keep_weekly");
  const auto parsed = Parse(request);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  domain::Tenant tenant;
  tenant.keep.daily = 5;
  parsed->update.ApplyTo(tenant);
  EXPECT_EQ(tenant.backup_times, (domain::BackupTimes{.cron = "30 2 * * 1-5"}));
  EXPECT_EQ(tenant.keep, (domain::KeepRules{.daily = 5, .weekly = 4}));
  // Both ways at once are refused, but a field that the mask does not name is not there.
  request.mutable_tenant()->mutable_backup_policy()->mutable_every()->set_seconds(3600);
  EXPECT_THAT(FieldsOf(Parse(request).status()), IsEmpty());
  request.mutable_update_mask()->add_paths("backup_policy.every");
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("tenant.backup_policy.cron"));
}

}  // namespace
}  // namespace croft::wire
