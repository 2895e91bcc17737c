#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/tools/croftctl/control_plane.h"

// What backups, proofs and restores say about single objects.
namespace croft::ctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::ordered_json;

v1::Finding Missing() {
  v1::Finding finding;
  finding.set_severity(v1::Finding::SEVERITY_MISSING);
  finding.set_reason("EXTENSION_NOT_ALLOWED");
  finding.set_object("EXTENSION \"file\nremedy: DROP\"");
  finding.set_owner("postgres");
  finding.set_message("the extension cannot be made by the tenant's owner");
  finding.set_postgres_message("ERROR: permission denied\033[2J");
  finding.set_remedy("DROP EXTENSION file_fdw;");
  return finding;
}

v1::Backup Incomplete() {
  v1::Backup backup;
  backup.set_name("tenants/acme/backups/b1");
  backup.set_state(v1::Backup::STATE_INCOMPLETE);
  *backup.add_findings() = Missing();
  backup.set_finding_count(7);
  return backup;
}

class Findings : public ::testing::Test, protected Pair {};

TEST_F(Findings, ABackupShowsThemWithWhatToDo) {
  server.get_backup.Answers(Incomplete());
  const Ran ran = desk.Run({"backup", "get", "acme", "b1"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("INCOMPLETE"), HasSubstr("MISSING EXTENSION_NOT_ALLOWED: EXTENSION \"file"),
                    HasSubstr(" of postgres"), HasSubstr("cannot be made by the tenant's owner"),
                    HasSubstr("remedy: DROP EXTENSION file_fdw;"), HasSubstr("7 in all")));
}

TEST_F(Findings, WhatATenantCanHaveWrittenIsEscapedAndMarked) {
  server.get_backup.Answers(Incomplete());
  const Ran ran = desk.Run({"backup", "get", "acme", "b1"});
  EXPECT_THAT(ran.out, AllOf(HasSubstr("\"file\\nremedy: DROP\""),
                             HasSubstr("perhaps in the tenant's words: ERROR: permission denied\\x1b[2J"),
                             Not(HasSubstr("\033"))));
}

TEST_F(Findings, ListsSayHowMany) {
  v1::ListBackupsResponse list;
  for (const auto state :
       {v1::Backup::STATE_VERIFIED_WITH_NOTES, v1::Backup::STATE_INCOMPLETE, v1::Backup::STATE_DAMAGED})
    *list.add_backups() = Incomplete(), list.mutable_backups()->rbegin()->set_state(state);
  server.list_backups.Answers(list);
  EXPECT_THAT(desk.Run({"backup", "list", "acme"}).out,
              AllOf(HasSubstr("FINDINGS"), HasSubstr("VERIFIED_WITH_NOTES"), HasSubstr("INCOMPLETE"),
                    HasSubstr("DAMAGED")));
}

TEST_F(Findings, SuccessWithWarningsSaysThemOnStandardError) {
  v1::Operation done = Succeeded(Running("op-1", "tenants/acme"));
  *done.add_warnings() = Missing();
  done.set_warning_count(1);
  server.create_backup.Answers(done);
  const Ran ran = desk.Run({"backup", "create", "acme", "-o", "json"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(Json::parse(ran.out)["warnings"][0]["reason"], "EXTENSION_NOT_ALLOWED");
  EXPECT_THAT(ran.err, AllOf(HasSubstr("has 1 warning"), HasSubstr("MISSING EXTENSION_NOT_ALLOWED"),
                             HasSubstr("remedy: DROP EXTENSION"), HasSubstr("croftctl op get op-1")));
  EXPECT_THAT(desk.Run({"backup", "create", "acme", "-o", "json", "-q"}).err, IsEmpty());
}

TEST_F(Findings, AnOperationShowsThem) {
  v1::Operation done = Succeeded(Running("op-1", "tenants/acme"));
  *done.add_warnings() = Missing();
  done.set_warning_count(1);
  server.get_operation.Answers(done);
  for (const char* verb : {"get", "wait"}) {
    EXPECT_THAT(
        desk.Run({"op", verb, "op-1"}).out,
        AllOf(HasSubstr("warning 1"), HasSubstr("MISSING EXTENSION_NOT_ALLOWED"), HasSubstr("remedy:")));
  }
  EXPECT_THAT(desk.Run({"op", "watch", "op-1"}).err, HasSubstr("MISSING EXTENSION_NOT_ALLOWED"));
}

TEST_F(Findings, IncompleteBackupsAreUsedOnlyWhereThatIsSaid) {
  server.restore_tenant.Answers(Succeeded(Running("op-1", "tenants/acme")));
  server.purge_tenant.Answers(Succeeded(Running("op-2", "tenants/acme")));
  server.create_backup.Answers(Succeeded(Running("op-3", "tenants/acme")));
  EXPECT_EQ(desk.Run({"tenant", "restore", "acme", "--backup", "b1", "--as", "copy", "--allow-incomplete"})
                .exit_code,
            0);
  EXPECT_TRUE(server.restore_tenant.asked().at(0).allow_incomplete());
  EXPECT_EQ(desk.Run({"tenant", "purge", "acme", "--accept-incomplete", "b1", "-y"}).exit_code, 0);
  EXPECT_EQ(server.purge_tenant.asked().at(0).accept_incomplete_backup(), "tenants/acme/backups/b1");
  EXPECT_EQ(desk.Run({"tenant", "purge", "-l", "app=x", "--accept-incomplete", "b1", "-y"}).exit_code, 2);
  EXPECT_EQ(desk.Run({"backup", "create", "acme", "--max-duration", "2h"}).exit_code, 0);
  EXPECT_EQ(server.create_backup.asked().at(0).max_duration().seconds(), 7200);
}

TEST_F(Findings, VerifyTakesTheLatestOfOneOrOfMany) {
  v1::Tenant tenant = ReadyTenant("acme");
  tenant.set_last_backup("tenants/acme/backups/b9");
  server.get_tenant.Answers([](const v1::GetTenantRequest& request, v1::Tenant& found) {
    found = ReadyTenant(request.name().substr(8));
    found.set_last_backup(absl::StrCat(request.name(), "/backups/b9"));
    return grpc::Status::OK;
  });
  server.verify_backup.Answers([](const v1::VerifyBackupRequest& request, v1::Operation& operation) {
    operation = Succeeded(Running("op-1", request.name()));
    return grpc::Status::OK;
  });
  v1::ListTenantsResponse list;
  for (const char* id : {"acme", "globex"}) *list.add_tenants() = ReadyTenant(id);
  server.list_tenants.Answers(list);
  EXPECT_EQ(desk.Run({"backup", "verify", "acme", "latest"}).exit_code, 0);
  EXPECT_EQ(desk.Run({"backup", "verify", "tenants/acme/backups/b1"}).exit_code, 0);
  EXPECT_EQ(desk.Run({"backup", "verify", "-l", "app=shop", "--parallel", "1"}).exit_code, 0);
  std::vector<std::string> names;
  for (const auto& request : server.verify_backup.asked()) names.push_back(request.name());
  EXPECT_THAT(names, ::testing::ElementsAre("tenants/acme/backups/b9", "tenants/acme/backups/b1",
                                            "tenants/acme/backups/b9", "tenants/globex/backups/b9"));
  EXPECT_EQ(desk.Run({"backup", "verify", "acme"}).exit_code, 2);
}

TEST_F(Findings, CopiesAreMadeProvenAndShownByTheirStore) {
  const auto succeed = [](const auto& request, v1::Operation& operation) {
    operation = Succeeded(Running("op-1", request.name()));
    return grpc::Status::OK;
  };
  server.copy_backup.Answers(succeed);
  server.verify_backup.Answers(succeed);
  v1::Backup backup;
  backup.set_name("tenants/acme/backups/b1");
  v1::BackupCopy& good = *backup.add_copies();
  good.set_store("store-9");
  good.set_store_name("offsite");
  good.set_state(v1::Backup::STATE_VERIFIED);
  v1::BackupCopy& bad = *backup.add_copies();
  bad.set_store("store-8");
  bad.set_state(v1::Backup::STATE_FAILED);
  bad.set_failure("the disk is full");
  server.get_backup.Answers(backup);
  EXPECT_EQ(desk.Run({"backup", "copy", "acme", "b1", "--to", "offsite"}).exit_code, 0);
  EXPECT_EQ(server.copy_backup.asked().at(0).to_store(), "offsite");
  EXPECT_EQ(desk.Run({"backup", "copy", "acme", "b1"}).exit_code, 2);
  EXPECT_EQ(desk.Run({"backup", "verify", "acme", "b1", "--copy", "offsite"}).exit_code, 0);
  EXPECT_EQ(server.verify_backup.asked().at(0).copy(), "offsite");
  const std::string shown = desk.Run({"backup", "get", "acme", "b1"}).out;
  EXPECT_THAT(shown, HasSubstr("store-9, VERIFIED"));
  EXPECT_THAT(shown, HasSubstr("store-8, FAILED: the disk is full"));
}

TEST_F(Findings, DescribeShowsWhatBelongsTogether) {
  v1::Tenant tenant = ReadyTenant("acme");
  auto* condition = tenant.add_conditions();
  condition->set_type("FINAL_BACKUP_FAILED");
  condition->set_message("the disk was full");
  server.get_tenant.Answers(tenant);
  v1::ListOperationsResponse operations;
  *operations.add_operations() = Succeeded(Running("op-1", "tenants/acme"));
  server.list_operations.Answers(operations);
  v1::ListBackupsResponse backups;
  *backups.add_backups() = Incomplete();
  server.list_backups.Answers(backups);
  const Ran ran = desk.Run({"tenant", "describe", "acme"});
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("FINAL_BACKUP_FAILED: the disk was full"), HasSubstr("RECENT OPERATIONS"),
                    HasSubstr("op-1"), HasSubstr("RECENT BACKUPS"), HasSubstr("INCOMPLETE")));
  EXPECT_EQ(server.list_operations.asked().at(0).filter(), "target = \"tenants/acme\"");
  const Json json = Json::parse(desk.Run({"tenant", "describe", "acme", "-o", "json"}).out);
  EXPECT_EQ(json["tenant"]["name"], "tenants/acme");
  EXPECT_EQ(json["operations"][0]["name"], "operations/op-1");
  EXPECT_EQ(json["backups"][0]["state"], "STATE_INCOMPLETE");
  server.get_backup.Answers(Incomplete());
  EXPECT_THAT(desk.Run({"backup", "describe", "acme", "b1"}).out,
              AllOf(HasSubstr("finding 1"), HasSubstr("RECENT OPERATIONS")));
  v1::Host host;
  host.set_name("hosts/h1");
  auto* right = host.add_missing_rights();
  right->set_right("pg_signal_backend");
  right->set_consequence("sessions cannot be ended");
  right->set_remedy("GRANT pg_signal_backend TO croft;");
  server.get_host.Answers(host);
  v1::ListTenantsResponse tenants;
  *tenants.add_tenants() = tenant;
  server.list_tenants.Answers(tenants);
  EXPECT_THAT(desk.Run({"host", "describe", "h1"}).out,
              AllOf(HasSubstr("pg_signal_backend: sessions cannot be ended"),
                    HasSubstr("GRANT pg_signal_backend"), HasSubstr("TENANTS"), HasSubstr("acme")));
  server.get_operation.Answers(Succeeded(Running("op-1", "tenants/acme")));
  EXPECT_THAT(desk.Run({"op", "describe", "op-1"}).out, HasSubstr("RECENT OPERATIONS ON THE SAME"));
}

}  // namespace
}  // namespace croft::ctl
