#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/tools/croftctl/control_plane.h"

// What tenants use, as croftctl shows it.
namespace croft::ctl {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

v1::TenantUsage UsageOf(const std::string& id, int64_t size) {
  v1::TenantUsage usage;
  usage.set_tenant(absl::StrCat("tenants/", id));
  usage.set_host("hosts/h1");
  usage.mutable_measure_time()->set_seconds(1'800'000'000);
  usage.set_size_bytes(size);
  usage.set_connections(4);
  usage.set_transactions_per_second(2.5);
  v1::UsageCounts& counts = *usage.mutable_counts();
  counts.set_commits(700);
  counts.set_rollbacks(7);
  counts.set_blocks_hit(99);
  counts.set_blocks_read(1);
  return usage;
}

class UsageTest : public ::testing::Test, protected Pair {
 protected:
  UsageTest() {
    v1::ListUsageResponse listed;
    *listed.add_usage() = UsageOf("globex", 3 << 20);
    *listed.add_usage() = UsageOf("acme", 500);
    server.list_usage.Answers(listed);
    v1::TenantUsage one = UsageOf("acme", 500);
    v1::UsageHour& hour = *one.add_hours();
    hour.mutable_start_time()->set_seconds(1'800'000'000);
    hour.set_size_bytes(400);
    hour.mutable_counts()->set_commits(300);
    server.get_usage.Answers(one);
  }
};

TEST_F(UsageTest, TopIsAsItWasAskedFor) {
  const Ran ran = desk.Run({"tenant", "usage", "--top", "connections", "--since", "2h"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("SIZE"), HasSubstr("3.0 MiB"), HasSubstr("707"), HasSubstr("2.5")));
  EXPECT_LT(ran.out.find("globex"), ran.out.find("acme"));
  ASSERT_THAT(server.list_usage.asked(), SizeIs(1));
  const v1::ListUsageRequest asked = server.list_usage.asked().front();
  EXPECT_EQ(asked.order_by(), v1::USAGE_ORDER_CONNECTIONS);
  EXPECT_EQ(asked.page_size(), 20);
  EXPECT_NEAR(static_cast<double>(asked.since().seconds()), absl::ToUnixSeconds(absl::Now()) - 7200, 60);
  EXPECT_THAT(desk.Run({"tenant", "usage", "-o", "wide"}).out, HasSubstr("99%"));
}

TEST_F(UsageTest, OneTenantIsShownWithItsHours) {
  const Ran ran = desk.Run({"tenant", "usage", "acme", "--since", "7d"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("BY THE HOUR"), HasSubstr("2027-01-15T08:00:00Z"), HasSubstr("300")));
  EXPECT_EQ(server.get_usage.asked().front().name(), "tenants/acme");
  const Json json = Json::parse(desk.Run({"tenant", "usage", "acme", "-o", "json"}).out);
  EXPECT_EQ(json["hours"][0]["sizeBytes"], "400");
}

// For billing: numbers as they are, one line a tenant or an hour, and as many fields in each.
TEST_F(UsageTest, CsvHasTheBareNumbers) {
  const std::string list = desk.Run({"tenant", "usage", "-o", "csv"}).out;
  const std::vector<std::string> lines = absl::StrSplit(list, '\n', absl::SkipEmpty());
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[0], HasSubstr("tenant,host,measure_time,size_bytes,"));
  EXPECT_EQ(lines[1], "globex,h1,2027-01-15T08:00:00Z,3145728,,4,2.5,0,700,7,1,99,0,0,0,0,0,0,0");
  const std::string hours = desk.Run({"tenant", "usage", "acme", "-o", "csv"}).out;
  const std::vector<std::string> rows = absl::StrSplit(hours, '\n', absl::SkipEmpty());
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[1], "acme,2027-01-15T08:00:00Z,400,0,300,0,0,0,0,0,0,0,0,0,0");
  for (const auto& some : {lines, rows}) {
    const size_t fields = std::vector<std::string>(absl::StrSplit(some[0], ',')).size();
    for (const std::string& line : some) {
      EXPECT_THAT(std::vector<std::string>(absl::StrSplit(line, ',')), SizeIs(fields)) << line;
    }
  }
}

v1::ListStatementsResponse Statements() {
  v1::ListStatementsResponse response;
  v1::StatementUsage& slow = *response.add_statements();
  slow.set_text("SELECT \x1b[2J\nFROM t");
  slow.set_text_cut(true);
  slow.set_calls(4);
  slow.mutable_total_time()->set_seconds(2);
  slow.mutable_longest_time()->set_nanos(900'000'000);
  slow.set_rows(7);
  slow.set_blocks_hit(3);
  slow.set_blocks_read(1);
  return response;
}

TEST_F(UsageTest, StatementsAreShownAsTheTenantsWords) {
  server.list_statements.Answers(Statements());
  const Ran ran = desk.Run({"tenant", "usage", "acme", "--statements", "-o", "wide"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("THE TENANT'S STATEMENT"), HasSubstr("2000.0 ms"), HasSubstr("500.0 ms"),
                    HasSubstr("900.0 ms"), HasSubstr("75%"), HasSubstr("SELECT \\x1b[2J\\nFROM t …")));
  EXPECT_EQ(server.list_statements.asked().front().name(), "tenants/acme");
  EXPECT_EQ(server.list_statements.asked().front().limit(), 20);
  const Json json = Json::parse(desk.Run({"tenant", "usage", "acme", "--statements", "-o", "json"}).out);
  EXPECT_EQ(json["statements"][0]["calls"], "4");
}

TEST_F(UsageTest, StatementsAreOfOneTenantAndNoCsv) {
  EXPECT_EQ(desk.Run({"tenant", "usage", "--statements"}).exit_code, 2);
  EXPECT_EQ(desk.Run({"tenant", "usage", "acme", "globex", "--statements"}).exit_code, 2);
  EXPECT_EQ(desk.Run({"tenant", "usage", "acme", "--statements", "-o", "csv"}).exit_code, 2);
  EXPECT_THAT(server.list_statements.asked(), SizeIs(0));
}

TEST_F(UsageTest, WideListsAndDescriptionsShowTheSize) {
  v1::ListTenantsResponse tenants;
  *tenants.add_tenants() = ReadyTenant("acme");
  *tenants.add_tenants() = ReadyTenant("globex");
  server.list_tenants.Answers(tenants);
  server.get_tenant.Answers(ReadyTenant("globex"));
  const std::string wide = desk.Run({"tenant", "list", "-o", "wide"}).out;
  EXPECT_THAT(wide, HasSubstr("3.0 MiB"));
  EXPECT_THAT(server.list_usage.asked().front().tenants(), ElementsAre("tenants/acme", "tenants/globex"));
  EXPECT_THAT(desk.Run({"tenant", "list"}).out, Not(HasSubstr("3.0 MiB")));
  EXPECT_THAT(server.list_usage.asked(), SizeIs(1)) << "asked for only where it is shown";
  const std::string described = desk.Run({"tenant", "describe", "globex"}).out;
  EXPECT_THAT(described, AllOf(HasSubstr("USAGE, THE LAST 24 HOURS"), HasSubstr("500 B")));
}

// A control plane that is one version older has no UsageService.
TEST_F(UsageTest, WideListGoesOnWithoutUsage) {
  v1::ListTenantsResponse tenants;
  *tenants.add_tenants() = ReadyTenant("acme");
  server.list_tenants.Answers(tenants);
  server.list_usage.Answers([](const v1::ListUsageRequest&, v1::ListUsageResponse&) {
    return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "unknown service");
  });
  const Ran ran = desk.Run({"tenant", "list", "-o", "wide"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("acme"));
  EXPECT_THAT(ran.err, HasSubstr("sizes are left out"));
}

}  // namespace
}  // namespace croft::ctl
