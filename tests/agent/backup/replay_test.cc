#include "agent/backup/replay.h"

#include "tests/agent/backup/backup_fixture.h"

namespace croft::agent {
namespace {

class ReplayTest : public BackupTest {};

TEST_F(ReplayTest, LargeTablesComeBackFrozenAndTheirIndexesWhole) {
  const TestTenant tenant = MadeTenant();
  // The function reads a table that is loaded after the one whose index calls it.
  Fill(tenant, {"CREATE TABLE z (k int PRIMARY KEY, v int)",
                "INSERT INTO z SELECT g, -g FROM generate_series(1, 100) g",
                "CREATE FUNCTION read_z(int) RETURNS int LANGUAGE sql IMMUTABLE COST 10000 AS "
                "'SELECT v FROM public.z WHERE k = $1'",
                "CREATE TABLE a (i int PRIMARY KEY, j int, v text)",
                "INSERT INTO a SELECT g, mod(g, 1000), repeat('x', 80) FROM generate_series(1, 20000) g",
                "CREATE INDEX a_j ON a (j)", "CREATE INDEX a_z ON a (read_z(i))"});
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  const TestTenant next = NextGeneration(tenant);
  const absl::Status restored = Restore(next, SourceOf(tenant, work, made));
  ASSERT_TRUE(restored.ok()) << restored;
  ASSERT_TRUE(Unfence(next).ok());
  EXPECT_TRUE(Ask<bool>(next, "SELECT relallvisible = relpages FROM pg_class WHERE relname = 'a'"));
  EXPECT_EQ(
      Ask<int64_t>(next, "SELECT count(*) FROM pg_index WHERE indrelid = 'a'::regclass AND indisvalid"), 3);
  EXPECT_EQ(Ask<int64_t>(next, "SELECT count(*) FROM a WHERE j = 7"), 20);
  EXPECT_EQ(Ask<int64_t>(next, "SELECT i FROM a WHERE read_z(i) = -55"), 55);
}

}  // namespace
}  // namespace croft::agent
