#include "tests/controlplane/handlers/control_plane.h"

namespace croft::handlers {
namespace {

using server::ReasonOf;
using Lookups = v1::LookupService::Stub;

class LookupTest : public ControlPlane {
 protected:
  LookupTest() {
    JoinHost("h1");
    for (const char* id : {"a", "b", "c"}) Create(id);
  }

  // Reads until a response carries a revision; answers the changes by tenant.
  static std::map<std::string, v1::WatchPlacementsResponse::Change> ReadToRevision(
      grpc::ClientReader<v1::WatchPlacementsResponse>& stream, v1::Revision& revision) {
    std::map<std::string, v1::WatchPlacementsResponse::Change> changes;
    v1::WatchPlacementsResponse response;
    while (stream.Read(&response)) {
      for (const auto& change : response.changes()) changes[change.tenant()] = change;
      if (!response.has_revision()) continue;
      revision = response.revision();
      break;
    }
    return changes;
  }
};

TEST_F(LookupTest, BatchAnswersInOrderWithAnErrorForEachBadName) {
  v1::BatchLookupRequest request;
  for (const char* name : {"c", "nobody", "a", "bad name", "c"}) request.add_tenants(name);
  v1::BatchLookupResponse response;
  ASSERT_TRUE(Call(*lookups_, &Lookups::BatchLookup, request, response).ok());
  ASSERT_EQ(response.results_size(), 5);
  EXPECT_EQ(response.results(0).placement().tenant(), "tenants/c");
  EXPECT_EQ(response.results(1).error().code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(response.results(2).placement().tenant(), "tenants/a");
  EXPECT_EQ(response.results(3).error().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(response.results(4).placement().password().size(), 32U);
  request.set_omit_password(true);
  ASSERT_TRUE(Call(*lookups_, &Lookups::BatchLookup, request, response).ok());
  EXPECT_EQ(response.results(0).placement().password(), "");
}

TEST_F(LookupTest, BatchTakesOneToAThousandNames) {
  v1::BatchLookupRequest request;
  v1::BatchLookupResponse response;
  EXPECT_THAT(server::DetailsIn(Call(*lookups_, &Lookups::BatchLookup, request, response)).fields,
              testing::ElementsAre("tenants"));
  for (int i = 0; i < 1000; ++i) request.add_tenants("a");
  ASSERT_TRUE(Call(*lookups_, &Lookups::BatchLookup, request, response).ok());
  EXPECT_EQ(response.results_size(), 1000);
  request.add_tenants("a");
  EXPECT_THAT(server::DetailsIn(Call(*lookups_, &Lookups::BatchLookup, request, response)).fields,
              testing::ElementsAre("tenants"));
}

TEST_F(LookupTest, UnknownRolesAndPurposesAreRefused) {
  v1::LookupRequest request;
  request.set_tenant("a");
  request.set_role(static_cast<v1::Role>(99));
  request.set_purpose(static_cast<v1::Endpoint::Purpose>(-1));
  v1::LookupResponse response;
  EXPECT_THAT(server::DetailsIn(Call(*lookups_, &Lookups::Lookup, request, response)).fields,
              testing::ElementsAre("role", "purpose"));
  request.set_role(v1::ROLE_APP);
  request.set_purpose(v1::Endpoint::PURPOSE_POOLED);
  EXPECT_EQ(ReasonOf(Call(*lookups_, &Lookups::Lookup, request, response)), "FEATURE_NOT_AVAILABLE");
  request.set_purpose(v1::Endpoint::PURPOSE_DIRECT);
  for (const char* name : {"", "tenants/a", "a b", "\\", "'"}) {
    request.set_tenant(name);
    EXPECT_THAT(server::DetailsIn(Call(*lookups_, &Lookups::Lookup, request, response)).fields,
                testing::ElementsAre("tenant"))
        << name;
  }
}

TEST_F(LookupTest, WatchGivesTheWholeSetThenEachChangeThenBookmarks) {
  grpc::ClientContext context;
  auto stream = lookups_->WatchPlacements(&context, v1::WatchPlacementsRequest());
  v1::Revision revision;
  auto changes = ReadToRevision(*stream, revision);
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes.at("tenants/a").placement().password().size(), 32U);

  v1::Operation operation;
  AwaitSuccess(Begin(&v1::TenantService::Stub::RetireTenant, "b", operation), operation);
  v1::Revision next;
  do {
    changes = ReadToRevision(*stream, next);
  } while (changes.empty());
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes.at("tenants/b").refused().code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_GT(changes.at("tenants/b").revision().revision(), revision.revision());

  // Bookmarks come while nothing happens; what came before them is told by now.
  do {
    changes = ReadToRevision(*stream, next);
  } while (!changes.empty());
  EXPECT_EQ(next.epoch(), revision.epoch());
  context.TryCancel();
  stream->Finish();
}

TEST_F(LookupTest, WatchResumesFromARevision) {
  v1::Revision revision;
  {
    grpc::ClientContext context;
    auto stream = lookups_->WatchPlacements(&context, v1::WatchPlacementsRequest());
    ReadToRevision(*stream, revision);
    context.TryCancel();
    stream->Finish();
  }
  Create("d");
  v1::WatchPlacementsRequest request;
  *request.mutable_since() = revision;
  grpc::ClientContext context;
  auto stream = lookups_->WatchPlacements(&context, request);
  const auto changes = ReadToRevision(*stream, revision);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes.begin()->first, "tenants/d");
  context.TryCancel();
  stream->Finish();
}

TEST_F(LookupTest, WatchFromAnotherEpochIsOutOfRange) {
  v1::WatchPlacementsRequest request;
  request.mutable_since()->set_epoch(77);
  request.mutable_since()->set_revision(1);
  grpc::ClientContext context;
  auto stream = lookups_->WatchPlacements(&context, request);
  v1::WatchPlacementsResponse response;
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(ReasonOf(status), "REVISION_NOT_AVAILABLE");
}

}  // namespace
}  // namespace croft::handlers
