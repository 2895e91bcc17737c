#include "controlplane/server/principal_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/contract/catalog_samples.h"
#include "tests/fakes/memory_catalog.h"

namespace croft::server {
namespace {

using catalog::PutUser;
using catalog::SampleUser;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(PrincipalDirectory, KnowsWhatIsStoredWhenItStarts) {
  catalog::MemoryCatalog catalog;
  const auto transaction = *catalog.Begin();
  transaction->Apply(PutUser{SampleUser("alice")});
  ASSERT_TRUE(transaction->Commit().ok());
  PrincipalDirectory directory;
  ASSERT_TRUE(directory.Load(catalog).ok());
  const auto by_token = directory.FindToken("hash-of-alice");
  ASSERT_TRUE(by_token);
  EXPECT_EQ(by_token->id, "alice");
  EXPECT_EQ(by_token->token, "tk-alice");
  EXPECT_EQ(by_token->expire_time, catalog::At(90));
  EXPECT_EQ(by_token->bindings, SampleUser("alice").bindings);
  EXPECT_EQ(by_token->bound_revision, 1) << "unknown after a restart, so assume the load revision";
  EXPECT_EQ(directory.FindCertificate("fingerprint-of-alice")->id, "alice");
  EXPECT_EQ(directory.FindToken("hash-of-bob"), std::nullopt);
}

TEST(PrincipalDirectory, ReturnsPrincipalsWhoseOpenStreamsNeedReauthorization) {
  PrincipalDirectory directory;
  domain::User alice = SampleUser("alice");
  EXPECT_THAT(directory.Apply({PutUser{alice}}, {1, 5}), IsEmpty()) << "a new principal has no streams";
  alice.display_name = "Alice";
  EXPECT_THAT(directory.Apply({PutUser{alice}}, {1, 6}), IsEmpty());
  EXPECT_EQ(directory.FindToken("hash-of-alice")->bound_revision, 5);
  alice.bindings.pop_back();
  EXPECT_THAT(directory.Apply({PutUser{alice}}, {1, 7}), ElementsAre("alice"));
  EXPECT_EQ(directory.FindToken("hash-of-alice")->bound_revision, 7);
  alice.tokens.clear();
  EXPECT_THAT(directory.Apply({PutUser{alice}}, {1, 8}), ElementsAre("alice"));
  EXPECT_EQ(directory.FindToken("hash-of-alice"), std::nullopt);
  EXPECT_TRUE(directory.FindCertificate("fingerprint-of-alice"));
  EXPECT_THAT(directory.Apply({catalog::DeleteUser{"alice"}}, {1, 9}), ElementsAre("alice"));
  EXPECT_EQ(directory.FindCertificate("fingerprint-of-alice"), std::nullopt);
  EXPECT_THAT(directory.Apply({catalog::DeleteUser{"alice"}}, {1, 10}), IsEmpty());
}

}  // namespace
}  // namespace croft::server
