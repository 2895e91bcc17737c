#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/wire/requests.h"
#include "controlplane/wire/tenant_requests.h"
#include "tests/controlplane/wire/corpus.h"

namespace croft::wire {
namespace {

using Condition = catalog::TenantQuery::Condition;

const PageTokens& Tokens() {
  static const PageTokens tokens(std::string(32, 'k'));
  return tokens;
}

absl::Status FilterError(const std::string& filter) {
  v1::ListTenantsRequest request;
  request.set_filter(filter);
  return Parse(request, Tokens()).status();
}

TEST(FilterTest, AcceptsTheDocumentedExample) {
  const auto conditions = ParseTenantFilter(
      R"(state = READY AND labels.app : shop AND host = h1 AND create_time > "2026-01-01T00:00:00Z")");
  ASSERT_TRUE(conditions.ok()) << conditions.status();
  ASSERT_EQ(conditions->size(), 4U);
  EXPECT_EQ((*conditions)[0].field, Condition::Field::kState);
  EXPECT_EQ((*conditions)[0].value, "READY");
  EXPECT_EQ((*conditions)[1].field, Condition::Field::kLabel);
  EXPECT_EQ((*conditions)[1].label, "app");
  EXPECT_EQ((*conditions)[1].value, "shop");
  EXPECT_EQ((*conditions)[3].op, Condition::Operator::kGreater);
}

TEST(FilterTest, LabelKeysMayHoldDotsAndAskForPresence) {
  const auto conditions = ParseTenantFilter("labels:app.kubernetes.io AND labels.a.b-c:* AND labels.x!=y");
  ASSERT_TRUE(conditions.ok()) << conditions.status();
  EXPECT_EQ((*conditions)[0].label, "app.kubernetes.io");
  EXPECT_EQ((*conditions)[0].op, Condition::Operator::kHas);
  EXPECT_EQ((*conditions)[0].value, "");
  EXPECT_EQ((*conditions)[1].label, "a.b-c");
  EXPECT_EQ((*conditions)[1].op, Condition::Operator::kHas);
  EXPECT_EQ((*conditions)[2].op, Condition::Operator::kNotEqual);
}

TEST(FilterTest, QuotedValuesUnescape) {
  const auto conditions = ParseTenantFilter(R"(labels.a="x AND \"y\" \\")");
  ASSERT_TRUE(conditions.ok()) << conditions.status();
  EXPECT_EQ((*conditions)[0].value, R"(x AND "y" \)");
}

TEST(FilterTest, SpaceAndNothingMeanEverything) {
  EXPECT_TRUE(ParseTenantFilter("")->empty());
  EXPECT_TRUE(ParseTenantFilter("  \t ")->empty());
}

TEST(FilterTest, ErrorsNameThePosition) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"colour = red", "position 1: unknown field"},
      {"state", "position 6: expected an operator"},
      {"state = ", "position 9: expected a value"},
      {"state = READY OR id = a", "position 15: expected AND"},
      {"state = READY AND", "position 18: expected a field"},
      {"state = ready", "position 9: this field has no such value"},
      {"state < READY", "position 7: this field does not take"},
      {"labels.x < 3", "position 10: this field does not take"},
      {"labels = x", "position 8: this field does not take"},
      {"labels. = x", "position 7: expected a key"},
      {"create_time > yesterday", "position 15: expected a time"},
      {"create_time > \"infinite-future\"", "position 15: expected a time"},
      {"id = \"open", "position 7: the quote is not closed"},
      {"id = \"bad \\n\"", "position 12: only"},
      {"id = a id = b", "position 8: expected AND"},
      {"state.x = READY", "position 1: unknown field"},
      {"(state = READY)", "position 1: expected a field"},
      {std::string("id\0=a", 5), "position 3: expected an operator"}};
  for (const auto& [filter, message] : cases) {
    const absl::Status status = FilterError(filter);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << filter;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(message)) << filter;
    EXPECT_EQ(DetailsOf(status).violations.at(0).field, "filter");
  }
}

TEST(FilterTest, SizesHaveLimits) {
  EXPECT_FALSE(FilterError(std::string(5000, ' ')).ok());
  std::string many = "id=a";
  for (int i = 0; i < 31; ++i) many += " AND id=a";
  EXPECT_TRUE(FilterError(many).ok());
  EXPECT_FALSE(FilterError(many + " AND id=a").ok());
}

TEST(FilterTest, HostsMatchInMemory) {
  domain::Host host{.id = "h1", .labels = {{"zone", "a"}}};
  host.certificate_fingerprint = "f";
  host.up = true;
  const auto matches = [&](const std::string& filter) { return (*ParseHostFilter(filter))(host); };
  EXPECT_TRUE(matches(""));
  EXPECT_TRUE(matches("state=UP AND labels.zone=a AND id!=h2 AND labels:zone AND labels.x!=y"));
  EXPECT_FALSE(matches("state!=UP"));
  EXPECT_FALSE(matches("labels.zone!=a"));
  EXPECT_FALSE(matches("labels:rack"));
  EXPECT_FALSE(ParseHostFilter("uid=x").ok());
}

TEST(FilterTest, OperationsAreNarrowedAndMatched) {
  const auto filter =
      ParseOperationFilter("target=tenants/acme AND done!=true AND kind!=CREATE AND state=RUNNING");
  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_EQ(filter->tenant, "acme");
  EXPECT_EQ(filter->ended, false);
  EXPECT_FALSE(filter->kind);
  EXPECT_EQ(filter->state, domain::OperationState::kRunning);
  domain::Operation operation{.kind = domain::OperationKind::kBackUp, .tenant = "acme"};
  EXPECT_TRUE(filter->matches(operation));
  operation.kind = domain::OperationKind::kCreate;
  EXPECT_FALSE(filter->matches(operation));
  EXPECT_FALSE(ParseOperationFilter("target=acme").ok());
  EXPECT_FALSE(ParseOperationFilter("done=yes").ok());
  EXPECT_FALSE(ParseOperationFilter("kind=CLEAN_UP").ok());
}

TEST(FilterTest, OperationsAreFoundByTheirParentAndByWhatCampaignsAreAbout) {
  const auto children = ParseOperationFilter("parent=operations/op-1");
  ASSERT_TRUE(children.ok()) << children.status();
  EXPECT_EQ(children->parent, "op-1");
  EXPECT_TRUE(children->matches({.tenant = "acme", .parent = "op-1"}));
  EXPECT_FALSE(children->matches({.tenant = "acme", .parent = "op-2"}));
  EXPECT_FALSE(ParseOperationFilter("parent=op-1").ok());
  const domain::Operation campaign{.kind = domain::OperationKind::kCampaign, .host = "h1"};
  const auto of_host = ParseOperationFilter("target=hosts/h1");
  ASSERT_TRUE(of_host.ok()) << of_host.status();
  EXPECT_EQ(of_host->tenant, "");
  EXPECT_TRUE(of_host->matches(campaign));
  EXPECT_FALSE(ParseOperationFilter("target=fleet")->matches(campaign));
}

TEST(PageTest, TokensOpenWithTheirQueryAlone) {
  v1::ListTenantsRequest request;
  request.set_filter("state=READY");
  request.set_page_token(NextPageToken(request, Tokens(), "acme"));
  ASSERT_TRUE(Parse(request, Tokens()).ok());
  EXPECT_EQ(Parse(request, Tokens())->after_id, "acme");

  v1::ListTenantsRequest other = request;
  other.set_filter("");
  EXPECT_EQ(DetailsOf(Parse(other, Tokens()).status()).violations.at(0).field, "page_token");
  other = request;
  other.set_show_retired(true);
  EXPECT_FALSE(Parse(other, Tokens()).ok());
  v1::ListHostsRequest hosts;
  hosts.set_page_token(request.page_token());
  EXPECT_FALSE(Parse(hosts, Tokens()).ok());
  EXPECT_FALSE(Parse(request, PageTokens(std::string(32, 'x'))).ok()) << "another key";
}

TEST(PageTest, EveryChangedCharacterIsNoticed) {
  v1::ListOperationsRequest request;
  const std::string token = NextPageToken(request, Tokens(), 1234567);
  request.set_page_token(token);
  ASSERT_EQ(Parse(request, Tokens())->query.before, 1234567);
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    request.set_page_token(changed);
    const absl::Status status = Parse(request, Tokens()).status();
    ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << i;
    EXPECT_EQ(DetailsOf(status).violations.at(0).field, "page_token");
  }
  for (const std::string& cut :
       {token.substr(1), token.substr(0, token.size() - 1), token + "A", token + "="}) {
    request.set_page_token(cut);
    EXPECT_FALSE(Parse(request, Tokens()).ok());
  }
}

TEST(PageTest, SizesAreTheDefaultCutOrRefused) {
  v1::ListTenantsRequest request;
  EXPECT_EQ(Parse(request, Tokens())->limit, 100);
  request.set_page_size(1001);
  EXPECT_EQ(Parse(request, Tokens())->limit, 1000);
  request.set_page_size(INT32_MIN);
  EXPECT_EQ(DetailsOf(Parse(request, Tokens()).status()).violations.at(0).field, "page_size");
}

TEST(PageTest, TextFieldsRefuseBadTexts) {
  const auto parse = [](const auto& request) { return Parse(request, Tokens()).status(); };
  ExpectBadTextsRefused(v1::ListTenantsRequest(), "page_token", parse,
                        [](auto& r, const std::string& t) { r.set_page_token(t); });
  ExpectBadTextsRefused(v1::ListTenantsRequest(), "filter", parse,
                        [](auto& r, const std::string& t) { r.set_filter(t); });
  ExpectBadTextsRefused(v1::ListHostsRequest(), "filter", parse,
                        [](auto& r, const std::string& t) { r.set_filter(t); });
  ExpectBadTextsRefused(v1::ListOperationsRequest(), "filter", parse,
                        [](auto& r, const std::string& t) { r.set_filter(t); });
  v1::ListBackupsRequest backups;
  backups.set_parent("tenants/-");
  ExpectBadTextsRefused(backups, "parent", parse, [](auto& r, const std::string& t) { r.set_parent(t); });
}

}  // namespace
}  // namespace croft::wire
