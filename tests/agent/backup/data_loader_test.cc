#include "agent/backup/data_loader.h"

#include <absl/strings/str_cat.h>

#include "tests/agent/tasks/tenant_fixture.h"

namespace croft::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int32_t kDumpId = 7;
constexpr uint32_t kObject = 4711;

// Entries as pg_dump writes them, loaded over a session of a tenant's.
class DataLoaderTest : public TenantTest {
 protected:
  DataLoaderTest()
      : tenant_(MadeTenant()),
        conninfo_(
            TenantConninfo(postgres_.access(), tenant_.objects.database, tenant_.a(), tenant_.password)),
        session_(conninfo_, probe_, TestTimeout()) {}

  void Execute(const Statement& statement) {
    const absl::Status done = Sql(tenant_, tenant_.a(), statement);
    ASSERT_TRUE(done.ok()) << done;
  }

  template <typename T>
  T Ask(const Statement& statement) {
    auto connection = postgres_.Login(tenant_.objects.database, tenant_.a(), tenant_.password);
    EXPECT_TRUE(connection.ok()) << connection.status();
    if (!connection.ok()) return T();
    const auto value = connection->Value<T>(statement);
    EXPECT_TRUE(value.ok()) << value.status();
    return value.value_or(T());
  }

  static DataLoader::Begin Nothing() {
    return [](const Toc&) { return absl::OkStatus(); };
  }

  // The failures. `rows` are cut into pieces of `piece` bytes wherever that is.
  static std::map<int32_t, absl::Status> Load(DataLoader& loader, const std::string& table,
                                              const std::string& rows, size_t piece = 7777) {
    const TocEntry entry{.dump_id = kDumpId,
                         .has_data = true,
                         .tag = "t",
                         .kind = "TABLE DATA",
                         .copy_statement = absl::StrCat("COPY public.", table, " FROM stdin;\n"),
                         .schema = "public"};
    loader.Want({kDumpId});
    EXPECT_TRUE(loader.OnDataBegin(entry).ok());
    for (size_t at = 0; at < rows.size(); at += piece) {
      const absl::Status taken = loader.OnTableBytes(entry, absl::string_view(rows).substr(at, piece));
      EXPECT_TRUE(taken.ok()) << taken;
    }
    const absl::Status ended = loader.OnDataEnd(entry);
    EXPECT_TRUE(ended.ok()) << ended;
    const absl::Status finished = loader.Finish();
    EXPECT_TRUE(finished.ok()) << finished;
    return loader.TakeFailures();
  }

  // Of some megabytes. `long_row` bytes are in the one in the middle.
  static std::string Rows(int count, size_t long_row = 0) {
    std::string rows;
    for (int i = 1; i <= count; ++i) {
      absl::StrAppend(&rows, i, "\t", std::string(i == count / 2 ? long_row : 80, 'x'), "\n");
    }
    return rows + "\\.\n\n\n";
  }

  TestTenant tenant_;
  const Conninfo conninfo_;
  const ServerProbe probe_{.check = [] { return absl::OkStatus(); }};
  ReplaySession session_;
};

TEST_F(DataLoaderTest, LargeTableIsWholeHoweverItsRowsAreCut) {
  Execute("CREATE TABLE t (i int, v text)");
  for (const size_t piece : {size_t{1}, size_t{100}, size_t{7777}, size_t{3} << 20}) {
    SCOPED_TRACE(piece);
    Execute("TRUNCATE t");
    DataLoader loader(session_, Nothing());
    const std::string rows = Rows(20'000, 1'500'000);
    EXPECT_THAT(Load(loader, "t", rows, piece), IsEmpty());
    EXPECT_THAT(loader.sizes(), ElementsAre(std::pair(kDumpId, static_cast<int64_t>(rows.size()))));
    EXPECT_EQ(Ask<int64_t>("SELECT count(*) FROM t"), 20'000);
    EXPECT_EQ(Ask<int64_t>("SELECT sum(i) FROM t"), 200'010'000);
    EXPECT_EQ(Ask<int64_t>("SELECT sum(length(v)) FROM t"), 19'999 * 80 + 1'500'000);
  }
}

TEST_F(DataLoaderTest, RowsOfAFreshTableAreWrittenFrozen) {
  Execute("CREATE TABLE t (i int, v text)");
  const Statement visible =
      "SELECT relpages > 0 AND relallvisible = relpages FROM pg_class WHERE relname = 't'";
  {
    DataLoader loader(session_, Nothing());
    EXPECT_THAT(Load(loader, "t", Rows(20'000)), IsEmpty());
    Execute("ANALYZE t");
    EXPECT_FALSE(Ask<bool>(visible));
  }
  DataLoader loader(session_, Nothing());
  loader.Freeze({kDumpId});
  EXPECT_THAT(Load(loader, "t", Rows(20'000)), IsEmpty());
  Execute("ANALYZE t");
  EXPECT_TRUE(Ask<bool>(visible));
  EXPECT_EQ(Ask<int64_t>("SELECT count(*) FROM t"), 20'000);
}

TEST_F(DataLoaderTest, TellsWhatIsLoadedAndNotWhatIsRefused) {
  Execute("CREATE TABLE t (i int CHECK (i <> 15000), v text)");
  std::vector<int64_t> sizes;
  DataLoader loader(session_, Nothing(), [&](int32_t dump_id, int64_t size) {
    EXPECT_EQ(dump_id, kDumpId);
    sizes.push_back(size);
  });
  EXPECT_THAT(Load(loader, "t", Rows(3)), IsEmpty());
  EXPECT_THAT(Load(loader, "t", Rows(10'000)), IsEmpty());
  EXPECT_EQ(Load(loader, "t", Rows(20'000)).size(), 1u);
  EXPECT_THAT(sizes,
              ElementsAre(static_cast<int64_t>(Rows(3).size()), static_cast<int64_t>(Rows(10'000).size())));
}

TEST_F(DataLoaderTest, SmallAndEmptyTablesAreLoadedAsTheyCome) {
  Execute("CREATE TABLE t (i int, v text)");
  DataLoader loader(session_, Nothing());
  EXPECT_THAT(Load(loader, "t", Rows(3)), IsEmpty());
  EXPECT_THAT(Load(loader, "t", "\\.\n\n\n"), IsEmpty());
  EXPECT_EQ(Ask<int64_t>("SELECT count(*) FROM t"), 3);
}

TEST_F(DataLoaderTest, EndOfTheRowsIsFoundWhereverThePiecesAreCut) {
  Execute("CREATE TABLE t (i int, v text)");
  const std::string rows = Rows(9'000);
  for (size_t last = 1; last <= 8; ++last) {
    SCOPED_TRACE(last);
    Execute("TRUNCATE t");
    DataLoader loader(session_, Nothing());
    EXPECT_THAT(Load(loader, "t", rows, rows.size() - last), IsEmpty());
    EXPECT_EQ(Ask<int64_t>("SELECT count(*) FROM t"), 9'000);
  }
}

TEST_F(DataLoaderTest, RowThatIsRefusedKeepsItsTableOutAndNoOther) {
  Execute("CREATE TABLE t (i int CHECK (i <> 15000), v text)");
  Execute("CREATE TABLE other (i int, v text)");
  DataLoader loader(session_, Nothing());
  const auto failures = Load(loader, "t", Rows(20'000));
  ASSERT_EQ(failures.count(kDumpId), 1u);
  EXPECT_EQ(SqlStateOf(failures.at(kDumpId)), "23514");
  EXPECT_EQ(Ask<int64_t>("SELECT count(*) FROM t"), 0);
  EXPECT_THAT(Load(loader, "other", Rows(20'000)), IsEmpty());
  EXPECT_EQ(Ask<int64_t>("SELECT count(*) FROM other"), 20'000);
}

TEST_F(DataLoaderTest, WhatIsPutOffToTheEndKeepsAllOfTheTableOut) {
  Execute("CREATE TABLE t (i int, v text)");
  Execute(
      "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
      "$$BEGIN RAISE 'not this one'; END$$");
  Execute(
      "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN "
      "(NEW.i = 15000) EXECUTE FUNCTION refuse()");
  DataLoader loader(session_, Nothing());
  EXPECT_EQ(Load(loader, "t", Rows(20'000)).count(kDumpId), 1u);
  EXPECT_EQ(Ask<int64_t>("SELECT count(*) FROM t"), 0);
}

TEST_F(DataLoaderTest, LargeObjectIsWhole) {
  Execute({"SELECT lo_create(%d)", {absl::StrCat(kObject)}});
  const TocEntry entry{.dump_id = kDumpId, .has_data = true, .kind = "BLOBS"};
  std::string content;
  for (int i = 0; content.size() < (2 << 20) + 3; ++i) absl::StrAppend(&content, i, ".");
  DataLoader loader(session_, Nothing());
  loader.Want({kDumpId});
  ASSERT_TRUE(loader.OnDataBegin(entry).ok());
  ASSERT_TRUE(loader.OnLargeObjectBegin(entry, kObject).ok());
  for (size_t at = 0; at < content.size(); at += 10'001) {
    ASSERT_TRUE(
        loader.OnLargeObjectBytes(entry, kObject, absl::string_view(content).substr(at, 10'001)).ok());
  }
  ASSERT_TRUE(loader.OnLargeObjectEnd(entry, kObject).ok());
  ASSERT_TRUE(loader.OnDataEnd(entry).ok());
  ASSERT_TRUE(loader.Finish().ok());
  EXPECT_THAT(loader.TakeFailures(), IsEmpty());
  EXPECT_EQ(Ask<std::string>({"SELECT convert_from(lo_get(%d), 'UTF8')", {absl::StrCat(kObject)}}),
            content);
}

TEST_F(DataLoaderTest, ReadingThatEndsHalfWayLeavesNothing) {
  Execute("CREATE TABLE t (i int, v text)");
  const TocEntry entry{.dump_id = kDumpId,
                       .has_data = true,
                       .kind = "TABLE DATA",
                       .copy_statement = "COPY public.t FROM stdin;\n"};
  {
    ReplaySession session(conninfo_, probe_, TestTimeout());
    DataLoader loader(session, Nothing());
    loader.Want({kDumpId});
    ASSERT_TRUE(loader.OnDataBegin(entry).ok());
    ASSERT_TRUE(loader.OnTableBytes(entry, Rows(20'000)).ok());
  }
  EXPECT_EQ(Ask<int64_t>("SELECT count(*) FROM t"), 0);
}

}  // namespace
}  // namespace croft::agent
