#include "controlplane/domain/user.h"

#include <string>

#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft::domain {
namespace {

TEST(Role, NamesParseBack) {
  for (const Role role :
       {Role::kAdmin, Role::kOperator, Role::kViewer, Role::kConnector, Role::kLocator, Role::kAgent}) {
    EXPECT_EQ(*ParseRole(NameOf(role), "role"), role);
  }
  for (const char* name : {"", "Admin", "root", "admin "}) {
    EXPECT_EQ(DetailsOf(ParseRole(name, "binding.role").status()).violations.front().field, "binding.role");
  }
}

TEST(Binding, OnlyWhatMeansSomethingIsAccepted) {
  EXPECT_TRUE(CheckBinding({Role::kAdmin, AllTenants{}}).ok());
  EXPECT_TRUE(CheckBinding({Role::kConnector, LabelledTenants{{{"app", "shop"}}}}).ok());
  EXPECT_TRUE(CheckBinding({Role::kOperator, NamedTenants{{"acme"}}}).ok());
  EXPECT_FALSE(CheckBinding({Role::kAgent, AllTenants{}}).ok());
  EXPECT_FALSE(CheckBinding({Role::kAdmin, NamedTenants{{"acme"}}}).ok());
  EXPECT_FALSE(CheckBinding({Role::kViewer, NamedTenants{}}).ok());
  EXPECT_FALSE(CheckBinding({Role::kViewer, NamedTenants{{"../x"}}}).ok());
  EXPECT_FALSE(CheckBinding({Role::kViewer, LabelledTenants{}}).ok());
}

TEST(User, IdsThatStandForOthersAreRefused) {
  EXPECT_TRUE(CheckUserId("ci-1", "principal_id").ok());
  for (const char* id : {"admin", "system", "agent", "anonymous", "", "Ci", "a/b", "-x"}) {
    EXPECT_EQ(DetailsOf(CheckUserId(id, "principal_id")).violations.front().field, "principal_id") << id;
  }
}

TEST(Binding, ScopeOfNamesIsBounded) {
  NamedTenants named;
  for (size_t i = 0; i <= kMostTenantsInScope; ++i) named.ids.push_back("t" + std::to_string(i));
  EXPECT_FALSE(CheckBinding({Role::kViewer, named}).ok());
  named.ids.pop_back();
  EXPECT_TRUE(CheckBinding({Role::kViewer, named}).ok());
}

}  // namespace
}  // namespace croft::domain
