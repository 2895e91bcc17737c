#include "controlplane/engine/backup_policies.h"

#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/controlplane/engine/schedule_world.h"

namespace croft::engine {
namespace {

using domain::BackupPart;
using domain::ScheduleKind;
using domain::Tenant;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Selector = std::map<std::string, std::string>;

constexpr absl::Duration kDay = absl::Hours(24);

class BackupPolicies : public BackupSchedules {
 protected:
  static const domain::ScheduleKey kFollowing;

  void Create(const std::string& id, const Selector& labels, absl::Duration every = absl::ZeroDuration()) {
    CreateTenant create = NewTenant(id);
    create.tenant.labels = labels;
    create.tenant.backup_every = every;
    world.Begin(create);
    world.Settle();
  }
  static SetBackupPolicy Every(const std::string& id, const Selector& selector, absl::Duration every) {
    SetBackupPolicy set{.policy = id, .selector = selector};
    set.rules.Set<&Tenant::backup_every>() = every;
    return set;
  }
  domain::BackupPolicy Set(const SetBackupPolicy& set) {
    const absl::StatusOr<Answer> answer = world.Call(set);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? std::get<domain::BackupPolicy>(*answer) : domain::BackupPolicy();
  }
  std::optional<domain::BackupPolicy> Policy(const std::string& id) {
    const std::vector<domain::BackupPolicy> policies = *world.catalog().ListBackupPolicies();
    for (const domain::BackupPolicy& policy : policies) {
      if (policy.id == id) return policy;
    }
    return std::nullopt;
  }
  // The next tenants' schedules follow; false where nothing is left to be followed.
  bool Follow() {
    const auto schedule = Find(kFollowing);
    if (!schedule) return false;
    world.now = std::max(world.now, schedule->next_time);
    Run(kFollowing, RequestBody(FollowPolicies()));
    return true;
  }
  void FollowAll() {
    while (Follow()) {
    }
  }
  // How often the tenant's backups are made, by its row; zero where it has none.
  absl::Duration Interval(const std::string& id) {
    const auto first = Find(BackupOf(id));
    if (!first) return absl::ZeroDuration();
    const domain::PolicyInForce policy =
        domain::InForce(world.Tenant(id), *world.catalog().ListBackupPolicies());
    EXPECT_EQ(first->basis, domain::BasisOf(ScheduleKind::kBackUp, policy)) << "the row is out of date";
    return policy.rules.backup_every;
  }
  std::vector<std::string> Events() {
    std::vector<std::string> types;
    const catalog::EventPage page = *world.catalog().ListEvents({.limit = 1000});
    for (const domain::FleetEvent& event : page.events) {
      if (event.subject.starts_with("backupPolicies/")) types.push_back(event.type);
    }
    return types;
  }
};

const domain::ScheduleKey BackupPolicies::kFollowing{ScheduleKind::kFollowPolicies, ""};

TEST_F(BackupPolicies, SchedulesOfTenantsThatAreThereFollowAPolicy) {
  Create("acme", {{"env", "prod"}});
  Create("globex", {{"env", "dev"}});
  Create("initech", {{"env", "prod"}}, absl::Hours(1));
  Set(Every("prod", {{"env", "prod"}}, absl::Hours(6)));
  EXPECT_EQ(Find(BackupOf("acme")), std::nullopt) << "they follow later";
  EXPECT_TRUE(Policy("prod")->rollout.open);
  FollowAll();
  EXPECT_EQ(Interval("acme"), absl::Hours(6));
  EXPECT_EQ(Interval("globex"), absl::ZeroDuration());
  EXPECT_EQ(Interval("initech"), absl::Hours(1)) << "what it says itself";
  EXPECT_FALSE(Policy("prod")->rollout.open);
  EXPECT_EQ(Find(kFollowing), std::nullopt);
}

TEST_F(BackupPolicies, TenantsOwnChangeCountsAtOnce) {
  Set(Every("prod", {{"env", "prod"}}, absl::Hours(6)));
  Set(Every("fleet", {}, kDay));
  FollowAll();
  Create("acme", {{"env", "prod"}});
  EXPECT_EQ(Interval("acme"), absl::Hours(6)) << "a new one";
  const auto update = [&](const domain::TenantUpdate& fields) {
    ASSERT_TRUE(world.Call(UpdateTenant{.tenant = "acme", .update = fields}).ok());
  };
  domain::TenantUpdate labels;
  labels.label_edits["env"] = "dev";
  update(labels);
  EXPECT_EQ(Interval("acme"), kDay);
  update(With<&Tenant::backup_every>(absl::Hours(2)));
  EXPECT_EQ(Interval("acme"), absl::Hours(2));
  update(With<&Tenant::backup_off>(std::set{BackupPart::kSchedule}));
  EXPECT_EQ(Find(BackupOf("acme")), std::nullopt);
  EXPECT_EQ(world.Tenant("acme").backup_every, absl::ZeroDuration()) << "off takes the value back";
  update(With<&Tenant::backup_every>(absl::Hours(3)));
  EXPECT_THAT(world.Tenant("acme").backup_off, IsEmpty()) << "and a value what was off";
  update(With<&Tenant::backup_every>(absl::ZeroDuration()));
  EXPECT_EQ(Interval("acme"), kDay);
}

TEST_F(BackupPolicies, ChangedPolicyIsFollowedAndADeletedOneGoes) {
  Create("acme", {});
  Set(Every("fleet", {}, kDay));
  FollowAll();
  Set(Every("fleet", {}, absl::Hours(1)));
  FollowAll();
  EXPECT_EQ(Interval("acme"), absl::Hours(1));
  EXPECT_LE(Find(BackupOf("acme"))->next_time, world.now + absl::Hours(1));
  ASSERT_TRUE(world.Call(DeleteBackupPolicy{.policy = "fleet"}).ok());
  EXPECT_TRUE(Policy("fleet")->deleted);
  EXPECT_EQ(world.Refusal(DeleteBackupPolicy{.policy = "fleet"}), "BACKUP_POLICY_NOT_FOUND");
  FollowAll();
  EXPECT_EQ(Find(BackupOf("acme")), std::nullopt);
  EXPECT_EQ(Policy("fleet"), std::nullopt);
  EXPECT_THAT(Events(), ElementsAre("croft.backup_policy.created", "croft.backup_policy.applied",
                                    "croft.backup_policy.updated", "croft.backup_policy.applied",
                                    "croft.backup_policy.deleted", "croft.backup_policy.applied"));
}

TEST_F(BackupPolicies, NothingRunsByWhatCountedBefore) {
  Create("acme", {});
  Set(Every("fleet", {}, absl::Hours(1)));
  FollowAll();
  const absl::Time due = Find(BackupOf("acme"))->next_time;
  Set(Every("fleet", {}, kDay));
  world.now = std::max(due, world.now);
  BackUp("acme", "b1");
  EXPECT_EQ(world.Backup("acme", "b1").id, "") << "its row was not looked at yet";
  EXPECT_EQ(Interval("acme"), kDay);
  ASSERT_TRUE(world.Call(DeleteBackupPolicy{.policy = "fleet"}).ok());
  world.now = Find(BackupOf("acme"))->next_time;
  BackUp("acme", "b2");
  EXPECT_EQ(world.Backup("acme", "b2").id, "");
  EXPECT_EQ(Find(BackupOf("acme")), std::nullopt);
}

TEST_F(BackupPolicies, WhatIsInLineIsLeftAsItIs) {
  Create("acme", {}, absl::Hours(6));
  Set(Every("fleet", {}, kDay));
  const auto before = Find(BackupOf("acme"));
  world.now = before->next_time + absl::Hours(2);
  FollowAll();
  EXPECT_EQ(Find(BackupOf("acme")), before) << "overdue, and made up for";
  BackUp("acme", "b1");
  EXPECT_EQ(world.Backup("acme", "b1").id, "b1");
  world.Settle();
}

TEST_F(BackupPolicies, RowsOfAnOlderVersionAreInLineWithWhatTheTenantSays) {
  Create("acme", {}, absl::Hours(6));
  domain::Schedule row = *Find(BackupOf("acme"));
  row.basis = 0;
  auto transaction = *world.catalog().Begin();
  transaction->Apply(catalog::PutSchedule{row});
  ASSERT_TRUE(transaction->Commit().ok());
  Set(Every("fleet", {}, kDay));
  FollowAll();
  EXPECT_EQ(Find(BackupOf("acme")), row);
  BackUpInTime("acme", "b1");
  EXPECT_EQ(world.Backup("acme", "b1").id, "b1");
  EXPECT_NE(Find(BackupOf("acme"))->basis, 0);
}

TEST_F(BackupPolicies, RetentionAloneIsNotFollowedAndCountsAtOnce) {
  CreateBackedUp("acme", 0);
  SetBackupPolicy set{.policy = "fleet"};
  set.rules.Set<&Tenant::backups_kept>() = 1;
  Set(set);
  EXPECT_EQ(Find(kFollowing), std::nullopt);
  BackUpInTime("acme", "b1");
  BackUpInTime("acme", "b2");
  Prune("acme", "op-prune");
  world.Settle();
  EXPECT_EQ(world.Backup("acme", "b1").id, "");
  EXPECT_EQ(world.Backup("acme", "b2").id, "b2");
  ASSERT_TRUE(world.Call(DeleteBackupPolicy{.policy = "fleet"}).ok());
  EXPECT_EQ(Policy("fleet"), std::nullopt) << "at once: no schedule follows from it";
}

TEST_F(BackupPolicies, BackupsLeaveOutTheRowsThatAPolicyNames) {
  Create("acme", {});
  SetBackupPolicy set{.policy = "fleet"};
  set.rules.Set<&Tenant::skip_rows>() = {"public.jobs"};
  Set(set);
  world.Begin(NewBackup("acme", "b1"));
  EXPECT_THAT(TaskOf<domain::BackUpTask>(world.TakeSent()).skip_rows, ElementsAre("public.jobs"));
}

TEST_F(BackupPolicies, BackupsFromBeforeAreCopiedToTheStoresOfAPolicy) {
  Create("acme", {});
  Create("empty", {});
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  SetBackupPolicy set{.policy = "fleet"};
  set.rules.Set<&Tenant::copy_to>() = {"offsite"};
  Set(set);
  FollowAll();
  ASSERT_TRUE(Find(CopyingOf("acme")));
  EXPECT_LE(Find(CopyingOf("acme"))->next_time, world.now + absl::Hours(1)) << "not all of a fleet at once";
  EXPECT_FALSE(Find(CopyingOf("empty")));
}

TEST_F(BackupPolicies, RefusesWhatSaysNothingAndLostRaces) {
  EXPECT_EQ(world.Call(SetBackupPolicy{.policy = "fleet"}).status().code(),
            absl::StatusCode::kInvalidArgument);
  SetBackupPolicy zone{.policy = "fleet"};
  zone.rules.Set<&Tenant::backup_times, &domain::BackupTimes::time_zone>() = "Europe/Berlin";
  zone.rules.Set<&Tenant::backups_kept>() = 3;
  EXPECT_EQ(world.Call(zone).status().code(), absl::StatusCode::kInvalidArgument);
  SetBackupPolicy set = Every("fleet", {}, kDay);
  set.etag = "1";
  EXPECT_EQ(world.Refusal(set), "BACKUP_POLICY_NOT_FOUND");
  set.etag = "";
  EXPECT_EQ(Set(set).version, 1);
  EXPECT_EQ(Set(set).version, 1) << "nothing is changed";
  set.etag = "7";
  EXPECT_EQ(world.Refusal(set), "ETAG_MISMATCH");
  FollowAll();
  EXPECT_EQ(Policy("fleet")->version, 1) << "that tenants follow is no change of it";
  for (size_t i = 1; i < domain::kMostBackupPolicies; ++i) Set(Every(absl::StrCat("p", i), {}, kDay));
  EXPECT_EQ(world.Refusal(Every("one-more", {}, kDay)), "TOO_MANY");
}

TEST_F(BackupPolicies, ChangesSingleFields) {
  SetBackupPolicy set = Every("prod", {{"env", "prod"}}, kDay);
  set.rules.Set<&Tenant::backups_kept>() = 3;
  Set(set);
  SetBackupPolicy change{.policy = "prod", .priority = 5};
  change.rules.Set<&Tenant::backup_times, &domain::BackupTimes::cron>() = "0 3 * * *";
  const domain::BackupPolicy changed = Set(change);
  EXPECT_EQ(changed.selector, (Selector{{"env", "prod"}}));
  EXPECT_EQ(changed.priority, 5);
  EXPECT_EQ(changed.rules.backups_kept, 3);
  EXPECT_EQ(changed.rules.backup_times.cron, "0 3 * * *");
  EXPECT_EQ(changed.rules.backup_every, absl::ZeroDuration());
  SetBackupPolicy zone{.policy = "prod"};
  zone.rules.Set<&Tenant::backup_times, &domain::BackupTimes::time_zone>() = "Europe/Berlin";
  EXPECT_EQ(Set(zone).rules.backup_times.time_zone, "Europe/Berlin");
  SetBackupPolicy off{.policy = "prod"};
  off.rules.Set<&Tenant::backup_off>() = {BackupPart::kSchedule};
  EXPECT_EQ(Set(off).rules.backup_times, domain::BackupTimes()) << "its times go with the schedule";
  ASSERT_TRUE(world.Call(DeleteBackupPolicy{.policy = "prod"}).ok());
  const domain::BackupPolicy anew = Set(Every("prod", {}, absl::Hours(1)));
  EXPECT_EQ(anew.selector, Selector()) << "what was deleted is forgotten";
  EXPECT_EQ(anew.rules.backups_kept, 0);
  EXPECT_GT(anew.version, changed.version);
}

// Many tenants, put into the catalog as they are: what it takes to make them is not in question.
class ManyTenants : public BackupPolicies {
 protected:
  static constexpr int kTenants = 2500;

  ManyTenants() {
    auto transaction = *world.catalog().Begin();
    for (int i = 0; i < kTenants; ++i) {
      CreateTenant create = NewTenant(Id(i));
      create.tenant.state = domain::TenantState::kReady;
      transaction->Apply(catalog::PutTenant{create.tenant});
    }
    EXPECT_TRUE(transaction->Commit().ok());
  }
  static std::string Id(int i) { return absl::StrFormat("t%04d", i); }
  int Following(absl::Duration every) {
    int count = 0;
    for (int i = 0; i < kTenants; ++i) count += Interval(Id(i)) == every;
    return count;
  }
};

TEST_F(ManyTenants, AThousandFollowAtATimeOverARestart) {
  Set(Every("fleet", {}, kDay));
  ASSERT_TRUE(Follow());
  EXPECT_EQ(Policy("fleet")->rollout.seen, 1000);
  EXPECT_EQ(Policy("fleet")->rollout.reached, Id(999));
  EXPECT_GT(Find(kFollowing)->next_time, world.now) << "nobody's request waits behind all of it";
  world.Restart();
  ASSERT_TRUE(Follow());
  EXPECT_EQ(Policy("fleet")->rollout.seen, 2000);
  ASSERT_TRUE(Follow());
  EXPECT_FALSE(Follow());
  EXPECT_EQ(Policy("fleet")->rollout.seen, kTenants);
  EXPECT_EQ(Following(kDay), kTenants);
}

TEST_F(ManyTenants, ChangeInTheMiddleIsFollowedFromThereOnAndThenFromTheFirst) {
  Set(Every("fleet", {}, kDay));
  ASSERT_TRUE(Follow());
  Set(Every("other", {}, absl::Hours(1)));
  SetBackupPolicy first{.policy = "other", .priority = 1};
  Set(first);
  EXPECT_EQ(Policy("other")->rollout.from, Id(999));
  ASSERT_TRUE(Follow());
  ASSERT_TRUE(Follow());
  EXPECT_FALSE(Policy("fleet")->rollout.open);
  EXPECT_TRUE(Policy("other")->rollout.open);
  ASSERT_TRUE(Follow());
  EXPECT_FALSE(Follow());
  EXPECT_EQ(Policy("other")->rollout.seen, kTenants) << "each once";
  EXPECT_EQ(Following(absl::Hours(1)), kTenants);
}

}  // namespace
}  // namespace croft::engine
