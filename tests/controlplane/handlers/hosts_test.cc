#include "common/join_token.h"
#include "tests/controlplane/handlers/control_plane.h"

namespace croft::handlers {
namespace {

using server::ReasonOf;
using Hosts = v1::HostService::Stub;

class HostsTest : public ControlPlane {};

TEST_F(HostsTest, JoinTokenIsShownOnceAndItsRepeatIsEmpty) {
  v1::CreateJoinTokenRequest request;
  request.set_host("hosts/h1");
  request.set_request_id(Uuid(1));
  v1::CreateJoinTokenResponse first;
  ASSERT_TRUE(Call(*hosts_, &Hosts::CreateJoinToken, request, first).ok());
  const auto token = DecodeJoinToken(first.token());
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(token->host, "h1");
  v1::CreateJoinTokenResponse again;
  ASSERT_TRUE(Call(*hosts_, &Hosts::CreateJoinToken, request, again).ok());
  EXPECT_EQ(again.token(), "");
  EXPECT_EQ(again.expire_time().seconds(), first.expire_time().seconds());

  v1::GetHostRequest get;
  get.set_name("hosts/h1");
  v1::Host host;
  ASSERT_TRUE(Call(*hosts_, &Hosts::GetHost, get, host).ok());
  EXPECT_EQ(host.state(), v1::Host::STATE_EXPECTED);
}

TEST_F(HostsTest, HostsAreListedCordonedAndRemoved) {
  for (const char* id : {"h1", "h2", "h3"}) JoinHost(id);
  v1::CordonHostRequest cordon;
  cordon.set_name("hosts/h2");
  v1::Host host;
  ASSERT_TRUE(Call(*hosts_, &Hosts::CordonHost, cordon, host).ok());
  EXPECT_TRUE(host.cordoned());
  v1::UpdateHostRequest update;
  update.mutable_host()->set_name("hosts/h2");
  (*update.mutable_host()->mutable_labels())["zone"] = "b";
  ASSERT_TRUE(Call(*hosts_, &Hosts::UpdateHost, update, host).ok());

  v1::ListHostsRequest list;
  v1::ListHostsResponse response;
  list.set_page_size(2);
  ASSERT_TRUE(Call(*hosts_, &Hosts::ListHosts, list, response).ok());
  ASSERT_EQ(response.hosts_size(), 2);
  EXPECT_EQ(response.hosts(0).state(), v1::Host::STATE_UP);
  list.set_page_token(response.next_page_token());
  ASSERT_TRUE(Call(*hosts_, &Hosts::ListHosts, list, response).ok());
  ASSERT_EQ(response.hosts_size(), 1);
  EXPECT_EQ(response.next_page_token(), "");
  list.Clear();
  list.set_filter("labels.zone = b AND state = UP");
  ASSERT_TRUE(Call(*hosts_, &Hosts::ListHosts, list, response).ok());
  EXPECT_EQ(response.hosts_size(), 1);

  Create("acme");
  v1::RemoveHostRequest remove;
  v1::RemoveHostResponse removed;
  remove.set_name("hosts/h2");
  EXPECT_TRUE(Call(*hosts_, &Hosts::RemoveHost, remove, removed).ok());
  EXPECT_EQ(ReasonOf(Call(*hosts_, &Hosts::RemoveHost, remove, removed)), "HOST_NOT_FOUND");
  remove.set_name(Get("acme").placement().host());
  EXPECT_EQ(ReasonOf(Call(*hosts_, &Hosts::RemoveHost, remove, removed)), "HOST_IN_USE");
}

TEST_F(HostsTest, WhenAHostWasLastHeardIsShownThoughTheCatalogWasNotTold) {
  JoinHost("h1");
  heard_host_ = "h1";
  heard_time_ = absl::FromUnixSeconds(4'000'000'000);
  v1::GetHostRequest get;
  get.set_name("hosts/h1");
  v1::Host host;
  ASSERT_TRUE(Call(*hosts_, &Hosts::GetHost, get, host).ok());
  EXPECT_EQ(host.last_seen_time().seconds(), 4'000'000'000);
  v1::ListHostsResponse response;
  ASSERT_TRUE(Call(*hosts_, &Hosts::ListHosts, v1::ListHostsRequest(), response).ok());
  EXPECT_EQ(response.hosts(0).last_seen_time().seconds(), 4'000'000'000);
  heard_time_ = absl::FromUnixSeconds(1);  // the catalog knows of a later time
  ASSERT_TRUE(Call(*hosts_, &Hosts::GetHost, get, host).ok());
  EXPECT_GT(host.last_seen_time().seconds(), 1);
}

TEST_F(HostsTest, TenantOfALostHostIsUnreachable) {
  JoinHost("h1");
  Create("acme");
  Lose("h1");
  ASSERT_EQ(Get("acme").conditions_size(), 1);
  EXPECT_EQ(Get("acme").conditions(0).type(), "UNREACHABLE");
  EXPECT_EQ(LookupReason("acme"), "") << "its database may serve all the same";
}

TEST_F(HostsTest, StatusCountsWhatThereIs) {
  JoinHost("h1");
  JoinHost("h2");
  Lose("h2");
  Create("acme");
  v1::GetStatusResponse status;
  ASSERT_TRUE(Call(*admin_, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), status).ok());
  EXPECT_EQ(status.version(), "0.0.1");
  EXPECT_EQ(status.tenant_count(), 1);
  EXPECT_EQ(status.host_count(), 2);
  EXPECT_EQ(status.hosts_up(), 1);
  EXPECT_EQ(status.caller(), "admin");
  EXPECT_GT(status.revision().revision(), 0);
  EXPECT_EQ(status.attention_size(), 0);
}

TEST_F(HostsTest, StatusTellsWhatNeedsAttention) {
  attention = {{.subject = "backups", .message = "2 are DAMAGED", .remedy = "make new ones"}};
  v1::GetStatusResponse status;
  ASSERT_TRUE(Call(*admin_, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), status).ok());
  ASSERT_EQ(status.attention_size(), 1);
  EXPECT_EQ(status.attention(0).subject(), "backups");
  EXPECT_EQ(status.attention(0).message(), "2 are DAMAGED");
  EXPECT_EQ(status.attention(0).remedy(), "make new ones");
}

}  // namespace
}  // namespace croft::handlers
