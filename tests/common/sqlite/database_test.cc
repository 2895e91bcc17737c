#include "common/sqlite/database.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "common/errors.h"
#include "common/sqlite/backup.h"
#include "common/sqlite/statement.h"
#include "common/sqlite/transaction.h"
#include "tests/common/sqlite/temporary_folder.h"

namespace croft::sqlite {
namespace {

using ::testing::HasSubstr;

constexpr int32_t kApplicationId = 0x43726f74;
constexpr Migration kFirst[] = {{1, "CREATE TABLE t(a INTEGER, b TEXT, c BLOB) STRICT;"}};
constexpr Migration kBoth[] = {{1, "CREATE TABLE t(a INTEGER, b TEXT, c BLOB) STRICT;"},
                               {2, "ALTER TABLE t ADD COLUMN d INTEGER; CREATE INDEX t_d ON t(d);"}};
constexpr Schema kSchema{"ledger", kApplicationId, kFirst};
constexpr Schema kNewerSchema{"ledger", kApplicationId, kBoth};
constexpr Schema kOtherSchema{"diary", kApplicationId + 1, kFirst};

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

std::string Reason(const absl::Status& status) { return DetailsOf(status).reason; }

class DatabaseTest : public ::testing::Test {
 protected:
  std::string Path() const { return folder_.File("ledger.db"); }
  std::unique_ptr<Database> MustOpen(const Schema& schema = kSchema, const OpenOptions& options = {}) {
    auto database = Database::Open(Path(), schema, options);
    EXPECT_TRUE(database.ok()) << database.status();
    return database.ok() ? *std::move(database) : nullptr;
  }
  int64_t Count(Database& database) {
    Statement count(database, "SELECT count(*) FROM t");
    Rows rows = count.Query();
    return rows.Next() ? rows.Get<int64_t>(0) : -1;
  }
  absl::Status Insert(Database& database, int64_t a) {
    return Statement(database, "INSERT INTO t(a) VALUES (?)").Execute(a);
  }

  TemporaryFolder folder_;
};

TEST_F(DatabaseTest, ATemporaryOneGrowsBeyondItsCacheAndLeavesNoFile) {
  ASSERT_EQ(setenv("SQLITE_TMPDIR", folder_.File("").c_str(), 1), 0);
  auto database =
      Database::OpenTemporary("CREATE TABLE t(a INTEGER, b TEXT) STRICT", {.cache_kibibytes = 64});
  ASSERT_TRUE(database.ok()) << database.status();
  Statement insert(**database, "INSERT INTO t VALUES (?, ?)");
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(insert.Execute(i, std::string(1000, 'x')).ok());
  EXPECT_EQ(Count(**database), 1000);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.File("")));
  ASSERT_EQ(unsetenv("SQLITE_TMPDIR"), 0);
}

TEST_F(DatabaseTest, NewFileIsPrivateAndInWalMode) {
  auto database = MustOpen();
  struct stat info;
  ASSERT_EQ(stat(Path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_TRUE(Insert(*database, 1).ok());
  EXPECT_TRUE(std::filesystem::exists(Path() + "-wal"));
}

TEST_F(DatabaseTest, EveryColumnTypeComesBackAsItWas) {
  auto database = MustOpen();
  Statement echo(*database, "SELECT ?, ?, ?, ?, ?, ?, ?, ?");
  const std::string text("caf\xc3\xa9 \0 end", 11);
  const Blob blob{std::string("\xff\x00\x01", 3)};
  const absl::Time time = absl::FromUnixMicros(1795000000123456);
  const absl::Duration duration = absl::Nanoseconds(1500000001);
  Rows rows = echo.Query(int64_t{-7}, true, text, blob, time, duration, std::optional<std::string>(), "");
  ASSERT_TRUE(rows.Next()) << rows.status();
  int32_t a = 0;
  bool b = false;
  std::string c;
  Blob d;
  absl::Time e;
  absl::Duration f;
  std::optional<std::string> g = "x";
  std::optional<std::string> h;
  rows.Read(0, a, b, c, d, e, f, g, h);
  EXPECT_EQ(a, -7);
  EXPECT_TRUE(b);
  EXPECT_EQ(c, text);
  EXPECT_EQ(d, blob);
  EXPECT_EQ(e, time);
  EXPECT_EQ(f, duration);
  EXPECT_EQ(g, std::nullopt);
  EXPECT_EQ(h, "");
  EXPECT_FALSE(rows.Next());
  EXPECT_TRUE(rows.status().ok());
}

TEST_F(DatabaseTest, InfiniteTimesComeBack) {
  for (absl::Time time : {absl::InfiniteFuture(), absl::InfinitePast(), absl::UnixEpoch()}) {
    EXPECT_EQ(TimeFromColumn(ToColumn(time)), time);
  }
  for (absl::Duration duration : {absl::InfiniteDuration(), -absl::InfiniteDuration()}) {
    EXPECT_EQ(DurationFromColumn(ToColumn(duration)), duration);
  }
}

TEST_F(DatabaseTest, BadStatementAnswersWhyWhenItRuns) {
  auto database = MustOpen();
  Statement wrong(*database, "SELECT nonsense FROM t");
  EXPECT_THAT(std::string(wrong.Execute().message()), HasSubstr("nonsense"));
  Statement two(*database, "SELECT 1; DROP TABLE t");
  EXPECT_FALSE(two.Execute().ok());
  Statement missing(*database, "INSERT INTO t(a) VALUES (?)");
  EXPECT_FALSE(missing.Execute().ok());
  EXPECT_EQ(Count(*database), 0);
}

TEST_F(DatabaseTest, ConstraintIsNamed) {
  auto database = MustOpen();
  EXPECT_EQ(Reason(Statement(*database, "INSERT INTO t(a) VALUES (?)").Execute("text")),
            "DATABASE_CONSTRAINT");
}

TEST_F(DatabaseTest, UncommittedTransactionLeavesNoTrace) {
  auto database = MustOpen();
  {
    auto transaction = Transaction::Begin(*database);
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(Insert(*database, 1).ok());
  }
  EXPECT_EQ(Count(*database), 0);
  {
    auto transaction = Transaction::Begin(*database);
    ASSERT_TRUE(Insert(*database, 1).ok());
    ASSERT_TRUE(transaction->Commit().ok());
  }
  EXPECT_EQ(Count(*database), 1);
}

TEST_F(DatabaseTest, ReaderSeesOneStateAndCannotWrite) {
  auto writer = MustOpen();
  auto reader = Database::OpenReader(Path(), {});
  ASSERT_TRUE(reader.ok()) << reader.status();
  ASSERT_TRUE(Insert(*writer, 1).ok());
  EXPECT_EQ(Count(**reader), 1);
  {
    auto state = Transaction::BeginRead(**reader);
    EXPECT_EQ(Count(**reader), 1);
    ASSERT_TRUE(Insert(*writer, 2).ok());
    EXPECT_EQ(Count(**reader), 1);
  }
  EXPECT_EQ(Count(**reader), 2);
  EXPECT_EQ(Reason(Insert(**reader, 3)), "DATABASE_READ_ONLY");
}

TEST_F(DatabaseTest, WalIsMovedIntoTheFileAsItGrows) {
  auto database = MustOpen();
  const std::string page(4000, 'x');
  Statement insert(*database, "INSERT INTO t(b) VALUES (?)");
  for (int i = 0; i < 4000; ++i) {
    auto transaction = Transaction::Begin(*database);
    ASSERT_TRUE(insert.Execute(page).ok());
    ASSERT_TRUE(transaction->Commit().ok());
  }
  EXPECT_LT(std::filesystem::file_size(Path() + "-wal"), 10u << 20);
  EXPECT_GT(std::filesystem::file_size(Path()), 10u << 20);
}

TEST_F(DatabaseTest, SecondWriterIsToldOfTheLock) {
  auto first = MustOpen();
  auto second = MustOpen(kSchema, {.busy_timeout = absl::Milliseconds(10)});
  auto transaction = Transaction::Begin(*first);
  ASSERT_TRUE(transaction.ok());
  const auto refused = Transaction::Begin(*second);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Reason(refused.status()), "DATABASE_LOCKED");
}

TEST_F(DatabaseTest, MigrationsRunOnceAndInOrder) {
  ASSERT_TRUE(Insert(*MustOpen(), 1).ok());
  auto database = MustOpen(kNewerSchema);
  EXPECT_EQ(Count(*database), 1);
  EXPECT_TRUE(Statement(*database, "UPDATE t SET d = 1").Execute().ok());
  database.reset();
  EXPECT_EQ(Count(*MustOpen(kNewerSchema)), 1);
}

TEST_F(DatabaseTest, AnUpgradeThatFailsInItsMiddleChangesNothing) {
  constexpr Migration kBroken[] = {kBoth[0], kBoth[1], {3, "ALTER TABLE no_such_table ADD COLUMN d;"}};
  ASSERT_TRUE(Insert(*MustOpen(), 1).ok());
  EXPECT_FALSE(Database::Open(Path(), {"ledger", kApplicationId, kBroken}, {}).ok());
  EXPECT_EQ(Count(*MustOpen(kSchema)), 1) << "it is still of the first schema, or it would be refused";
}

TEST_F(DatabaseTest, OnlyAnOlderSchemaIsAnUpgradeAndItIsAskedForBefore) {
  int asked = 0;
  absl::Status answer = absl::OkStatus();
  const OpenOptions options = {.before_upgrade = [&](Database& old) {
    ++asked;
    EXPECT_FALSE(Statement(old, "SELECT d FROM t").Execute().ok());
    return answer;
  }};
  MustOpen(kSchema, options).reset();
  MustOpen(kSchema, options).reset();
  EXPECT_EQ(asked, 0);
  answer = absl::ResourceExhaustedError("no room for a copy");
  EXPECT_EQ(Database::Open(Path(), kNewerSchema, options).status(), answer);
  MustOpen(kSchema).reset();
  answer = absl::OkStatus();
  MustOpen(kNewerSchema, options).reset();
  EXPECT_EQ(asked, 2);
  MustOpen(kNewerSchema, options).reset();
  EXPECT_EQ(asked, 2);
}

TEST_F(DatabaseTest, NewerSchemaIsRefusedUntouched) {
  MustOpen(kNewerSchema).reset();
  const std::string before = Contents(Path());
  const absl::Status status = Database::Open(Path(), kSchema, {}).status();
  EXPECT_EQ(Reason(status), "DATABASE_NEWER");
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("has schema 2, this version of Croft knows up to 1"));
  EXPECT_EQ(Contents(Path()), before);
}

TEST_F(DatabaseTest, OtherKindsOfFileAreRefusedUntouched) {
  MustOpen(kOtherSchema).reset();
  const std::string before = Contents(Path());
  EXPECT_EQ(Reason(Database::Open(Path(), kSchema, {}).status()), "DATABASE_FOREIGN");
  EXPECT_EQ(Contents(Path()), before);
}

TEST_F(DatabaseTest, OtherProgramsFileIsRefusedUntouched) {
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(Path().c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "CREATE TABLE songs(name)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  const std::string before = Contents(Path());
  const absl::Status status = Database::Open(Path(), kSchema, {}).status();
  EXPECT_EQ(Reason(status), "DATABASE_FOREIGN");
  EXPECT_THAT(std::string(status.message()), HasSubstr("is not a Croft ledger"));
  EXPECT_EQ(Contents(Path()), before);
}

TEST_F(DatabaseTest, TextFileIsRefusedUntouched) {
  const std::string text(5000, 'a');
  std::ofstream(Path()) << text;
  const absl::Status status = Database::Open(Path(), kSchema, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Reason(status), "DATABASE_CORRUPT");
  EXPECT_EQ(Contents(Path()), text);
}

TEST_F(DatabaseTest, CutFileIsRefusedUntouched) {
  auto database = MustOpen();
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(Insert(*database, i).ok());
  database.reset();
  std::filesystem::resize_file(Path(), std::filesystem::file_size(Path()) - 4096);
  const std::string before = Contents(Path());
  EXPECT_EQ(Reason(Database::Open(Path(), kSchema, {}).status()), "DATABASE_CORRUPT");
  EXPECT_EQ(Contents(Path()), before);
}

TEST_F(DatabaseTest, MissingFolderIsNamed) {
  const absl::Status status = Database::Open(folder_.File("no/ledger.db"), kSchema, {}).status();
  EXPECT_EQ(Reason(status), "DATABASE_UNOPENABLE");
  EXPECT_EQ(Reason(Database::Open(Path(), kSchema, {.create = false}).status()), "DATABASE_UNOPENABLE");
  EXPECT_FALSE(std::filesystem::exists(Path()));
}

TEST_F(DatabaseTest, PathIsNeverReadAsUri) {
  EXPECT_FALSE(Database::Open("", kSchema, {}).ok());
  std::filesystem::current_path(folder_.path());
  ASSERT_TRUE(Database::Open("file:x?mode=memory", kSchema, {}).ok());
  EXPECT_TRUE(std::filesystem::exists(folder_.File("file:x?mode=memory")));
  std::filesystem::current_path("/");
}

TEST_F(DatabaseTest, BackupIsWholeWhileWritesGoOn) {
  auto writer = MustOpen();
  auto reader = Database::OpenReader(Path(), {});
  ASSERT_TRUE(Insert(*writer, 1).ok());
  const std::string copy = folder_.File("copy.db");
  ASSERT_TRUE(BackUpTo(**reader, copy).ok());
  ASSERT_TRUE(Insert(*writer, 2).ok());
  EXPECT_TRUE(CheckIntegrityOfFile(copy).ok());
  EXPECT_EQ(BackUpTo(**reader, copy).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(std::filesystem::exists(copy + ".part"));
  auto opened = Database::Open(copy, kSchema, {.create = false});
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(Count(**opened), 1);
}

TEST_F(DatabaseTest, IntegrityCheckFindsDamage) {
  auto writer = MustOpen();
  ASSERT_TRUE(writer->Execute("CREATE INDEX t_b ON t(b)").ok());
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(Statement(*writer, "INSERT INTO t(b) VALUES (?)").Execute("unmistakable").ok());
  }
  const std::string copy = folder_.File("copy.db");
  ASSERT_TRUE(BackUpTo(*writer, copy).ok());
  std::string bytes = Contents(copy);
  bytes[bytes.rfind("unmistakable")] = 'X';
  std::ofstream(copy, std::ios::binary) << bytes;
  EXPECT_EQ(CheckIntegrityOfFile(copy).code(), absl::StatusCode::kDataLoss);
}

TEST_F(DatabaseTest, SecureDeleteLeavesNoBytes) {
  auto database = MustOpen(kSchema, {.secure_delete = true});
  ASSERT_TRUE(Statement(*database, "INSERT INTO t(b) VALUES (?)").Execute("unmistakable").ok());
  ASSERT_TRUE(database->Execute("DELETE FROM t").ok());
  database.reset();
  EXPECT_EQ(Contents(Path()).find("unmistakable"), std::string::npos);
}

}  // namespace
}  // namespace croft::sqlite
