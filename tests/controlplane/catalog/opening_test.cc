#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "tests/common/sqlite/raw_file.h"
#include "tests/common/sqlite/temporary_folder.h"
#include "tests/contract/catalog_samples.h"
#include "tests/controlplane/catalog/keeper_process.h"
#include "tests/controlplane/catalog/old_catalog.h"

namespace croft::catalog {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint32_t kNobody = 65534;

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

class OpeningTest : public ::testing::Test {
 protected:
  std::string Path() const { return folder_.File("catalog.db"); }
  // Makes a catalog with some tenants, closed again.
  domain::Revision MakeCatalog() {
    const auto catalog = SqliteCatalog::Open(Path(), {});
    const std::unique_ptr<Transaction> transaction = *(*catalog)->Begin();
    for (int i = 0; i < 50; ++i) transaction->Apply(PutTenant{SampleTenant(absl::StrCat("t", i))});
    return *transaction->Commit();
  }
  void ExpectRefusedUntouched(const std::string& reason, const std::string& sentence) {
    const std::string before = Contents(Path());
    const absl::Status status = SqliteCatalog::Open(Path(), {}).status();
    EXPECT_EQ(DetailsOf(status).reason, reason) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(sentence));
    EXPECT_EQ(Contents(Path()), before);
  }

  TemporaryFolder folder_;
};

TEST_F(OpeningTest, TenantsOfACatalogThatDidNotCountThemAreCounted) {
  MakeCatalog();
  MakeOldCatalog(folder_.File("old.db"), 4, Path());
  RawFile(folder_.File("old.db")).Run("UPDATE tenants SET state = 'PURGED' WHERE id = 't7'");
  const auto catalog = SqliteCatalog::Open(folder_.File("old.db"), {.take_over = true});
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  EXPECT_EQ(*(*catalog)->CountTenants(), 49);
}

// What the catalog was before it knew findings, with one of each row that changed since.
void MakeCatalogWithoutFindings(const std::string& old, const std::string& now) {
  {
    const auto catalog = SqliteCatalog::Open(now, {});
    const std::unique_ptr<Transaction> transaction = *(*catalog)->Begin();
    transaction->Apply(PutHost{SampleHost("h1")});
    transaction->Apply(PutTenant{SampleTenant("acme")});
    transaction->Apply(PutBackup{SampleBackup("acme", "b1")});
    ASSERT_TRUE(transaction->Commit().ok());
  }
  MakeOldCatalog(old, 5, now);
  RawFile file(old);
  file.Run(
      "INSERT INTO operations (position, id, kind, tenant, source_tenant, backup, caller, create_time, "
      "update_time, "
      "version, deadline, state, operation_order, point_of_no_return, cancel_requested, overlap, waiver, "
      "previous_state, previous_suspend_mode, current_host) VALUES (1, 'op-1', 'ROTATE', 'acme', '', '', "
      "'alice', 1, 2, "
      "3, 4, 'RUNNING', 5, 1, 0, 300000000000, '', 'READY', 'NONE', 'h1')");
  file.Run(
      "INSERT INTO steps (operation, number, task, host, landing, undo, generation, database_name, backup, "
      "backup_tenant, logins, flag, databases, state, attempt, message) VALUES (1, 0, 'ROTATE', 'h1', "
      "'CREDENTIALS_PUBLISHED', 0, 6, 'd', '', '', '[\"t_acme_b\"]', 1, '[]', 'DISPATCHED', 7, 'm')");
}

TEST_F(OpeningTest, RowsOfACatalogThatKnewNoFindingsAreKept) {
  MakeCatalogWithoutFindings(folder_.File("old.db"), Path());
  const auto catalog = SqliteCatalog::Open(folder_.File("old.db"), {.take_over = true});
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  domain::Backup backup = SampleBackup("acme", "b1");
  backup.findings = {};
  backup.proof_findings = {};
  EXPECT_EQ(*(*catalog)->GetBackup("acme", "b1"), backup);
  const domain::Operation operation{
      .id = "op-1",
      .kind = domain::OperationKind::kRotate,
      .tenant = "acme",
      .caller = "alice",
      .create_time = absl::FromUnixMicros(1),
      .update_time = absl::FromUnixMicros(2),
      .version = 3,
      .deadline = absl::FromUnixMicros(4),
      .order = 5,
      .steps = {{.task = domain::RotateTask{.login = "t_acme_b", .enable = true},
                 .host = "h1",
                 .generation = 6,
                 .database = "d",
                 .state = domain::StepState::kDispatched,
                 .attempt = 7,
                 .message = "m"}},
      .point_of_no_return = 1,
      .details = domain::RotateDetails{.overlap = absl::Minutes(5)}};
  EXPECT_EQ(*(*catalog)->GetOperation("op-1"), operation);
  domain::Tenant tenant = SampleTenant("acme");
  tenant.final_backup_failure = "";
  tenant.purge_parked = false;
  EXPECT_EQ(*(*catalog)->GetTenant("acme"), tenant);
  EXPECT_EQ((*(*catalog)->GetHost("h1"))->report.missing_rights, std::vector<domain::MissingRight>());
}

TEST_F(OpeningTest, CountOfTenantsOutlivesTheProcess) {
  MakeCatalog();
  {
    const auto catalog = SqliteCatalog::Open(Path(), {});
    const std::unique_ptr<Transaction> transaction = *(*catalog)->Begin();
    domain::Tenant purged = SampleTenant("t7");
    purged.state = domain::TenantState::kPurged;
    transaction->Apply(PutTenant{purged});
    transaction->Apply(PutTenant{SampleTenant("another")});
    transaction->Apply(PutTenant{SampleTenant("one-more")});
    ASSERT_TRUE(transaction->Commit().ok());
  }
  EXPECT_EQ(*(*SqliteCatalog::Open(Path(), {}))->CountTenants(), 51);
}

TEST_F(OpeningTest, HolderIsNamedToTheNextOne) {
  KeeperProcess keeper({"hold", Path()});
  ASSERT_EQ(keeper.ReadLine(), "ready");
  const absl::Status status = SqliteCatalog::Open(Path(), {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(DetailsOf(status).reason, "CATALOG_LOCKED");
  const std::string pid(absl::StripAsciiWhitespace(Contents(folder_.File("catalog.lock"))));
  EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("(process ", pid, ") holds ")));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--take-over"));
  keeper.Kill();
  keeper.ExitCode();
  EXPECT_TRUE(SqliteCatalog::Open(Path(), {}).ok());
}

TEST_F(OpeningTest, OneProcessCannotHoldItTwice) {
  const auto first = SqliteCatalog::Open(Path(), {});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(DetailsOf(SqliteCatalog::Open(Path(), {}).status()).reason, "CATALOG_LOCKED");
  EXPECT_EQ(DetailsOf(SqliteCatalog::Open(Path(), {.take_over = true}).status()).reason, "CATALOG_LOCKED");
  EXPECT_TRUE((*first)->Begin().ok());
}

TEST_F(OpeningTest, TakeOverEndsTheHolderAndRaisesTheEpoch) {
  const domain::Revision before = MakeCatalog();
  KeeperProcess keeper({"hold", Path()});
  ASSERT_EQ(keeper.ReadLine(), "ready");
  const auto catalog =
      SqliteCatalog::Open(Path(), {.take_over = true, .take_over_timeout = absl::Seconds(30)});
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  EXPECT_EQ(keeper.ExitCode(), 128 + SIGTERM);
  EXPECT_EQ((*catalog)->revision(), (domain::Revision{before.epoch + 1, before.revision}));
  EXPECT_EQ(*(*catalog)->CountTenants(), 50);
}

TEST_F(OpeningTest, TakeOverKillsAHolderThatDoesNotListen) {
  KeeperProcess keeper({"hold-stubbornly", Path()});
  ASSERT_EQ(keeper.ReadLine(), "ready");
  const auto catalog =
      SqliteCatalog::Open(Path(), {.take_over = true, .take_over_timeout = absl::Milliseconds(200)});
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  EXPECT_EQ(keeper.ExitCode(), 128 + SIGKILL);
}

TEST_F(OpeningTest, TakeOverWithoutHolderRaisesTheEpoch) {
  const domain::Revision before = MakeCatalog();
  EXPECT_EQ((*SqliteCatalog::Open(Path(), {.take_over = true}))->revision().epoch, before.epoch + 1);
  EXPECT_EQ((*SqliteCatalog::Open(Path(), {}))->revision().epoch, before.epoch + 1);
}

TEST_F(OpeningTest, CopiedFileNeedsTakeOver) {
  MakeCatalog();
  std::filesystem::copy_file(Path(), folder_.File("copy.db"));
  std::filesystem::rename(folder_.File("copy.db"), Path());
  ExpectRefusedUntouched("CATALOG_COPIED", "it was last used under another file");
  const auto catalog = SqliteCatalog::Open(Path(), {.take_over = true, .now = At(0)});
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  EXPECT_EQ((*catalog)->revision().epoch, absl::ToUnixSeconds(At(0)) + 1);
}

TEST_F(OpeningTest, FileOfAnotherMachineNeedsTakeOver) {
  ASSERT_TRUE(SqliteCatalog::Open(Path(), {.machine_id = "one"}).ok());
  const absl::Status status = SqliteCatalog::Open(Path(), {.machine_id = "two"}).status();
  EXPECT_EQ(DetailsOf(status).reason, "CATALOG_COPIED");
  EXPECT_THAT(std::string(status.message()), HasSubstr("on another machine"));
  EXPECT_TRUE(SqliteCatalog::Open(Path(), {.machine_id = "one"}).ok());
  ASSERT_TRUE(SqliteCatalog::Open(Path(), {.take_over = true, .machine_id = "two"}).ok());
  EXPECT_TRUE(SqliteCatalog::Open(Path(), {.machine_id = "two"}).ok());
}

TEST_F(OpeningTest, CutFileIsRefused) {
  MakeCatalog();
  std::filesystem::resize_file(Path(), std::filesystem::file_size(Path()) / 2);
  ExpectRefusedUntouched("DATABASE_CORRUPT", "is damaged");
}

TEST_F(OpeningTest, OtherFileIsRefused) {
  std::ofstream(Path()) << std::string(10000, 'x');
  ExpectRefusedUntouched("DATABASE_CORRUPT", "is no SQLite file");
}

TEST_F(OpeningTest, OtherProgramsDatabaseIsRefused) {
  RawFile(Path()).Run("CREATE TABLE bookmarks(url)");
  ExpectRefusedUntouched("DATABASE_FOREIGN", "is not a Croft catalog");
}

TEST_F(OpeningTest, NewerCatalogIsRefused) {
  MakeCatalog();
  RawFile(Path()).Run("PRAGMA user_version = 999");
  ExpectRefusedUntouched("DATABASE_NEWER", "has schema 999");
}

// The copy that an upgrade keeps, as docs/upgrading.md names it.
std::string BeforeUpgrade(const std::string& path) { return path + ".before-upgrade"; }

TEST_F(OpeningTest, NewerCatalogNamesTheCopyToGoBackTo) {
  MakeCatalog();
  std::ofstream(BeforeUpgrade(Path())) << "a copy";
  RawFile(Path()).Run("PRAGMA user_version = 999");
  ExpectRefusedUntouched("DATABASE_NEWER", absl::StrCat("croftd restore-catalog ", BeforeUpgrade(Path())));
}

TEST_F(OpeningTest, UpgradeKeepsACopyOfWhatTheVersionBeforeLeft) {
  MakeCatalog();
  const std::string old = folder_.File("old.db"), copy = BeforeUpgrade(old);
  MakeOldCatalog(old, 7, Path());
  std::ofstream(copy) << "the copy of an earlier upgrade";
  ASSERT_TRUE(SqliteCatalog::Open(old, {.take_over = true}).ok());
  EXPECT_EQ(RawFile(old).Run("PRAGMA user_version"), RawFile(Path()).Run("PRAGMA user_version"));
  EXPECT_EQ(RawFile(copy).Run("PRAGMA user_version").front(), "7");
  EXPECT_EQ(RawFile(copy).Run("SELECT count(*) FROM tenants").front(), "50");
  struct stat facts;
  ASSERT_EQ(stat(copy.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);

  std::filesystem::remove(copy);
  ASSERT_TRUE(SqliteCatalog::Open(old, {}).ok());
  EXPECT_FALSE(std::filesystem::exists(copy)) << "there was nothing to upgrade";
}

TEST_F(OpeningTest, ACopyOfAnOldCatalogIsRefusedBeforeItIsUpgraded) {
  MakeCatalog();
  MakeOldCatalog(folder_.File("old.db"), 7, Path());
  std::filesystem::rename(folder_.File("old.db"), Path());
  ExpectRefusedUntouched("CATALOG_COPIED", "it was last used under another file");
  EXPECT_FALSE(std::filesystem::exists(BeforeUpgrade(Path())));
}

TEST_F(OpeningTest, UpgradeThatCannotKeepACopyDoesNotHappen) {
  MakeCatalog();
  const std::string old = folder_.File("old.db");
  MakeOldCatalog(old, 7, Path());
  // Nothing takes its place, not even for root.
  std::filesystem::create_directory(BeforeUpgrade(old));
  EXPECT_FALSE(SqliteCatalog::Open(old, {.take_over = true}).ok());
  EXPECT_EQ(RawFile(old).Run("PRAGMA user_version").front(), "7");
}

TEST_F(OpeningTest, MissingFolderIsRefused) {
  const absl::Status status = SqliteCatalog::Open(folder_.File("no/catalog.db"), {}).status();
  EXPECT_EQ(DetailsOf(status).reason, "DATABASE_UNOPENABLE");
}

// As somebody whom the file's mode binds, which it does not root.
TEST_F(OpeningTest, ReadOnlyFileIsRefused) {
  MakeCatalog();
  const std::string before = Contents(Path());
  ASSERT_EQ(chmod(Path().c_str(), 0444), 0);
  ASSERT_EQ(chmod(folder_.path().c_str(), 0777), 0);
  ASSERT_EQ(chmod(folder_.File("catalog.lock").c_str(), 0666), 0);
  const std::string program = folder_.File("keeper");
  std::filesystem::copy_file(CATALOG_KEEPER, program);
  KeeperProcess keeper({"open", Path()}, getuid() == 0 ? std::optional<uint32_t>(kNobody) : std::nullopt,
                       program);
  EXPECT_THAT(keeper.ReadLine(), StartsWith("DATABASE_READ_ONLY: "));
  EXPECT_EQ(keeper.ExitCode(), 1);
  EXPECT_EQ(Contents(Path()), before);
}

}  // namespace
}  // namespace croft::catalog
