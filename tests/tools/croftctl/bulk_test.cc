#include <set>
#include <string>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/tools/croftctl/control_plane.h"

// Verbs over many tenants at a time.
namespace croft::ctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Json = nlohmann::ordered_json;

class Bulk : public ::testing::Test, protected Pair {
 protected:
  Bulk() {
    server.list_tenants.Answers([](const v1::ListTenantsRequest&, v1::ListTenantsResponse& response) {
      for (int i = 0; i < 6; ++i) *response.add_tenants() = ReadyTenant(absl::StrCat("t", i));
      return grpc::Status::OK;
    });
    // Those whose name ends in 1 or 3 are busy.
    server.suspend_tenant.Answers([](const v1::SuspendTenantRequest& request, v1::Operation& operation) {
      if (absl::EndsWith(request.name(), "1") || absl::EndsWith(request.name(), "3")) {
        return GrpcError(absl::StatusCode::kAborted, "busy",
                         {.reason = "TENANT_BUSY", .metadata = {{"holder", "operations/op-9"}}});
      }
      operation = Succeeded(Running(absl::StrCat("op-", request.name().substr(9)), request.name()));
      return grpc::Status::OK;
    });
  }
};

TEST_F(Bulk, EachTenantIsDoneAndTheFailuresAreListed) {
  const Ran ran = desk.Run(
      {"tenant", "suspend", "-l", "app=shop", "--max-failures", "10", "--parallel", "3", "-o", "json"});
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(server.suspend_tenant.asked(), SizeIs(6));
  const Json operations = Json::parse(ran.out)["operations"];
  ASSERT_THAT(operations, SizeIs(4));
  EXPECT_EQ(operations[0]["target"], "tenants/t0");
  EXPECT_EQ(operations[3]["target"], "tenants/t5");
  EXPECT_THAT(ran.err, AllOf(HasSubstr("FAILED"), HasSubstr("t1      TENANT_BUSY  busy"), HasSubstr("t3"),
                             HasSubstr("croftctl op wait op-9"), HasSubstr("2 of 6 did not succeed"),
                             Not(HasSubstr("t0"))));
}

TEST_F(Bulk, NoneIsBegunAfterTooManyFailures) {
  const Ran ran = desk.Run({"tenant", "suspend", "-l", "app=shop", "--parallel", "1"});
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(server.suspend_tenant.asked(), SizeIs(2));
  EXPECT_THAT(ran.err,
              AllOf(HasSubstr("t5      -            not begun"), HasSubstr("5 of 6 did not succeed")));
}

TEST_F(Bulk, EachTenantHasARequestIdOfItsOwnThatARepeatOfTheCommandGivesAgain) {
  const std::vector<std::string> command = {
      "tenant",         "suspend", "-l",           "app=shop",
      "--max-failures", "10",      "--request-id", "6f1c1bd0-8f4e-4a1c-9b56-0d1f0c5b7a11"};
  std::set<std::string> ids;
  for (int i = 0; i < 2; ++i) {
    desk.Run(command);
    for (const auto& request : server.suspend_tenant.asked()) ids.insert(request.request_id());
    EXPECT_THAT(ids, SizeIs(6));
  }
}

TEST_F(Bulk, NamesAreThoseOfWhatWasWorkedOn) {
  const Ran ran = desk.Run({"tenant", "suspend", "-l", "app=shop", "--parallel", "1", "-o", "name"});
  EXPECT_EQ(ran.out, "tenants/t0\n");
}

TEST_F(Bulk, NoMatchIsNoError) {
  server.list_tenants.Answers(v1::ListTenantsResponse());
  const Ran ran = desk.Run({"tenant", "suspend", "-l", "app=none", "-o", "json"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(Json::parse(ran.out), Json::parse(R"({"operations":[]})"));
  EXPECT_THAT(ran.err, HasSubstr("no tenant has app=none"));
}

TEST_F(Bulk, PurgeOfManyAsksForTheSelectorAndLooksForRetiredOnes) {
  server.purge_tenant.Answers([](const v1::PurgeTenantRequest& request, v1::Operation& operation) {
    operation = Succeeded(Running("op-1", request.name()));
    return grpc::Status::OK;
  });
  EXPECT_EQ(desk.Run({"tenant", "purge", "-l", "app=shop"}).exit_code, 2);
  EXPECT_THAT(server.list_tenants.asked(), IsEmpty());
  EXPECT_EQ(desk.Run({"tenant", "purge", "-l", "app=shop", "--yes"}).exit_code, 0);
  EXPECT_TRUE(server.list_tenants.asked().at(0).show_retired());
  EXPECT_THAT(server.purge_tenant.asked(), SizeIs(6));
}

TEST_F(Bulk, UpdatesAnswerWithTenants) {
  server.update_tenant.Answers([](const v1::UpdateTenantRequest& request, v1::Tenant& tenant) {
    tenant = request.tenant();
    return grpc::Status::OK;
  });
  const Ran ran = desk.Run({"tenant", "update", "-l", "app=shop", "--labels", "tier=gold", "-o", "json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(Json::parse(ran.out)["tenants"], SizeIs(6));
}

}  // namespace
}  // namespace croft::ctl
