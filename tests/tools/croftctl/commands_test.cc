#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "tests/tools/croftctl/control_plane.h"

// What the verbs send, print and end with, against a real server over TLS.
namespace croft::ctl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;
using Json = nlohmann::ordered_json;

class Commands : public ::testing::Test, protected Pair {
 protected:
  Ran Run(std::vector<std::string> arguments) const { return desk.Run(std::move(arguments)); }
};

TEST_F(Commands, CreateSendsWhatTheFlagsSay) {
  server.create_tenant.Answers(Succeeded(Running("op-1", "tenants/acme")));
  const Ran ran = Run({"tenant",          "create",        "acme",     "--labels",    "app=shop,tier=gold",
                       "--alias",         "shop.acme.com", "--set",    "seats=5",     "--feature",
                       "beta=true",       "--connections", "20",       "--expire-in", "4h",
                       "--extension",     "citext",        "--locale", "C.UTF-8",     "--if-missing",
                       "--host-selector", "zone=a"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const v1::CreateTenantRequest request = server.create_tenant.asked().at(0);
  EXPECT_EQ(request.tenant_id(), "acme");
  EXPECT_EQ(request.tenant().labels().at("app"), "shop");
  EXPECT_EQ(request.tenant().labels().at("tier"), "gold");
  EXPECT_EQ(request.tenant().aliases(0), "shop.acme.com");
  EXPECT_EQ(request.tenant().settings().fields().at("seats").number_value(), 5);
  EXPECT_TRUE(request.tenant().features().at("beta").bool_value());
  EXPECT_EQ(request.tenant().quota().connections(), 20);
  EXPECT_EQ(request.tenant().extensions(0), "citext");
  EXPECT_EQ(request.host_selector().at("zone"), "a");
  EXPECT_TRUE(request.if_missing());
  EXPECT_FALSE(request.validate_only());
  EXPECT_THAT(request.request_id(), SizeIs(36));
  const int64_t in = request.tenant().expire_time().seconds() - absl::ToUnixSeconds(absl::Now());
  EXPECT_GT(in, 4 * 3600 - 120);
  EXPECT_LE(in, 4 * 3600);
}

TEST_F(Commands, DryRunValidatesOnly) {
  server.create_tenant.Answers(v1::Operation());
  const Ran ran = Run({"tenant", "create", "acme", "--dry-run"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, HasSubstr("nothing was changed"));
  EXPECT_TRUE(server.create_tenant.asked().at(0).validate_only());
}

TEST_F(Commands, GivenRequestIdIsSent) {
  server.create_tenant.Answers(Succeeded(Running("op-1", "tenants/acme")));
  const std::string id = "6f1c1bd0-8f4e-4a1c-9b56-0d1f0c5b7a11";
  EXPECT_EQ(Run({"--request-id", id, "tenant", "create", "acme"}).exit_code, 0);
  EXPECT_EQ(server.create_tenant.asked().at(0).request_id(), id);
}

TEST_F(Commands, JsonIsTheApisOwn) {
  v1::Tenant tenant = ReadyTenant("acme");
  tenant.mutable_placement()->set_generation(3);
  tenant.mutable_create_time()->set_seconds(1700000000);
  server.get_tenant.Answers(tenant);
  const Ran ran = Run({"tenant", "get", "acme", "-o", "json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(Json::parse(ran.out), Json::parse(R"({"name":"tenants/acme","uid":"abcdefgh234567ab",
      "createTime":"2023-11-14T22:13:20Z","etag":"e1","state":"STATE_READY","placement":{"generation":"3"}})"));
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST_F(Commands, ListsHoldEveryPageUnderTheirFieldsName) {
  server.list_tenants.Answers([](const v1::ListTenantsRequest& request, v1::ListTenantsResponse& response) {
    const bool first = request.page_token().empty();
    *response.add_tenants() = ReadyTenant(first ? "acme" : "globex");
    if (first) response.set_next_page_token("more");
    return grpc::Status::OK;
  });
  const Json json = Json::parse(Run({"tenant", "list", "-o", "json"}).out);
  ASSERT_THAT(json["tenants"], SizeIs(2));
  EXPECT_EQ(json["tenants"][1]["name"], "tenants/globex");
  EXPECT_EQ(Run({"tenant", "list", "-o", "name"}).out, "tenants/acme\ntenants/globex\n");
  const Ran limited = Run({"tenant", "list", "-o", "name", "--limit", "1"});
  EXPECT_EQ(limited.out, "tenants/acme\n");
  EXPECT_THAT(limited.err, HasSubstr("more than 1"));
}

TEST_F(Commands, AnEmptyListIsStillAList) {
  server.list_backups.Answers(v1::ListBackupsResponse());
  EXPECT_EQ(Json::parse(Run({"backup", "list", "acme", "-o", "json"}).out),
            Json::parse(R"({"backups":[]})"));
  EXPECT_EQ(server.list_backups.asked().at(0).parent(), "tenants/acme");
  EXPECT_THAT(Run({"backup", "list", "-o", "table"}).out, StartsWith("ID"));
  EXPECT_EQ(server.list_backups.asked().at(1).parent(), "tenants/-");
}

TEST_F(Commands, SelectorsAndFiltersAreJoined) {
  server.list_tenants.Answers(v1::ListTenantsResponse());
  EXPECT_EQ(
      Run({"tenant", "list", "-l", "app=shop", "--filter", "state = READY", "--show-retired"}).exit_code,
      0);
  EXPECT_EQ(server.list_tenants.asked().at(0).filter(), "state = READY AND labels.app = \"shop\"");
  EXPECT_TRUE(server.list_tenants.asked().at(0).show_retired());
}

TEST_F(Commands, TablesLineUpAndNeverCarryControlCharacters) {
  v1::ListTenantsResponse response;
  *response.add_tenants() = ReadyTenant("a");
  *response.add_tenants() = ReadyTenant("much-longer-name");
  (*response.mutable_tenants(0)->mutable_labels())["app"] = "\033[31mred\nnext";
  server.list_tenants.Answers(response);
  const Ran ran = Run({"tenant", "list"});
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("a                 READY  -"), HasSubstr("much-longer-name  READY  -"),
                    HasSubstr("app=?[31mred next"), Not(HasSubstr("\033"))));
}

TEST_F(Commands, ColorIsDrawnOnlyWhereAskedFor) {
  v1::ListTenantsResponse response;
  *response.add_tenants() = ReadyTenant("acme");
  server.list_tenants.Answers(response);
  EXPECT_THAT(Run({"tenant", "list"}).out, Not(HasSubstr("\033")));
  EXPECT_THAT(Run({"tenant", "list", "--color", "always"}).out, HasSubstr("\033[32mREADY"));
}

TEST_F(Commands, YamlSaysTheSameAsJson) {
  v1::Tenant tenant = ReadyTenant("acme");
  (*tenant.mutable_labels())["numeric"] = "007";
  (*tenant.mutable_labels())["word"] = "yes";
  tenant.set_display_name("a: \"b\"\n- c");
  server.get_tenant.Answers(tenant);
  const YAML::Node yaml = YAML::Load(Run({"tenant", "get", "acme", "-o", "yaml"}).out);
  EXPECT_EQ(yaml["displayName"].as<std::string>(), tenant.display_name());
  EXPECT_EQ(yaml["labels"]["numeric"].as<std::string>(), "007");
  EXPECT_EQ(yaml["labels"]["numeric"].Tag(), "!");  // quoted: text, not a number
  EXPECT_EQ(yaml["labels"]["word"].Tag(), "!");
}

TEST_F(Commands, UpdateChangesOnlyWhatItNames) {
  server.update_tenant.Answers(ReadyTenant("acme"));
  const Ran ran = Run({"tenant", "update", "acme", "--labels", "app=shop", "--remove-label", "tier",
                       "--feature", "beta=false", "--no-expiry"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const v1::UpdateTenantRequest request = server.update_tenant.asked().at(0);
  EXPECT_THAT(request.update_mask().paths(),
              ElementsAre("expire_time", "labels.app", "labels.tier", "features.beta"));
  EXPECT_EQ(request.tenant().labels_size(), 1);
  EXPECT_FALSE(request.tenant().has_expire_time());
  EXPECT_THAT(server.get_tenant.asked(), IsEmpty());
}

TEST_F(Commands, UpdateMergesSettingsUnderTheEtagItRead) {
  v1::Tenant present = ReadyTenant("acme");
  auto& fields = *present.mutable_settings()->mutable_fields();
  fields["kept"].set_number_value(1);
  fields["dropped"].set_number_value(2);
  server.get_tenant.Answers(present);
  server.update_tenant.Answers(present);
  EXPECT_EQ(Run({"tenant", "update", "acme", "--set", "new=true", "--unset", "dropped"}).exit_code, 0);
  const v1::UpdateTenantRequest request = server.update_tenant.asked().at(0);
  EXPECT_EQ(request.tenant().etag(), "e1");
  EXPECT_THAT(request.update_mask().paths(), ElementsAre("settings"));
  EXPECT_EQ(request.tenant().settings().fields().count("kept"), 1u);
  EXPECT_EQ(request.tenant().settings().fields().count("dropped"), 0u);
  EXPECT_TRUE(request.tenant().settings().fields().at("new").bool_value());
}

TEST_F(Commands, WhoisFindsTheTenantByTheUidInAName) {
  v1::ListTenantsResponse response;
  *response.add_tenants() = ReadyTenant("acme");
  server.list_tenants.Answers(response);
  const Ran ran = Run({"tenant", "whois", "t_acme_abcdefgh234567ab_g2_f", "-o", "name"});
  EXPECT_EQ(ran.out, "tenants/acme\n");
  EXPECT_THAT(ran.err, HasSubstr("generation 2, sealed"));
  EXPECT_EQ(server.list_tenants.asked().at(0).filter(), "uid = abcdefgh234567ab");
  EXPECT_TRUE(server.list_tenants.asked().at(0).show_retired());
  server.list_tenants.Answers(v1::ListTenantsResponse());
  EXPECT_EQ(Run({"tenant", "whois", "abcdefgh234567ab"}).exit_code, 3);
  EXPECT_EQ(Run({"tenant", "whois", "postgres"}).exit_code, 2);
}

TEST_F(Commands, JoinTokenIsAloneOnStandardOutput) {
  v1::CreateJoinTokenResponse response;
  response.set_token("croft-join-secret");
  server.create_join_token.Answers(response);
  const Ran ran = Run({"host", "create-join-token", "h1", "--server-name", "db1.example"});
  EXPECT_EQ(ran.out, "croft-join-secret\n");
  EXPECT_EQ(server.create_join_token.asked().at(0).host(), "hosts/h1");
  EXPECT_EQ(server.create_join_token.asked().at(0).server_names(0), "db1.example");
  const std::string file = desk.folder().File("token");
  EXPECT_THAT(Run({"host", "create-join-token", "h1", "--out", file}).out, IsEmpty());
  std::string written;
  std::getline(std::ifstream(file), written);
  EXPECT_EQ(written, "croft-join-secret");
}

TEST_F(Commands, PurgeWithoutATerminalNeedsYes) {
  server.purge_tenant.Answers(Succeeded(Running("op-1", "tenants/acme")));
  const Ran refused = Run({"tenant", "purge", "acme"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--yes"));
  EXPECT_THAT(server.purge_tenant.asked(), IsEmpty());
  EXPECT_EQ(Run({"tenant", "purge", "acme", "--yes", "--waive-backup", "CI"}).exit_code, 0);
  EXPECT_EQ(server.purge_tenant.asked().at(0).waive_backup_reason(), "CI");
  EXPECT_EQ(Run({"backup", "delete", "acme", "b1"}).exit_code, 2);
  EXPECT_THAT(server.delete_backup.asked(), IsEmpty());
}

TEST_F(Commands, BackupsGoByTenantAndIdOrByFullName) {
  server.delete_backup.Answers(Succeeded(Running("op-1", "tenants/acme/backups/b1")));
  EXPECT_EQ(Run({"backup", "delete", "acme", "b1", "-y"}).exit_code, 0);
  EXPECT_EQ(Run({"backup", "delete", "tenants/acme/backups/b1", "-y"}).exit_code, 0);
  EXPECT_EQ(Run({"backup", "delete", "acme", "tenants/acme/backups/b1", "-y"}).exit_code, 0);
  for (const auto& request : server.delete_backup.asked())
    EXPECT_EQ(request.name(), "tenants/acme/backups/b1");
}

TEST_F(Commands, BackupMayBeNamedAndNoted) {
  server.create_backup.Answers(Succeeded(Running("op-1", "tenants/acme")));
  EXPECT_EQ(Run({"backup", "create", "acme", "--name", "before-2.4", "--note", "app 2.4.0, schema 118"})
                .exit_code,
            0);
  EXPECT_EQ(server.create_backup.asked().at(0).given_name(), "before-2.4");
  EXPECT_EQ(server.create_backup.asked().at(0).note(), "app 2.4.0, schema 118");
  server.verify_backup.Answers(Succeeded(Running("op-2", "tenants/acme/backups/b1")));
  EXPECT_EQ(Run({"backup", "verify", "acme", "before-2.4"}).exit_code, 0);
  EXPECT_EQ(server.verify_backup.asked().at(0).name(), "tenants/acme/backups/before-2.4");
}

TEST_F(Commands, RestoreOfManyTakesABackupsNameAndNoId) {
  server.restore_tenant.Answers(Succeeded(Running("op-1", "tenants/acme")));
  EXPECT_EQ(Run({"tenant", "restore", "acme", "globex", "--backup", "before-2.4", "--yes"}).exit_code, 0);
  std::vector<std::string> backups;
  for (const auto& request : server.restore_tenant.asked()) backups.push_back(request.backup());
  EXPECT_THAT(backups,
              UnorderedElementsAre("tenants/acme/backups/before-2.4", "tenants/globex/backups/before-2.4"));
  EXPECT_EQ(
      Run({"tenant", "restore", "acme", "globex", "--backup", "20261123t031100z-ab3d", "--yes"}).exit_code,
      2);
}

TEST_F(Commands, HoldWantsAReasonAndShowsTheBackup) {
  v1::Backup held;
  held.set_name("tenants/acme/backups/b1");
  held.mutable_legal_hold()->set_caller("admin");
  held.mutable_legal_hold()->set_reason("case 17");
  server.hold_backup.Answers(held);
  EXPECT_EQ(Run({"backup", "hold", "acme", "b1"}).exit_code, 2);
  EXPECT_THAT(server.hold_backup.asked(), IsEmpty());
  const Ran ran = Run({"backup", "hold", "acme", "b1", "--reason", "case 17", "-o", "table"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(server.hold_backup.asked().at(0).name(), "tenants/acme/backups/b1");
  EXPECT_EQ(server.hold_backup.asked().at(0).reason(), "case 17");
  EXPECT_THAT(ran.out, AllOf(HasSubstr("case 17"), HasSubstr("admin")));
  held.clear_legal_hold();
  server.release_backup.Answers(held);
  EXPECT_EQ(Run({"backup", "release", "acme", "b1"}).exit_code, 0);
  EXPECT_EQ(server.release_backup.asked().at(0).name(), "tenants/acme/backups/b1");
}

TEST_F(Commands, PlanSaysWhatIsDueAndWhatBecomesOfBackups) {
  v1::ListBackupPlansResponse response;
  v1::BackupPlan& plan = *response.add_plans();
  plan.set_tenant("tenants/acme");
  plan.mutable_next_backup()->mutable_time()->set_seconds(1896112800);  // 2030-01-31T18:00:00Z
  plan.mutable_purge()->mutable_time()->set_seconds(1896112900);
  plan.mutable_purge()->set_refusal_reason("BACKUP_HELD");
  plan.mutable_purge()->set_refusal_message("tenant acme cannot be purged");
  v1::PlannedBackup& kept = *plan.add_backups();
  kept.set_backup("tenants/acme/backups/b2");
  kept.set_given_name("before-2.4");
  kept.set_fate(v1::PlannedBackup::FATE_KEPT_NAMED);
  v1::PlannedBackup& goes = *plan.add_backups();
  goes.set_backup("tenants/acme/backups/b1");
  goes.set_fate(v1::PlannedBackup::FATE_DELETED_BY_RETENTION);
  goes.mutable_delete_time()->set_seconds(1896116400);  // 19:00
  server.list_backup_plans.Answers(response);
  const Ran one = Run({"backup", "plan", "acme", "-o", "table"});
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_EQ(server.list_backup_plans.asked().at(0).parent(), "tenants/acme");
  EXPECT_THAT(one.out, AllOf(HasSubstr("everything"), HasSubstr("2030-01-31T18:00:00Z"),
                             HasSubstr("kept named"), HasSubstr("deleted by retention"),
                             HasSubstr("2030-01-31T19:00:00Z"), HasSubstr("refused with BACKUP_HELD")));
  const Ran many = Run({"backup", "plan", "-l", "app=shop", "-o", "name"});
  EXPECT_EQ(many.out, "tenants/acme\n");
  EXPECT_EQ(server.list_backup_plans.asked().at(1).parent(), "tenants/-");
  EXPECT_THAT(server.list_backup_plans.asked().at(1).filter(), HasSubstr("shop"));
  EXPECT_EQ(Run({"backup", "plan", "acme", "-l", "app=shop"}).exit_code, 2);
}

TEST_F(Commands, ErasureIsPrintedAndSavedAsItWasSigned) {
  v1::Erasure erasure;
  erasure.set_tenant("tenants/acme");
  erasure.set_statement("croft erasure record\ntenant tenants/acme\n");
  erasure.set_signature(std::string("\x30\x00\xff", 3));
  server.get_erasure.Answers(erasure);
  EXPECT_EQ(Run({"tenant", "erasure", "acme", "-o", "table"}).out,
            "croft erasure record\ntenant tenants/acme\n\nsignature MAD/\n");
  EXPECT_EQ(server.get_erasure.asked().at(0).name(), "tenants/acme");
  const std::string prefix = desk.folder().File("acme");
  EXPECT_EQ(Run({"tenant", "erasure", "acme", "--save", prefix}).exit_code, 0);
  const auto contents = [](const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(contents(prefix + ".txt"), erasure.statement());
  EXPECT_EQ(contents(prefix + ".sig"), erasure.signature());
}

TEST_F(Commands, RestoreTakesTheLatestBackup) {
  v1::Tenant tenant = ReadyTenant("acme");
  tenant.set_last_backup("tenants/acme/backups/b9");
  server.get_tenant.Answers(tenant);
  server.restore_tenant.Answers(Succeeded(Running("op-1", "tenants/acme")));
  EXPECT_EQ(
      Run({"tenant", "restore", "acme", "--backup", "latest", "--as", "copy", "--host", "h2"}).exit_code,
      0);
  const v1::RestoreTenantRequest request = server.restore_tenant.asked().at(0);
  EXPECT_EQ(request.backup(), "tenants/acme/backups/b9");
  EXPECT_EQ(request.new_tenant_id(), "copy");
  EXPECT_EQ(request.host(), "hosts/h2");
}

TEST_F(Commands, RestoreOfAPartTakesPatternsAndANewTenant) {
  server.restore_tenant.Answers(Succeeded(Running("op-1", "tenants/acme")));
  EXPECT_EQ(Run({"tenant", "restore", "acme", "--backup", "b1", "--as", "copy", "--only",
                 "public.orders,a.b", "--only", "billing.*"})
                .exit_code,
            0);
  EXPECT_THAT(server.restore_tenant.asked().at(0).only(), ElementsAre("public.orders", "a.b", "billing.*"));
  EXPECT_EQ(Run({"tenant", "restore", "acme", "--backup", "b1", "--only", "billing.*", "--yes"}).exit_code,
            2);
}

TEST_F(Commands, UpdateSetsAndClearsPatternsOfSkippedRows) {
  server.update_tenant.Answers(ReadyTenant("acme"));
  EXPECT_EQ(Run({"tenant", "update", "acme", "--backup-skip-rows", "public.jobs,cache.*"}).exit_code, 0);
  const v1::UpdateTenantRequest set = server.update_tenant.asked().at(0);
  EXPECT_THAT(set.update_mask().paths(), ElementsAre("backup_policy.skip_rows"));
  EXPECT_THAT(set.tenant().backup_policy().skip_rows(), ElementsAre("public.jobs", "cache.*"));
  EXPECT_EQ(Run({"tenant", "update", "acme", "--backup-all-rows"}).exit_code, 0);
  const v1::UpdateTenantRequest cleared = server.update_tenant.asked().at(1);
  EXPECT_THAT(cleared.update_mask().paths(), ElementsAre("backup_policy.skip_rows"));
  EXPECT_THAT(cleared.tenant().backup_policy().skip_rows(), ElementsAre());
  EXPECT_EQ(Run({"tenant", "update", "acme", "--backup-all-rows", "--backup-skip-rows", "a.b"}).exit_code,
            2);
}

TEST_F(Commands, RestoreTakesTheNewestUsableBackupFromBeforeATime) {
  v1::ListBackupsResponse list;
  const auto add = [&](const std::string& id, int64_t begun, v1::Backup::State state) {
    v1::Backup& backup = *list.add_backups();
    backup.set_name("tenants/acme/backups/" + id);
    backup.mutable_create_time()->set_seconds(begun);
    backup.set_state(state);
  };
  add("b5", 1896112800, v1::Backup::STATE_VERIFIED);  // 2030-01-31T18:00:00Z
  add("b4", 1896112799, v1::Backup::STATE_DAMAGED);
  add("b3", 1896112798, v1::Backup::STATE_INCOMPLETE);
  add("b2", 1896112797, v1::Backup::STATE_AVAILABLE);
  add("b1", 1896112796, v1::Backup::STATE_VERIFIED);
  server.list_backups.Answers(list);
  server.restore_tenant.Answers(Succeeded(Running("op-1", "tenants/acme")));
  EXPECT_EQ(
      Run({"tenant", "restore", "acme", "--before", "2030-01-31T18:00:00Z", "--as", "copy"}).exit_code, 0);
  EXPECT_EQ(server.restore_tenant.asked().at(0).backup(), "tenants/acme/backups/b2");
  const auto none = Run({"tenant", "restore", "acme", "--before", "2030-01-31T17:59:56Z", "--as", "copy"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.err, HasSubstr("no usable backup from before 2030-01-31T17:59:56Z"));
  EXPECT_EQ(Run({"tenant", "restore", "acme", "--before", "x", "--as", "copy"}).exit_code, 2);
  EXPECT_EQ(Run({"tenant", "restore", "acme", "--as", "copy"}).exit_code, 2);
  EXPECT_EQ(
      Run({"tenant", "restore", "acme", "--backup", "b1", "--before", "2030-01-31T18:00:00Z"}).exit_code,
      2);
}

TEST_F(Commands, TheCallersIdentityIsSent) {
  server.get_status.Answers(v1::GetStatusResponse());
  EXPECT_EQ(Run({"status"}).exit_code, 0);
  EXPECT_EQ(server.client_name(), "admin");
  EXPECT_EQ(server.authorization(), "");
  const std::string file = desk.folder().File("token");
  std::ofstream(file) << "croft_secret\n";
  EXPECT_EQ(Run({"status", "--token-file", file}).exit_code, 0);
  EXPECT_EQ(server.authorization(), "Bearer croft_secret");
}

TEST_F(Commands, VerbsWithoutADryRunSaySo) {
  EXPECT_EQ(Run({"host", "cordon", "h1", "--dry-run"}).exit_code, 2);
  EXPECT_THAT(server.cordon_host.asked(), IsEmpty());
  EXPECT_EQ(Run({"tenant", "create", "acme", "--watch"}).exit_code, 2);
}

}  // namespace
}  // namespace croft::ctl
