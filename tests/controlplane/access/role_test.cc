#include "controlplane/access/role.h"

#include <gtest/gtest.h>

namespace croft::access {
namespace {

const Labels kShop = {{"app", "shop"}, {"tier", "gold"}};

TEST(Scope, AllReachesEveryTenantAlsoUnknownOnes) {
  EXPECT_TRUE(Covers(AllTenants{}, "acme", &kShop));
  EXPECT_TRUE(Covers(AllTenants{}, "nobody", nullptr));
}

TEST(Scope, NamesReachTheNamedAlone) {
  const Scope scope = NamedTenants{{"acme", "globex"}};
  EXPECT_TRUE(Covers(scope, "acme", &kShop));
  EXPECT_TRUE(Covers(scope, "globex", nullptr));
  EXPECT_FALSE(Covers(scope, "acm", &kShop));
  EXPECT_FALSE(Covers(scope, "", nullptr));
  EXPECT_FALSE(Covers(NamedTenants{}, "acme", &kShop));
}

TEST(Scope, LabelsReachTenantsThatCarryAllOfThem) {
  EXPECT_TRUE(Covers(LabelledTenants{{{"app", "shop"}}}, "acme", &kShop));
  EXPECT_TRUE(Covers(LabelledTenants{kShop}, "acme", &kShop));
  EXPECT_FALSE(Covers(LabelledTenants{{{"app", "shop"}, {"tier", "iron"}}}, "acme", &kShop));
  EXPECT_FALSE(Covers(LabelledTenants{{{"app", "sho"}}}, "acme", &kShop));
  EXPECT_FALSE(Covers(LabelledTenants{{{"app", "shop"}}}, "acme", nullptr));
  EXPECT_FALSE(Covers(LabelledTenants{{{"app", ""}}}, "acme", nullptr));
  EXPECT_FALSE(Covers(LabelledTenants{}, "acme", &kShop));
}

}  // namespace
}  // namespace croft::access
