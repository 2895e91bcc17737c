#include "tools/croftctl/policy_text.h"

#include <gtest/gtest.h>

namespace croft::ctl {
namespace {

TEST(BackupPolicyTextTest, SaysWhenAndWhatIsKeptAndNothingWhereNothingIsDone) {
  v1::BackupPolicy policy;
  EXPECT_EQ(BackupPolicyText(policy), "");
  policy.mutable_every()->set_seconds(6 * 3600);
  EXPECT_EQ(BackupPolicyText(policy), "every 6h, as many are kept as by default");
  policy.set_window("22:00-05:00");
  policy.set_keep(3);
  EXPECT_EQ(BackupPolicyText(policy), "every 6h within 22:00-05:00, the newest 3 are kept");
  policy.clear_every();
  policy.set_cron("30 2 * * 1-5");
  policy.set_time_zone("Europe/Berlin");
  policy.mutable_keep_within()->set_seconds(48 * 3600);
  policy.set_keep_weekly(4);
  policy.mutable_prove_every()->set_seconds(7 * 24 * 3600);
  (*policy.mutable_prove_on())["role"] = "proof";
  EXPECT_EQ(BackupPolicyText(policy),
            "at 30 2 * * 1-5 within 22:00-05:00 of Europe/Berlin, the newest 3, those of 2d, one of each "
            "of 4 weeks are kept, "
            "proven every 7d, on hosts with role=proof");
}

}  // namespace
}  // namespace croft::ctl
