#include "agent/session/usage_ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

DatabaseUsage Database(int64_t oid, const std::string& uid, int64_t sessions = 0, int64_t commits = 0) {
  return {.oid = oid, .uid = uid, .generation = 1, .counters = {.sessions = sessions, .commits = commits}};
}

TEST(UsageLedgerTest, EverythingIsToldOnceAndThenWhatChanged) {
  UsageLedger ledger;
  ledger.Take({Database(1, "a"), Database(2, "b")});
  EXPECT_THAT(ledger.TakeUnreported(kStart), SizeIs(2));
  ledger.Take({Database(1, "a"), Database(2, "b", 1, 5)});
  const std::vector<UsageSample> samples = ledger.TakeUnreported(kStart + absl::Minutes(1));
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].usage.uid, "b");
  EXPECT_EQ(samples[0].usage.counters.commits, 5);
  ledger.Take({Database(1, "a"), Database(2, "b", 1, 5)});
  EXPECT_THAT(ledger.TakeUnreported(kStart + absl::Minutes(2)), SizeIs(1))
      << "that it rests is reported, too";
  ledger.Take({Database(1, "a"), Database(2, "b", 1, 5)});
  EXPECT_THAT(ledger.TakeUnreported(kStart + absl::Minutes(3)), IsEmpty());
}

// Autovacuum commits in every database, and opens no session of a client.
TEST(UsageLedgerTest, WorkOfPostgresqlItselfIsNoNews) {
  UsageLedger ledger;
  ledger.Take({Database(1, "a", 3, 10)});
  ledger.TakeUnreported(kStart);
  ledger.Take({Database(1, "a", 3, 12)});
  EXPECT_THAT(ledger.TakeUnreported(kStart + absl::Minutes(1)), IsEmpty());
}

TEST(UsageLedgerTest, IdleDatabaseIsToldOfEveryHourAndInANewSession) {
  UsageLedger ledger;
  ledger.Take({Database(1, "a")});
  ledger.TakeUnreported(kStart);
  EXPECT_THAT(ledger.TakeUnreported(kStart + absl::Minutes(59)), IsEmpty());
  EXPECT_THAT(ledger.TakeUnreported(kStart + absl::Minutes(61)), SizeIs(1));
  ledger.Forget();
  EXPECT_THAT(ledger.TakeUnreported(kStart + absl::Minutes(62)), SizeIs(1));
}

TEST(UsageLedgerTest, NewAndBusyDatabasesAreMeasuredFirst) {
  UsageLedger ledger;
  ledger.Take({Database(1, "a"), Database(2, "b"), Database(3, "c")});
  EXPECT_THAT(ledger.ToMeasure(2, kStart), SizeIs(2));
  for (const int64_t oid : {1, 2, 3}) ledger.NoteSize(oid, 100, kStart + absl::Seconds(oid));
  EXPECT_THAT(ledger.ToMeasure(9, kStart + absl::Minutes(1)), IsEmpty());
  ledger.Take({Database(1, "a"), Database(2, "b"), Database(3, "c", 1), Database(4, "d")});
  EXPECT_THAT(ledger.ToMeasure(9, kStart + absl::Minutes(1)), ElementsAre(4, 3));
  ledger.NoteSize(3, 200, kStart + absl::Minutes(1));
  ledger.NoteSize(4, 100, kStart + absl::Minutes(1));
  EXPECT_THAT(ledger.ToMeasure(9, kStart + absl::Minutes(2)), IsEmpty());
  EXPECT_THAT(ledger.ToMeasure(9, kStart + absl::Minutes(60) + absl::Seconds(2)), ElementsAre(1, 2));
}

TEST(UsageLedgerTest, AnotherSizeIsNewsAndTheSameIsNot) {
  UsageLedger ledger;
  ledger.Take({Database(1, "a")});
  ledger.NoteSize(1, 100, kStart);
  ledger.TakeUnreported(kStart);
  ledger.NoteSize(1, 100, kStart + absl::Minutes(1));
  EXPECT_THAT(ledger.TakeUnreported(kStart + absl::Minutes(1)), IsEmpty());
  ledger.NoteSize(1, 101, kStart + absl::Minutes(2));
  const std::vector<UsageSample> samples = ledger.TakeUnreported(kStart + absl::Minutes(2));
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].size_bytes, 101);
  EXPECT_EQ(samples[0].size_time, kStart + absl::Minutes(2));
}

// While a tenant is restored it has two databases, and a fenced one may lie beside the one in use.
TEST(UsageLedgerTest, OpenDatabaseOfTheHighestGenerationCounts) {
  UsageLedger ledger;
  DatabaseUsage sealed = Database(1, "a");
  sealed.sealed = true;
  sealed.generation = 9;
  DatabaseUsage newer = Database(3, "a");
  newer.generation = 2;
  ledger.Take({sealed, newer, Database(2, "a")});
  std::vector<UsageSample> samples = ledger.TakeUnreported(kStart);
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].usage.oid, 3);
  ledger.Take({sealed});
  samples = ledger.TakeUnreported(kStart);
  ASSERT_THAT(samples, SizeIs(1)) << "a suspended tenant's database still takes room";
  EXPECT_EQ(samples[0].usage.oid, 1);
}

TEST(UsageLedgerTest, SizeOfADatabaseThatIsGoneIsPassedOver) {
  UsageLedger ledger;
  ledger.Take({Database(1, "a")});
  ledger.Take({});
  ledger.NoteSize(1, 100, kStart);
  EXPECT_THAT(ledger.TakeUnreported(kStart), IsEmpty());
  EXPECT_THAT(ledger.ToMeasure(9, kStart), IsEmpty());
}

}  // namespace
}  // namespace croft::agent
