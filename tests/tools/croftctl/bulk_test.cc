#include <set>
#include <string>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/sync.h"
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
  const Ran table =
      desk.Run({"tenant", "suspend", "-l", "app=shop", "--max-failures", "10", "--parallel", "3"});
  EXPECT_THAT(table.err,
              AllOf(HasSubstr("FAILED"), HasSubstr("t1      TENANT_BUSY  busy"), HasSubstr("t3"),
                    HasSubstr("croftctl op wait op-9"), HasSubstr("of 6: 2 failed"), Not(HasSubstr("t0"))));
}

TEST_F(Bulk, NoneIsBegunAfterTooManyFailures) {
  const Ran ran = desk.Run({"tenant", "suspend", "-l", "app=shop", "--parallel", "1"});
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(server.suspend_tenant.asked(), SizeIs(2));
  EXPECT_THAT(ran.err, AllOf(HasSubstr("t1      TENANT_BUSY"),
                             HasSubstr("of 6: 1 failed, 4 were not begun"), Not(HasSubstr("t5"))));
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
  EXPECT_THAT(ran.err, HasSubstr("there is no such tenant"));
}

TEST_F(Bulk, PurgeOfManyIsAskedAboutAndLooksForRetiredOnes) {
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

TEST_F(Bulk, SeveralIdsAreWorkedOnOnceEach) {
  const Ran ran = desk.Run({"tenant", "suspend", "t0", "t2", "tenants/t0", "-o", "json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(Json::parse(ran.out)["operations"], SizeIs(2));
  EXPECT_THAT(server.list_tenants.asked(), IsEmpty());
}

TEST_F(Bulk, AStateChoosesTenantsAloneOrBesideLabels) {
  EXPECT_EQ(desk.Run({"tenant", "suspend", "--state", "ready", "--dry-run"}).exit_code, 5);
  EXPECT_EQ(server.list_tenants.asked().at(0).filter(), "state = READY");
  desk.Run({"tenant", "suspend", "-l", "app=shop", "--state", "ready"});
  EXPECT_EQ(server.list_tenants.asked().at(1).filter(), "labels.app = \"shop\" AND state = READY");
  EXPECT_EQ(desk.Run({"tenant", "suspend", "--state", "asleep"}).exit_code, 2);
}

TEST_F(Bulk, AsManyFailuresAsAreAllowedEndIt) {
  const Ran two = desk.Run(
      {"tenant", "suspend", "-l", "app=shop", "--parallel", "1", "--max-failures", "2", "--no-wait"});
  EXPECT_THAT(server.suspend_tenant.asked(), SizeIs(4)) << "t1 and t3 fail";
  EXPECT_THAT(two.err, HasSubstr("of 6: 2 failed, 2 were not begun"));
  const Ran three =
      desk.Run({"tenant", "suspend", "-l", "app=shop", "--parallel", "1", "--max-failures", "3"});
  EXPECT_THAT(three.err, HasSubstr("of 6: 2 failed"));
  EXPECT_THAT(three.err, Not(HasSubstr("not begun")));
}

TEST_F(Bulk, ErrorsAsJsonNameEveryFailure) {
  const Ran ran = desk.Run(
      {"tenant", "suspend", "-l", "app=shop", "--max-failures", "10", "--parallel", "2", "-o", "json"});
  const Json error = Json::parse(ran.err)["error"];
  ASSERT_THAT(error["failures"], SizeIs(2));
  EXPECT_EQ(error["failures"][0]["id"], "t1");
  EXPECT_EQ(error["failures"][0]["reason"], "TENANT_BUSY");
  EXPECT_EQ(error["exitCode"], 5);
}

// Six tenants, of which t0, t2 and t4 live on a silent host.
class SilentHost : public Bulk {
 protected:
  SilentHost() {
    server.list_tenants.Answers([](const v1::ListTenantsRequest&, v1::ListTenantsResponse& response) {
      for (int i = 0; i < 6; ++i) {
        v1::Tenant tenant = ReadyTenant(absl::StrCat("t", i));
        tenant.mutable_placement()->set_host(i % 2 == 0 ? "hosts/h1" : "hosts/h2");
        *response.add_tenants() = tenant;
      }
      return grpc::Status::OK;
    });
    server.suspend_tenant.Answers([](const v1::SuspendTenantRequest& request, v1::Operation& operation) {
      operation = Running(absl::StrCat("op-", request.name().substr(9)), request.name());
      return grpc::Status::OK;
    });
    server.WatchesEach([this](const std::string& name, const auto& send, const auto& cancelled) {
      const int number = name.back() - '0';
      v1::Operation operation = Running(name.substr(11), absl::StrCat("tenants/t", number));
      MutexLock lock(mutex_);
      if (number % 2 == 0) {
        operation.set_progress("waiting for hosts/h1, away since 10:02");
        send(operation);
        while (!host_is_back_ && !cancelled()) changed_.WaitFor(mutex_, absl::Milliseconds(20));
        if (!host_is_back_) return grpc::Status::CANCELLED;
      } else if (++done_on_h2_ == 3) {
        host_is_back_ = true;
        changed_.NotifyAll();
      }
      send(Succeeded(operation));
      return grpc::Status::OK;
    });
  }

  Mutex mutex_;
  CondVar changed_;
  int done_on_h2_ ABSL_GUARDED_BY(mutex_) = 0;
  // From the moment at which all on h2 are done.
  bool host_is_back_ ABSL_GUARDED_BY(mutex_) = false;
};

TEST_F(SilentHost, DoesNotKeepTheOthersFromBeingDone) {
  for (const char* parallel : {"1", "2", "4"}) {
    {
      MutexLock lock(mutex_);
      done_on_h2_ = 0;
      host_is_back_ = false;
    }
    // Were the silent host waited for first, this would end with 7.
    const Ran ran = desk.Run(
        {"tenant", "suspend", "-l", "app=shop", "--parallel", parallel, "--timeout", "30s", "-o", "json"});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_THAT(Json::parse(ran.out)["operations"], SizeIs(6));
  }
}

TEST_F(SilentHost, WhatStillWaitsAtTheEndIsToldAsRunningAndNotAsFailed) {
  {
    MutexLock lock(mutex_);
    done_on_h2_ = -100;
  }
  const Ran ran = desk.Run({"tenant", "suspend", "-l", "app=shop", "--parallel", "2", "--timeout", "5s"});
  EXPECT_EQ(ran.exit_code, 7);
  EXPECT_THAT(ran.err,
              AllOf(HasSubstr("still run"), Not(HasSubstr("failed,")), HasSubstr("croftctl op wait op-0")));
}

}  // namespace
}  // namespace croft::ctl
