#include <absl/time/clock.h>

#include "tests/controlplane/handlers/control_plane.h"

namespace croft::handlers {
namespace {

using server::ReasonOf;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Usage = v1::UsageService::Stub;

class UsageTest : public ControlPlane {
 protected:
  UsageTest() { JoinHost("h1"); }

  // Tells of a tenant's database as an agent does, until it is kept.
  void Tell(const std::string& tenant, int64_t commits, int64_t size, int32_t connections = 0,
            const std::string& host = "h1") {
    const std::string uid = Get(tenant).uid();
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    const absl::Time begun = absl::Now();
    for (;;) {
      usage_keeper_->Note(host, {{.uid = uid,
                                  .generation = 1,
                                  .connections = connections,
                                  .size_bytes = size,
                                  .size_time = absl::Now(),
                                  .counters = {.commits = commits}}});
      absl::SleepFor(absl::Milliseconds(2));
      const auto found = usage_keeper_->Find(uid, host);
      if (found.ok() && *found && (*found)->look_time >= begun) return;
      if (absl::Now() > deadline) return ADD_FAILURE() << tenant << " is not kept";
    }
  }
  v1::TenantUsage GetUsage(const std::string& tenant) {
    v1::GetUsageRequest request;
    request.set_name("tenants/" + tenant);
    v1::TenantUsage usage;
    const grpc::Status status = Call(*usage_, &Usage::GetUsage, request, usage);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return usage;
  }
  std::vector<std::string> List(v1::ListUsageRequest request, grpc::ClientContext* as = nullptr) {
    v1::ListUsageResponse response;
    const auto nobody = v1::UsageService::NewStub(plane_->AsNobody());
    const grpc::Status status = as == nullptr ? Call(*usage_, &Usage::ListUsage, request, response)
                                              : nobody->ListUsage(as, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    token_ = response.next_page_token();
    std::vector<std::string> names;
    for (const auto& usage : response.usage()) names.push_back(usage.tenant());
    return names;
  }

  std::string token_;
};

TEST_F(UsageTest, TenantIsShownWithItsHistory) {
  Create("acme");
  EXPECT_FALSE(GetUsage("acme").has_measure_time()) << "nothing was told yet";
  Tell("acme", 100, 5000);
  Tell("acme", 160, 6000, 3);
  const v1::TenantUsage usage = GetUsage("acme");
  EXPECT_EQ(usage.tenant(), "tenants/acme");
  EXPECT_EQ(usage.host(), "hosts/h1");
  EXPECT_EQ(usage.size_bytes(), 6000);
  EXPECT_EQ(usage.connections(), 3);
  EXPECT_EQ(usage.counts().commits(), 60);
  ASSERT_GE(usage.hours_size(), 1);
  EXPECT_EQ(usage.hours(usage.hours_size() - 1).size_bytes(), 6000);
}

TEST_F(UsageTest, UnknownTenantIsNotFoundAndBadFieldsAreNamed) {
  v1::TenantUsage usage;
  v1::GetUsageRequest request;
  request.set_name("tenants/nobody");
  EXPECT_EQ(ReasonOf(Call(*usage_, &Usage::GetUsage, request, usage)), "TENANT_NOT_FOUND");
  request.set_name("acme");
  EXPECT_EQ(ReasonOf(Call(*usage_, &Usage::GetUsage, request, usage)), "INVALID_FIELD");
  v1::ListUsageRequest list;
  v1::ListUsageResponse listed;
  list.set_order_by(static_cast<v1::UsageOrder>(77));
  list.add_tenants("acme");
  list.set_page_size(-1);
  list.set_page_token("made up");
  const grpc::Status status = Call(*usage_, &Usage::ListUsage, list, listed);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  for (const char* field : {"order_by", "tenants[0]", "page_size", "page_token"}) {
    EXPECT_THAT(status.error_message(), testing::HasSubstr(field));
  }
  list.Clear();
  for (int i = 0; i < 1001; ++i) list.add_tenants("tenants/acme");
  EXPECT_EQ(ReasonOf(Call(*usage_, &Usage::ListUsage, list, listed)), "INVALID_FIELD");
}

TEST_F(UsageTest, ListBeginsWithTheLargestAndGoesOnByPages) {
  for (const char* id : {"acme", "globex", "initech"}) Create(id);
  Tell("acme", 0, 200, 1);
  Tell("globex", 0, 300);
  Tell("initech", 0, 100, 7);
  EXPECT_THAT(List({}), ElementsAre("tenants/globex", "tenants/acme", "tenants/initech"));
  EXPECT_EQ(token_, "");
  v1::ListUsageRequest request;
  request.set_page_size(2);
  EXPECT_THAT(List(request), ElementsAre("tenants/globex", "tenants/acme"));
  request.set_page_token(token_);
  EXPECT_THAT(List(request), ElementsAre("tenants/initech"));
  request.Clear();
  request.set_order_by(v1::USAGE_ORDER_CONNECTIONS);
  EXPECT_THAT(List(request), ElementsAre("tenants/initech", "tenants/acme"));
  request.Clear();
  for (const char* id : {"tenants/initech", "tenants/nobody", "tenants/acme"}) request.add_tenants(id);
  request.mutable_since()->set_seconds(1);
  EXPECT_THAT(List(request), ElementsAre("tenants/initech", "tenants/acme"));
}

TEST_F(UsageTest, StatementsAreThoseThatItsHostTells) {
  Create("acme");
  v1::StatementUsage slow;
  slow.set_text("SELECT $1");
  statements_.Lay(std::vector<v1::StatementUsage>{slow});
  v1::ListStatementsRequest request;
  request.set_name("tenants/acme");
  v1::ListStatementsResponse response;
  ASSERT_TRUE(Call(*usage_, &Usage::ListStatements, request, response).ok());
  ASSERT_EQ(response.statements_size(), 1);
  EXPECT_EQ(response.statements(0).text(), "SELECT $1");
  request.set_limit(1000);
  ASSERT_TRUE(Call(*usage_, &Usage::ListStatements, request, response).ok());
  request.set_limit(3);
  ASSERT_TRUE(Call(*usage_, &Usage::ListStatements, request, response).ok());
  ASSERT_THAT(statements_.asked(), SizeIs(3));
  EXPECT_EQ(statements_.asked()[0].host, "h1");
  EXPECT_EQ(statements_.asked()[0].database, Get("acme").placement().database());
  EXPECT_EQ(statements_.asked()[0].limit, 20);
  EXPECT_EQ(statements_.asked()[1].limit, 20);
  EXPECT_EQ(statements_.asked()[2].limit, 3);
}

TEST_F(UsageTest, StatementsThatCannotBeToldSayWhy) {
  Create("acme");
  v1::ListStatementsRequest request;
  v1::ListStatementsResponse response;
  request.set_name("tenants/nobody");
  EXPECT_EQ(ReasonOf(Call(*usage_, &Usage::ListStatements, request, response)), "TENANT_NOT_FOUND");
  request.set_name("tenants/acme");
  request.set_limit(-1);
  EXPECT_EQ(ReasonOf(Call(*usage_, &Usage::ListStatements, request, response)), "INVALID_FIELD");
  EXPECT_THAT(statements_.asked(), IsEmpty());
  request.set_limit(0);
  EXPECT_EQ(ReasonOf(Call(*usage_, &Usage::ListStatements, request, response)), "HOST_UNREACHABLE");
}

// Whoever gives up waiting leaves nothing behind.
TEST_F(UsageTest, CallForStatementsEndsWithItsDeadline) {
  Create("acme");
  statements_.Mute();
  v1::ListStatementsRequest request;
  request.set_name("tenants/acme");
  v1::ListStatementsResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
  EXPECT_EQ(usage_->ListStatements(&context, request, &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
}

// An agent that was taken over tells of tenants that live elsewhere: nobody is shown it.
TEST_F(UsageTest, WhatAnotherHostTellsIsNotShown) {
  Create("acme");
  Tell("acme", 0, 100);
  Tell("acme", 0, 1 << 30, 99, "h2");
  EXPECT_EQ(GetUsage("acme").size_bytes(), 100);
  EXPECT_THAT(List({}), SizeIs(1));
  v1::ListUsageRequest request;
  request.set_order_by(v1::USAGE_ORDER_CONNECTIONS);
  EXPECT_THAT(List(request), IsEmpty());
}

TEST_F(UsageTest, NarrowedViewerSeesItsOwnTenantsAlone) {
  Create("acme");
  Create("globex");
  Tell("acme", 0, 100);
  Tell("globex", 0, 200);
  v1::CreatePrincipalRequest create;
  create.set_principal_id("eye");
  v1::Principal principal;
  ASSERT_TRUE(Call(*access_, &v1::AccessService::Stub::CreatePrincipal, create, principal).ok());
  v1::BindRoleRequest bind;
  bind.set_name("principals/eye");
  bind.mutable_binding()->set_role(v1::Binding::ROLE_VIEWER);
  bind.mutable_binding()->add_tenants("acme");
  ASSERT_TRUE(Call(*access_, &v1::AccessService::Stub::BindRole, bind, principal).ok());
  v1::CreateTokenRequest token;
  token.set_parent("principals/eye");
  v1::CreateTokenResponse made;
  ASSERT_TRUE(Call(*access_, &v1::AccessService::Stub::CreateToken, token, made).ok());
  const auto list_as_viewer = [&](const v1::ListUsageRequest& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    context.AddMetadata("authorization", "Bearer " + made.secret());
    return List(request, &context);
  };
  EXPECT_THAT(list_as_viewer({}), ElementsAre("tenants/acme"));
  v1::ListUsageRequest named;
  named.add_tenants("tenants/globex");
  named.add_tenants("tenants/acme");
  EXPECT_THAT(list_as_viewer(named), ElementsAre("tenants/acme"));
}

}  // namespace
}  // namespace croft::handlers
