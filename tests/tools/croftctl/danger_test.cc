#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/croftctl/control_plane.h"
#include "tests/tools/croftctl/terminal_program.h"

// What is asked before data ends, and what is sent then.
namespace croft::ctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Line = std::vector<std::string>;

class Danger : public ::testing::Test, protected Pair {
 protected:
  Danger() {
    server.list_tenants.Answers([](const v1::ListTenantsRequest&, v1::ListTenantsResponse& response) {
      for (const char* id : {"acme", "globex"}) *response.add_tenants() = ReadyTenant(id);
      return grpc::Status::OK;
    });
    const auto succeed = [](const auto& request, v1::Operation& operation) {
      operation = Succeeded(Running(absl::StrCat("op-", request.name().substr(8)), request.name()));
      return grpc::Status::OK;
    };
    server.retire_tenant.Answers(succeed);
    server.purge_tenant.Answers(succeed);
    server.restore_tenant.Answers(succeed);
    server.update_tenant.Answers(ReadyTenant("acme"));
  }

  size_t Calls() {
    return server.list_tenants.asked().size() + server.get_tenant.asked().size() +
           server.retire_tenant.asked().size() + server.purge_tenant.asked().size() +
           server.restore_tenant.asked().size() + server.update_tenant.asked().size();
  }
};

TEST_F(Danger, WithoutATerminalItIsRefusedBeforeAnyCall) {
  const std::pair<Line, const char*> cases[] = {
      {{"tenant", "retire", "acme"}, "this retires tenant acme: sessions end now"},
      {{"tenant", "retire", "acme", "--grace", "0s"}, "purged for good in 0s"},
      {{"tenant", "retire", "-l", "app=shop", "--grace", "0s"}, "this retires every tenant with app=shop"},
      {{"tenant", "retire", "--state", "ready"}, "every tenant in state ready"},
      {{"tenant", "retire", "acme", "globex"}, "tenants acme, globex"},
      {{"tenant", "purge", "acme"}, "this purges tenant acme: databases, roles, backups and keys"},
      {{"tenant", "restore", "acme", "--backup", "b1"}, "replaces the data of tenant acme"},
      {{"tenant", "update", "acme", "--expire-in", "59m"}, "this ends tenant acme: in 5"},
      {{"tenant", "update", "acme", "--expire-time", "2020-01-01T00:00:00Z"}, "in 0s"},
  };
  for (const auto& [line, sentence] : cases) {
    const Ran ran = desk.Run(line);
    EXPECT_EQ(ran.exit_code, 2) << sentence;
    EXPECT_THAT(ran.err, AllOf(HasSubstr(sentence), HasSubstr("without a terminal to ask at, give --yes")));
  }
  EXPECT_EQ(Calls(), 0u);
}

TEST_F(Danger, YesGoesOnAndSendsWhatTheApiWantsConfirmed) {
  EXPECT_EQ(desk.Run({"tenant", "retire", "acme", "--grace", "0s", "--yes"}).exit_code, 0);
  EXPECT_EQ(server.retire_tenant.asked().at(0).confirm(), "tenants/acme");
  EXPECT_EQ(desk.Run({"tenant", "purge", "acme", "-y"}).exit_code, 0);
  EXPECT_EQ(server.purge_tenant.asked().at(0).confirm(), "tenants/acme");
  EXPECT_EQ(desk.Run({"tenant", "update", "acme", "--expire-in", "30m", "-y"}).exit_code, 0);
  EXPECT_EQ(server.update_tenant.asked().at(0).confirm(), "tenants/acme");
  EXPECT_EQ(desk.Run({"tenant", "purge", "-l", "app=shop", "-y"}).exit_code, 0);
  EXPECT_EQ(server.purge_tenant.asked().at(2).confirm(), server.purge_tenant.asked().at(2).name());
}

TEST_F(Danger, WhatEndsLaterOrNothingIsNotAskedAbout) {
  EXPECT_EQ(desk.Run({"tenant", "update", "acme", "--expire-in", "61m"}).exit_code, 0);
  EXPECT_EQ(desk.Run({"tenant", "update", "acme", "--no-expiry"}).exit_code, 0);
  EXPECT_EQ(desk.Run({"tenant", "restore", "acme", "--backup", "b1", "--as", "copy"}).exit_code, 0);
  EXPECT_EQ(desk.Run({"tenant", "retire", "acme", "--dry-run"}).exit_code, 0);
  EXPECT_TRUE(server.retire_tenant.asked().at(0).validate_only());
}

TEST_F(Danger, OneIsConfirmedByItsName) {
  TerminalProgram wrong(desk.CommandFor({"tenant", "retire", "acme", "--grace", "0s"}));
  ASSERT_TRUE(wrong.ShowsEventually("Type acme to go on"));
  wrong.Type("yes\n");
  EXPECT_EQ(wrong.Finish().exit_code, 2);
  EXPECT_THAT(server.retire_tenant.asked(), IsEmpty());
  TerminalProgram right(desk.CommandFor({"tenant", "restore", "acme", "--backup", "b1"}));
  ASSERT_TRUE(right.ShowsEventually("Type acme to go on"));
  right.Type("acme\n");
  EXPECT_EQ(right.Finish().exit_code, 0);
  EXPECT_THAT(server.restore_tenant.asked(), SizeIs(1));
}

TEST_F(Danger, ManyAreListedAndConfirmedByTheirNumber) {
  TerminalProgram wrong(desk.CommandFor({"tenant", "purge", "-l", "app=shop"}));
  ASSERT_TRUE(wrong.ShowsEventually("acme, globex"));
  ASSERT_TRUE(wrong.ShowsEventually("Type 2 to go on"));
  wrong.Type("acme\n");
  EXPECT_EQ(wrong.Finish().exit_code, 2);
  EXPECT_THAT(server.purge_tenant.asked(), IsEmpty());
  TerminalProgram right(desk.CommandFor({"tenant", "purge", "-l", "app=shop"}));
  ASSERT_TRUE(right.ShowsEventually("Type 2 to go on"));
  right.Type("2\n");
  EXPECT_EQ(right.Finish().exit_code, 0);
  EXPECT_THAT(server.purge_tenant.asked(), SizeIs(2));
}

TEST_F(Danger, DeleteProtectionIsSetTakenOffAndShown) {
  server.create_tenant.Answers(Succeeded(Running("op-1", "tenants/acme")));
  EXPECT_EQ(desk.Run({"tenant", "create", "acme", "--delete-protection", "on"}).exit_code, 0);
  EXPECT_TRUE(server.create_tenant.asked().at(0).tenant().delete_protection());
  for (const char* word : {"on", "off"}) {
    EXPECT_EQ(desk.Run({"tenant", "update", "acme", "--delete-protection", word}).exit_code, 0);
    EXPECT_EQ(server.update_tenant.asked().back().update_mask().paths(0), "delete_protection");
    EXPECT_EQ(server.update_tenant.asked().back().tenant().delete_protection(), word == std::string("on"));
  }
  EXPECT_EQ(desk.Run({"tenant", "update", "acme", "--delete-protection", "maybe"}).exit_code, 2);
  v1::Tenant tenant = ReadyTenant("acme");
  tenant.set_delete_protection(true);
  server.get_tenant.Answers(tenant);
  EXPECT_THAT(desk.Run({"tenant", "get", "acme"}).out, HasSubstr("protected"));
  v1::ListTenantsResponse list;
  *list.add_tenants() = tenant;
  server.list_tenants.Answers(list);
  EXPECT_THAT(desk.Run({"tenant", "list", "-o", "wide"}).out, HasSubstr("PROTECTED"));
}

}  // namespace
}  // namespace croft::ctl
