#include "agent/session/statement_teller.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/agent/session/gate.h"

namespace croft::agent {
namespace {

v1::StatementsQuery Query(int64_t id, int32_t limit = 20) {
  v1::StatementsQuery query;
  query.set_id(id);
  query.set_database("t_acme");
  query.set_limit(limit);
  return query;
}

TEST(StatementsReportTest, HoldsEverything) {
  const std::vector<StatementUse> found = {{.statement = {.text = "SELECT", .cut = true},
                                            .calls = 1,
                                            .total_microseconds = 2'000'003,
                                            .longest_microseconds = 4,
                                            .rows = 5,
                                            .blocks_read = 6,
                                            .blocks_hit = 7,
                                            .temporary_bytes = 8}};
  EXPECT_EQ(
      ToProto(Query(9), found).ShortDebugString(),
      "id: 9 statements { text: \"SELECT\" text_cut: true calls: 1 total_time { seconds: 2 nanos: 3000 } "
      "longest_time { nanos: 4000 } rows: 5 blocks_read: 6 blocks_hit: 7 temporary_bytes: 8 }");
}

TEST(StatementsReportTest, ErrorHasAReasonAndIsWellFormed) {
  const v1::StatementsReport report = ToProto(Query(9), absl::InternalError("what \xff is"));
  EXPECT_EQ(report.error().reason(), "STATEMENTS_UNREADABLE");
  EXPECT_EQ(report.error().message(), "what ? is");
}

class StatementTellerTest : public ::testing::Test {
 protected:
  StatementTeller::Read Read() {
    return [this](const std::string& database, int32_t limit,
                  const Timeout&) -> absl::StatusOr<std::vector<StatementUse>> {
      asked_.Put(absl::StrCat(database, " ", limit));
      gate_.Await();
      return std::vector<StatementUse>{{.calls = 1}};
    };
  }
  StatementTeller::Send Send() {
    return [this](v1::StatementsReport report) { reports_.Put(std::move(report)); };
  }

  Gate gate_;
  Mailbox<std::string> asked_;
  Mailbox<v1::StatementsReport> reports_;
};

TEST_F(StatementTellerTest, QuestionsAreAnsweredInTheirOrderWithinTheLimit) {
  gate_.Open();
  StatementTeller teller(Read(), Send());
  teller.Ask(Query(1, 7));
  teller.Ask(Query(2, 1000));
  teller.Ask(Query(3, -1));
  for (const int id : {1, 2, 3}) EXPECT_EQ(reports_.Take()->id(), id);
  EXPECT_EQ(asked_.Take(), "t_acme 7");
  EXPECT_EQ(asked_.Take(), "t_acme 20");
  EXPECT_EQ(asked_.Take(), "t_acme 1");
}

TEST_F(StatementTellerTest, TooManyAtATimeAreRefusedAtOnce) {
  StatementTeller teller(Read(), Send());
  teller.Ask(Query(0));
  EXPECT_TRUE(asked_.Take().has_value()) << "the first is being read";
  for (size_t i = 1; i <= StatementTeller::kMostWaiting + 1; ++i)
    teller.Ask(Query(static_cast<int64_t>(i)));
  const auto refused = reports_.Take();
  EXPECT_EQ(refused->id(), static_cast<int64_t>(StatementTeller::kMostWaiting + 1));
  EXPECT_EQ(refused->error().reason(), "STATEMENTS_BUSY");
  gate_.Open();
  for (size_t i = 0; i <= StatementTeller::kMostWaiting; ++i) EXPECT_FALSE(reports_.Take()->has_error());
}

}  // namespace
}  // namespace croft::agent
