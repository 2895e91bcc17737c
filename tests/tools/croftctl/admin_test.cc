#include <filesystem>
#include <fstream>
#include <iterator>

#include <absl/strings/match.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/crypto/hash.h"
#include "tests/tools/croftctl/control_plane.h"

namespace croft::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::ordered_json;

class AdminTest : public ::testing::Test, protected Pair {
 protected:
  static v1::FleetFinding Finding(v1::FleetFinding::Severity severity) {
    v1::FleetFinding finding;
    finding.set_kind(v1::FleetFinding::KIND_DATABASE_MISSING);
    finding.set_severity(severity);
    finding.set_host("hosts/h1");
    finding.set_tenant("tenants/acme");
    finding.set_object("t_acme_g1");
    finding.set_message("the tenant's database is not there");
    finding.set_remedy("restore it");
    return finding;
  }
  static v1::CheckFleetResponse With(const v1::FleetFinding& finding) {
    v1::CheckFleetResponse check;
    *check.add_findings() = finding;
    return check;
  }
};

TEST_F(AdminTest, ACleanFleetEndsWithZeroAndSaysWhatWasLookedAt) {
  v1::CheckFleetResponse check;
  check.set_hosts_checked(2);
  check.set_tenants_checked(7);
  server.check_fleet.Answers(check);
  const Ran ran = desk.Run({"admin", "check-fleet"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, HasSubstr("7 tenants, 2 hosts"));
}

TEST_F(AdminTest, ProblemsAreATableAndEndWithEight) {
  server.check_fleet.Answers(With(Finding(v1::FleetFinding::SEVERITY_PROBLEM)));
  const Ran ran = desk.Run({"admin", "check-fleet"});
  EXPECT_EQ(ran.exit_code, 8);
  EXPECT_THAT(ran.out, HasSubstr("DATABASE_MISSING"));
  EXPECT_THAT(ran.out, HasSubstr("acme"));
  EXPECT_THAT(ran.err, HasSubstr("1 problem found"));
  EXPECT_THAT(ran.err, HasSubstr("t_acme_g1: restore it"));
}

TEST_F(AdminTest, NotesAloneEndWithZero) {
  server.check_fleet.Answers(With(Finding(v1::FleetFinding::SEVERITY_NOTE)));
  const Ran ran = desk.Run({"admin", "check-fleet"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("DATABASE_MISSING"));
}

TEST_F(AdminTest, JsonIsTheWholeAnswerAndStillEndsWithEight) {
  server.check_fleet.Answers(With(Finding(v1::FleetFinding::SEVERITY_PROBLEM)));
  const Ran ran = desk.Run({"admin", "check-fleet", "-o", "json"});
  EXPECT_EQ(ran.exit_code, 8);
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(json.at("findings").at(0).at("kind"), "KIND_DATABASE_MISSING");
}

TEST_F(AdminTest, TenantsThatAreWorkedOnAreToldAsLeftOut) {
  v1::CheckFleetResponse check;
  check.add_tenants_busy("tenants/acme");
  server.check_fleet.Answers(check);
  const Ran ran = desk.Run({"admin", "check-fleet"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.err, HasSubstr("left out, since they are being worked on: 1"));
}

// --- repair-fleet

v1::RepairFleetResponse OneRepair(const std::string& operation = "") {
  v1::RepairFleetResponse answer;
  v1::FleetRepair& repair = *answer.add_repairs();
  repair.set_id("shape:h1:t_acme_g1");
  repair.set_tenant("tenants/acme");
  repair.set_host("hosts/h1");
  repair.set_description("let in whom the tenant's state lets in");
  repair.set_operation(operation);
  return answer;
}

TEST_F(AdminTest, RepairAsksAndWithoutATerminalNeedsYes) {
  server.repair_fleet.Answers(OneRepair());
  const Ran ran = desk.Run({"admin", "repair-fleet"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.out, HasSubstr("let in whom"));
  ASSERT_EQ(server.repair_fleet.asked().size(), 1u);
  EXPECT_TRUE(server.repair_fleet.asked()[0].validate_only());
}

TEST_F(AdminTest, DryRunShowsThePlanAlone) {
  server.repair_fleet.Answers(OneRepair());
  const Ran ran = desk.Run({"admin", "repair-fleet", "--dry-run"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("let in whom"));
  EXPECT_EQ(server.repair_fleet.asked().size(), 1u);
  EXPECT_THAT(ran.err, HasSubstr("1 repair can be begun, 0 are left for people; nothing was changed"));
  EXPECT_THAT(ran.err, Not(HasSubstr("every check passed")));
}

TEST_F(AdminTest, ADryRunWithItemsLeftDoesNotSayThatAllIsWell) {
  v1::RepairFleetResponse answer;
  *answer.add_left() = Finding(v1::FleetFinding::SEVERITY_PROBLEM);
  server.repair_fleet.Answers(answer);
  const Ran left = desk.Run({"admin", "repair-fleet", "--dry-run"});
  EXPECT_THAT(left.err, HasSubstr("0 repairs can be begun, 1 are left for people"));
  EXPECT_THAT(left.err, Not(HasSubstr("every check passed")));
  server.repair_fleet.Answers(v1::RepairFleetResponse());
  EXPECT_THAT(desk.Run({"admin", "repair-fleet", "--dry-run"}).err, HasSubstr("every check passed"));
}

TEST_F(AdminTest, WithYesExactlyWhatWasPlannedIsBegunAndFollowed) {
  server.repair_fleet.Answers(OneRepair("operations/op-1"));
  server.get_operation.Answers(Succeeded(Running("op-1", "tenants/acme")));
  const Ran ran = desk.Run({"admin", "repair-fleet", "--yes"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  ASSERT_EQ(server.repair_fleet.asked().size(), 2u);
  EXPECT_FALSE(server.repair_fleet.asked()[1].validate_only());
  EXPECT_THAT(server.repair_fleet.asked()[1].repairs(), ::testing::ElementsAre("shape:h1:t_acme_g1"));
  EXPECT_EQ(server.get_operation.asked().size(), 1u);
}

TEST_F(AdminTest, ARepairThatCannotBeBegunEndsWithEight) {
  v1::RepairFleetResponse answer = OneRepair();
  answer.mutable_repairs(0)->set_problem("tenant acme is busy");
  server.repair_fleet.Answers(answer);
  const Ran ran = desk.Run({"admin", "repair-fleet", "--yes"});
  EXPECT_EQ(ran.exit_code, 8);
  EXPECT_THAT(ran.err, HasSubstr("tenant acme is busy"));
}

TEST_F(AdminTest, NothingToRepairSaysWhatIsLeft) {
  v1::RepairFleetResponse answer;
  *answer.add_left() = Finding(v1::FleetFinding::SEVERITY_PROBLEM);
  server.repair_fleet.Answers(answer);
  const Ran ran = desk.Run({"admin", "repair-fleet", "--yes"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("nothing can be fixed"));
  EXPECT_THAT(ran.err, HasSubstr("restore it"));
}

// --- backup-catalog

class BackupCatalogTest : public AdminTest {
 protected:
  void Send(const std::string& bytes, const std::string& described) {
    server.catalog_copy.clear();
    for (const char byte : bytes) server.catalog_copy.emplace_back().set_data(std::string(1, byte));
    if (described.empty()) return;
    v1::CatalogCopy& copy = *server.catalog_copy.emplace_back().mutable_copy();
    copy.set_sha256(crypto::Hex(crypto::Sha256(described)));
    copy.set_size_bytes(static_cast<int64_t>(described.size()));
  }
  std::string Path() const { return desk.folder().File("catalog-copy.db"); }
  size_t Files() const {
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(desk.folder().path()))
      files += absl::StrContains(entry.path().filename().string(), "catalog-copy");
    return files;
  }
};

TEST_F(BackupCatalogTest, WritesAPrivateFileWithItsDigestBesideIt) {
  Send("the catalog", "the catalog");
  const Ran ran = desk.Run({"admin", "backup-catalog", Path()});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  std::ifstream file(Path());
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "the catalog");
  EXPECT_EQ(std::filesystem::status(Path()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::ifstream digest(Path() + ".sha256");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(digest), {}),
            crypto::Hex(crypto::Sha256("the catalog")) + "  catalog-copy.db\n");
  EXPECT_EQ(Files(), 2u);
}

TEST_F(BackupCatalogTest, WritesOverNothing) {
  std::ofstream(Path()) << "mine";
  Send("the catalog", "the catalog");
  EXPECT_EQ(desk.Run({"admin", "backup-catalog", Path()}).exit_code, 5);
  std::ifstream file(Path());
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "mine");
}

TEST_F(BackupCatalogTest, ACopyThatIsNotWholeLeavesNothing) {
  Send("the catal", "the catalog");
  EXPECT_EQ(desk.Run({"admin", "backup-catalog", Path()}).exit_code, 1);
  Send("the catalog", "");
  const Ran ran = desk.Run({"admin", "backup-catalog", Path()});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, HasSubstr("before it was whole"));
  EXPECT_EQ(Files(), 0u);
}

}  // namespace
}  // namespace croft::ctl
