#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/tools/croftctl/control_plane.h"

namespace croft::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Json = nlohmann::ordered_json;

v1::Event EventAt(int64_t position) {
  v1::Event event;
  event.set_id(absl::StrCat(position));
  event.set_source("urn:croft:uid");
  event.set_specversion("1.0");
  event.set_type("croft.tenant.created");
  event.set_subject("tenants/acme");
  event.set_tenant("tenants/acme");
  event.set_host("hosts/h1");
  event.mutable_time()->set_seconds(1'800'000'000);
  (*event.mutable_data())["state"] = "READY";
  event.set_position(position);
  return event;
}

v1::WatchEventsResponse Told(const std::vector<int64_t>& positions, int64_t up_to) {
  v1::WatchEventsResponse response;
  for (const int64_t position : positions) *response.add_events() = EventAt(position);
  response.set_position(up_to);
  return response;
}

grpc::Status Pruned() {
  return GrpcError(absl::StatusCode::kOutOfRange, "position 9: pruned", {.reason = "EVENTS_PRUNED"});
}

class Events : public ::testing::Test, protected Pair {
 protected:
  std::vector<std::string> Lines(const std::string& text) {
    return absl::StrSplit(text, '\n', absl::SkipEmpty());
  }
};

TEST_F(Events, AreListedFromAPositionATimeOrSoLongAgo) {
  v1::ListEventsResponse page;
  *page.add_events() = EventAt(7);
  server.list_events.Answers(page);
  const Ran table = desk.Run({"events", "--since", "12", "--tenant", "acme", "--type", "croft.tenant"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("croft.tenant.created"));
  EXPECT_THAT(table.out, HasSubstr("state=READY"));
  ASSERT_EQ(desk.Run({"events", "--since", "2026-01-31T18:00:00Z"}).exit_code, 0);
  ASSERT_EQ(desk.Run({"events", "--since", "2h"}).exit_code, 0);
  ASSERT_EQ(desk.Run({"events"}).exit_code, 0);
  const auto asked = server.list_events.asked();
  ASSERT_THAT(asked, SizeIs(4));
  EXPECT_EQ(asked[0].after_position(), 12);
  EXPECT_FALSE(asked[0].has_since());
  EXPECT_EQ(asked[0].parent(), "tenants/acme");
  EXPECT_EQ(asked[0].type_prefix(), "croft.tenant");
  EXPECT_EQ(asked[1].since().seconds(), 1769882400);
  EXPECT_NEAR(static_cast<double>(asked[2].since().seconds()), absl::ToUnixSeconds(absl::Now()) - 7200, 60);
  EXPECT_NEAR(static_cast<double>(asked[3].since().seconds()), absl::ToUnixSeconds(absl::Now()) - 3600, 60);
  EXPECT_THAT(desk.Run({"events", "--since", "yesterday"}).err, HasSubstr("--since"));
}

TEST_F(Events, WatchGoesOnWhereALostConnectionEndedAndPrintsEachEventOnce) {
  int calls = 0;
  server.watch_events.Answers([&](const v1::WatchEventsRequest&, auto& responses) {
    if (++calls == 1) {
      responses = {Told({}, 3), Told({4, 5}, 6)};
      return GrpcError(absl::StatusCode::kUnavailable, "the control plane is ending",
                       {.reason = "SHUTTING_DOWN"});
    }
    if (calls == 2) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "not there yet");
    responses = {Told({8}, 9)};
    return Pruned();
  });
  const Ran ran = desk.Run({"events", "--watch", "-o", "json"});
  EXPECT_NE(ran.exit_code, 0);
  const std::vector<std::string> lines = Lines(ran.out);
  ASSERT_THAT(lines, SizeIs(3)) << ran.out << ran.err;
  EXPECT_EQ(Json::parse(lines[0])["id"], "4");
  EXPECT_EQ(Json::parse(lines[1])["id"], "5");
  const Json last = Json::parse(lines[2]);
  EXPECT_EQ(last["id"], "8");
  EXPECT_EQ(last["specversion"], "1.0");
  EXPECT_EQ(last["source"], "urn:croft:uid");
  EXPECT_EQ(last["type"], "croft.tenant.created");
  EXPECT_EQ(last["subject"], "tenants/acme");
  EXPECT_EQ(last["time"], "2027-01-15T08:00:00Z");
  EXPECT_EQ(last["data"]["state"], "READY");
  const auto asked = server.watch_events.asked();
  ASSERT_THAT(asked, SizeIs(3));
  EXPECT_EQ(asked[0].start_case(), v1::WatchEventsRequest::START_NOT_SET);
  EXPECT_EQ(asked[1].after_position(), 6);
  EXPECT_EQ(asked[2].after_position(), 6);
  EXPECT_THAT(ran.err, HasSubstr("--since 9"));
  EXPECT_THAT(ran.err, HasSubstr("pruned"));
}

TEST_F(Events, WatchOfNobodyEndsWithTheError) {
  server.watch_events.Answers([](const v1::WatchEventsRequest&, auto&) {
    return GrpcError(absl::StatusCode::kPermissionDenied, "may not", {.reason = "PERMISSION_DENIED"});
  });
  const Ran ran = desk.Run({"events", "--watch", "--since", "1h"});
  EXPECT_NE(ran.exit_code, 0);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_TRUE(server.watch_events.asked().front().has_since());
}

}  // namespace
}  // namespace croft::ctl
