#include "controlplane/handlers/events.h"

#include <string>
#include <vector>

#include "common/errors.h"
#include "controlplane/handlers/event_reader.h"
#include "tests/controlplane/handlers/control_plane.h"

namespace croft::handlers {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// A call as the holder of a token, or as the administrator where it is empty.
class Bearer : public grpc::ClientContext {
 public:
  explicit Bearer(const std::string& token = "") {
    set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    if (!token.empty()) AddMetadata("authorization", "Bearer " + token);
  }
};

class EventsTest : public ControlPlane {
 protected:
  using Stream = grpc::ClientReader<v1::WatchEventsResponse>;

  EventsTest() { JoinHost("h1"); }

  void CreateWith(const std::string& id, const std::string& app) {
    v1::CreateTenantRequest request;
    request.set_tenant_id(id);
    (*request.mutable_tenant()->mutable_labels())["app"] = app;
    v1::Operation operation;
    const grpc::Status status = Call(*tenants_, &v1::TenantService::Stub::CreateTenant, request, operation);
    AwaitSuccess(status, operation);
  }
  std::vector<v1::Event> List(const v1::ListEventsRequest& request = {}) {
    v1::ListEventsResponse response;
    const grpc::Status status = Call(*events_, &v1::EventService::Stub::ListEvents, request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return {response.events().begin(), response.events().end()};
  }
  grpc::Status StatusOf(const v1::ListEventsRequest& request) {
    v1::ListEventsResponse response;
    return Call(*events_, &v1::EventService::Stub::ListEvents, request, response);
  }
  static std::vector<std::string> TypesOf(const std::vector<v1::Event>& events) {
    std::vector<std::string> types;
    for (const v1::Event& event : events) types.push_back(event.type());
    return types;
  }
  // The next `count` events of the stream; bookmarks are passed over.
  static std::vector<v1::Event> Take(Stream& stream, size_t count) {
    std::vector<v1::Event> events;
    v1::WatchEventsResponse response;
    while (events.size() < count && stream.Read(&response))
      events.insert(events.end(), response.events().begin(), response.events().end());
    return events;
  }
  static std::vector<std::string> IdsOf(const std::vector<v1::Event>& events) {
    std::vector<std::string> ids;
    for (const v1::Event& event : events) ids.push_back(event.id());
    return ids;
  }
  // The token of a viewer of the tenants with the label app=shop.
  std::string NarrowedViewer() {
    v1::CreatePrincipalRequest create;
    create.set_principal_id("eye");
    v1::Principal principal;
    EXPECT_TRUE(Call(*access_, &v1::AccessService::Stub::CreatePrincipal, create, principal).ok());
    v1::BindRoleRequest bind;
    bind.set_name("principals/eye");
    bind.mutable_binding()->set_role(v1::Binding::ROLE_VIEWER);
    (*bind.mutable_binding()->mutable_labels())["app"] = "shop";
    EXPECT_TRUE(Call(*access_, &v1::AccessService::Stub::BindRole, bind, principal).ok());
    v1::CreateTokenRequest token;
    token.set_parent("principals/eye");
    v1::CreateTokenResponse made;
    EXPECT_TRUE(Call(*access_, &v1::AccessService::Stub::CreateToken, token, made).ok());
    return made.secret();
  }
  // All that happened until now.
  void Prune() {
    writer_->SetPolicy({.keep_events = absl::ZeroDuration()});
    EXPECT_TRUE(writer_->Call({.name = "test"}, engine::PruneEvents()).ok());
  }
};

TEST_F(EventsTest, ListHasTheAttributesOfCloudEvents) {
  Create("acme");
  const std::vector<v1::Event> events = List();
  v1::ListEventsRequest request;
  request.set_parent("tenants/acme");
  const std::vector<v1::Event> of_acme = List(request);
  EXPECT_THAT(TypesOf(of_acme), ElementsAre("croft.operation.started", "croft.tenant.creating",
                                            "croft.tenant.created", "croft.operation.succeeded"));
  EXPECT_THAT(TypesOf(events), Contains("croft.host.up"));
  const v1::Event& created = of_acme[2];
  EXPECT_EQ(created.specversion(), "1.0");
  EXPECT_EQ(created.source(), "urn:croft:" + catalog_->GetEventLog()->uid);
  EXPECT_EQ(created.subject(), "tenants/acme");
  EXPECT_EQ(created.tenant(), "tenants/acme");
  EXPECT_EQ(created.host(), "hosts/h1");
  EXPECT_EQ(created.id(), absl::StrCat(created.position()));
  EXPECT_EQ(created.data().at("state"), "READY");
  EXPECT_TRUE(created.has_time());
}

TEST_F(EventsTest, PagesMeetWithoutGapOrOverlapAndTypesAndTimesNarrowThem) {
  Create("acme");
  Create("globex");
  const std::vector<v1::Event> all = List();
  v1::ListEventsRequest request;
  request.set_page_size(3);
  std::vector<v1::Event> paged;
  v1::ListEventsResponse page;
  do {
    ASSERT_TRUE(Call(*events_, &v1::EventService::Stub::ListEvents, request, page).ok());
    EXPECT_LE(page.events_size(), 3);
    paged.insert(paged.end(), page.events().begin(), page.events().end());
    request.set_page_token(page.next_page_token());
  } while (!page.next_page_token().empty());
  EXPECT_EQ(IdsOf(paged), IdsOf(all));
  EXPECT_EQ(page.position(), all.back().position());

  v1::ListEventsRequest created;
  created.set_type_prefix("croft.tenant.created");
  EXPECT_THAT(List(created), SizeIs(2));
  created.set_after_position(all.back().position());
  EXPECT_THAT(List(created), IsEmpty());
  v1::ListEventsRequest late;
  late.mutable_since()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 60);
  EXPECT_THAT(List(late), IsEmpty());
  late.mutable_since()->set_seconds(1);
  EXPECT_THAT(List(late), SizeIs(all.size()));
  v1::ListEventsRequest odd;
  odd.set_type_prefix("Croft%");
  EXPECT_EQ(StatusOf(odd).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(EventsTest, WatchTellsWhatHappensAndResumesWhereItWas) {
  Bearer context;
  const auto stream = events_->WatchEvents(&context, {});
  v1::WatchEventsResponse hello;
  ASSERT_TRUE(stream->Read(&hello)) << "it says at once where it begins";
  EXPECT_THAT(hello.events(), IsEmpty());
  Create("acme");
  const std::vector<v1::Event> told = Take(*stream, 4);
  EXPECT_THAT(TypesOf(told), ElementsAre("croft.operation.started", "croft.tenant.creating",
                                         "croft.tenant.created", "croft.operation.succeeded"));
  context.TryCancel();
  Create("globex");

  v1::WatchEventsRequest resume;
  resume.set_after_position(told[1].position());
  Bearer again;
  const auto resumed = events_->WatchEvents(&again, resume);
  const std::vector<v1::Event> rest = Take(*resumed, 6);
  EXPECT_EQ(IdsOf({rest[0], rest[1]}), IdsOf({told[2], told[3]}));
  EXPECT_EQ(rest[2].tenant(), "tenants/globex");
  again.TryCancel();

  v1::WatchEventsRequest all;
  all.set_after_position(0);
  all.set_parent("tenants/globex");
  Bearer third;
  EXPECT_THAT(Take(*events_->WatchEvents(&third, all), 4), SizeIs(4));
  third.TryCancel();
}

TEST_F(EventsTest, QuietStreamSaysThatItLives) {
  Bearer context;
  const auto stream = events_->WatchEvents(&context, {});
  v1::WatchEventsResponse response;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.position(), catalog_->GetEventLog()->last);
  }
  context.TryCancel();
}

TEST_F(EventsTest, NarrowedViewerGetsEventsOfItsOwnTenantsAlone) {
  const std::string token = NarrowedViewer();
  CreateWith("acme", "shop");
  CreateWith("globex", "bank");
  const auto as_viewer = v1::EventService::NewStub(plane_->AsNobody());
  Bearer context(token);
  v1::ListEventsResponse listed;
  ASSERT_TRUE(as_viewer->ListEvents(&context, {}, &listed).ok());
  EXPECT_THAT(listed.events(), SizeIs(4));
  for (const v1::Event& event : listed.events()) EXPECT_EQ(event.tenant(), "tenants/acme");
}

TEST_F(EventsTest, PositionThatIsNotKeptOrNotKnownIsOutOfRange) {
  Create("acme");
  const std::vector<v1::Event> events = List();
  Prune();
  Create("globex");
  v1::ListEventsRequest old;
  old.set_after_position(events.front().position());
  grpc::Status status = StatusOf(old);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(server::ReasonOf(status), "EVENTS_PRUNED");
  EXPECT_THAT(status.error_message(), testing::HasSubstr(absl::StrCat(events.back().position())));
  old.set_after_position(events.back().position());
  EXPECT_THAT(List(old), SizeIs(4));
  old.set_after_position(0);
  EXPECT_THAT(List(old), SizeIs(4));

  v1::WatchEventsRequest ahead;
  ahead.set_after_position(events.back().position() + 1000);
  Bearer context;
  const auto stream = events_->WatchEvents(&context, ahead);
  v1::WatchEventsResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(server::ReasonOf(stream->Finish()), "POSITION_UNKNOWN");
}

// Its stream holds a position and one message, however much happens; when it reads at last, it gets all that is kept.
TEST_F(EventsTest, ReaderThatDoesNotReadHoldsNothingBackAndMissesNothing) {
  v1::WatchEventsRequest from_start;
  from_start.set_after_position(0);
  Bearer context;
  const auto stream = events_->WatchEvents(&context, from_start);
  constexpr int kTenants = 60;
  for (int i = 0; i < kTenants; ++i) Create(absl::StrCat("t", i));
  const std::vector<v1::Event> all = List([] {
    v1::ListEventsRequest request;
    request.set_page_size(1000);
    return request;
  }());
  EXPECT_GE(all.size(), 4u * kTenants);
  EXPECT_EQ(IdsOf(Take(*stream, all.size())), IdsOf(all));
  context.TryCancel();
}

TEST_F(EventsTest, ReaderWhoseEventsArePrunedMeanwhileIsTold) {
  Create("acme");
  EventReader reader(*catalog_, {.caller = {.method = "EventService/WatchEvents"}}, {});
  const int64_t begun = *reader.Begin(List().front().position());
  Prune();
  EXPECT_EQ(DetailsOf(reader.Read(begun, 10).status()).reason, "EVENTS_PRUNED");
}

}  // namespace
}  // namespace croft::handlers
