#include "controlplane/access/role.h"

#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft::access {
namespace {

const Labels kShop = {{"app", "shop"}, {"tier", "gold"}};

TEST(Role, NamesParseBack) {
  for (const Role role :
       {Role::kAdmin, Role::kOperator, Role::kViewer, Role::kConnector, Role::kLocator, Role::kAgent}) {
    EXPECT_EQ(*ParseRole(RoleName(role), "role"), role);
  }
  for (const char* name : {"", "Admin", "root", "admin "}) {
    EXPECT_EQ(DetailsOf(ParseRole(name, "binding.role").status()).violations.front().field, "binding.role");
  }
}

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

TEST(Binding, OnlyWhatMeansSomethingIsAccepted) {
  EXPECT_TRUE(CheckBinding({"ci", Role::kAdmin, AllTenants{}}).ok());
  EXPECT_TRUE(CheckBinding({"ci", Role::kConnector, LabelledTenants{{{"app", "shop"}}}}).ok());
  EXPECT_TRUE(CheckBinding({"ci", Role::kOperator, NamedTenants{{"acme"}}}).ok());
  EXPECT_FALSE(CheckBinding({"", Role::kViewer, AllTenants{}}).ok());
  EXPECT_FALSE(CheckBinding({"ci", Role::kAgent, AllTenants{}}).ok());
  EXPECT_FALSE(CheckBinding({"ci", Role::kAdmin, NamedTenants{{"acme"}}}).ok());
  EXPECT_FALSE(CheckBinding({"ci", Role::kViewer, NamedTenants{}}).ok());
  EXPECT_FALSE(CheckBinding({"ci", Role::kViewer, NamedTenants{{"../x"}}}).ok());
  EXPECT_FALSE(CheckBinding({"ci", Role::kViewer, LabelledTenants{}}).ok());
}

}  // namespace
}  // namespace croft::access
