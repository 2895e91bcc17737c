#include "tools/croftctl/values.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "croft/v1/lookup.pb.h"
#include "croft/v1/tenant.pb.h"
#include "tools/croftctl/exit_code.h"

namespace croft::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(Values, DurationsAddTheirParts) {
  EXPECT_EQ(*ParseDuration("90s", "--grace"), absl::Seconds(90));
  EXPECT_EQ(*ParseDuration("4h", "--grace"), absl::Hours(4));
  EXPECT_EQ(*ParseDuration("7d", "--grace"), absl::Hours(168));
  EXPECT_EQ(*ParseDuration("1w", "--grace"), absl::Hours(168));
  EXPECT_EQ(*ParseDuration("1h30m", "--grace"), absl::Minutes(90));
  EXPECT_EQ(*ParseDuration("250ms", "--grace"), absl::Milliseconds(250));
  EXPECT_EQ(*ParseDuration("0", "--grace"), absl::ZeroDuration());
}

TEST(Values, BadDurationsAreUsageErrorsThatNameTheFlag) {
  for (const char* text :
       {"", "s", "5", "5x", "-1s", "1.5h", "1h 30m", "1h30", "99999999999999d", "999999999999w", "4H"}) {
    const absl::Status status = ParseDuration(text, "--grace").status();
    EXPECT_EQ(ExitCodeOf(status), ExitCode::kUsage) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("--grace")) << text;
  }
}

TEST(Values, DurationsShowTheirLargestTwoUnits) {
  EXPECT_EQ(DurationText(absl::Milliseconds(1500)), "1.5s");
  EXPECT_EQ(DurationText(absl::Seconds(90)), "1m30s");
  EXPECT_EQ(DurationText(absl::Hours(49) + absl::Seconds(5)), "2d1h");
  EXPECT_EQ(DurationText(absl::Hours(24)), "1d");
  EXPECT_EQ(DurationText(absl::ZeroDuration()), "0s");
}

TEST(Values, BytesTakeBinaryUnits) {
  EXPECT_EQ(*ParseBytes("1048576", "--storage"), 1048576);
  EXPECT_EQ(*ParseBytes("10GiB", "--storage"), int64_t{10} << 30);
  for (const char* text : {"", "10GB", "GiB", "-1", "1.5GiB", "99999999999TiB"}) {
    EXPECT_EQ(ExitCodeOf(ParseBytes(text, "--storage").status()), ExitCode::kUsage) << text;
  }
  EXPECT_EQ(BytesText(1536), "1.5 KiB");
  EXPECT_EQ(BytesText(17), "17 B");
}

TEST(Values, LabelsComeInOneFlagOrInMany) {
  const Labels expected = {{"app", "shop"}, {"note", "a=b"}, {"tier", ""}};
  EXPECT_EQ(*ParseLabels({"app=shop,tier=", "note=a=b"}, "--labels"), expected);
  EXPECT_EQ(ExitCodeOf(ParseLabels({"app"}, "--labels").status()), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeOf(ParseLabels({"=shop"}, "--labels").status()), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeOf(ParseLabels({"app=a", "app=b"}, "--labels").status()), ExitCode::kUsage);
}

TEST(Values, SelectorsBecomeFilters) {
  EXPECT_EQ(*SelectorToFilter("app=shop"), "labels.app = \"shop\"");
  EXPECT_EQ(*SelectorToFilter("app=shop, tier!=free,preview"),
            "labels.app = \"shop\" AND labels.tier != \"free\" AND labels:preview");
  EXPECT_EQ(*SelectorToFilter("note=a\"b\\"), "labels.note = \"a\\\"b\\\\\"");
  for (const char* selector : {"", ",", "app=shop,", "=x", "a b=c", "x OR y"}) {
    EXPECT_EQ(ExitCodeOf(SelectorToFilter(selector).status()), ExitCode::kUsage) << selector;
  }
}

TEST(Values, SettingsAreJson) {
  const auto settings = *ParseSettings({"plan=\"pro\"", "seats=5", "nested={\"a\":[1]}"}, "--set");
  EXPECT_EQ(settings.fields().at("plan").string_value(), "pro");
  EXPECT_EQ(settings.fields().at("seats").number_value(), 5);
  EXPECT_EQ(
      settings.fields().at("nested").struct_value().fields().at("a").list_value().values(0).number_value(),
      1);
  EXPECT_THAT(std::string(ParseSettings({"plan=pro"}, "--set").status().message()),
              HasSubstr("plan='\"text\"'"));
}

TEST(Values, FeaturesTakeTheTypeTheyLookLike) {
  const Features features =
      *ParseFeatures({"beta=true", "limit=2.5", "theme=dark", "odd=nan", "empty="}, "--feature");
  EXPECT_TRUE(features.at("beta").bool_value());
  EXPECT_EQ(features.at("limit").number_value(), 2.5);
  EXPECT_EQ(features.at("theme").string_value(), "dark");
  EXPECT_EQ(features.at("odd").string_value(), "nan");
  EXPECT_EQ(features.at("empty").kind_case(), google::protobuf::Value::kStringValue);
}

TEST(Values, ChoicesAreReadOffTheProto) {
  EXPECT_EQ(*ParseEnum<v1::SuspendMode>("SUSPEND_MODE_", "read-only", "--mode"),
            v1::SUSPEND_MODE_READ_ONLY);
  EXPECT_EQ(*ParseEnum<v1::Role>("ROLE_", "", "--role"), v1::ROLE_UNSPECIFIED);
  EXPECT_THAT(std::string(ParseEnum<v1::Role>("ROLE_", "owner", "--role").status().message()),
              HasSubstr("app, read-only, migrate"));
  EXPECT_FALSE(ParseEnum<v1::Role>("ROLE_", "unspecified", "--role").ok());
}

TEST(Values, RequestIdsAreUuids) {
  const std::string id = NewRequestId();
  EXPECT_THAT(id, MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_NE(id, NewRequestId());
  EXPECT_EQ(DerivedRequestId(id, "acme"), DerivedRequestId(id, "acme"));
  EXPECT_NE(DerivedRequestId(id, "acme"), DerivedRequestId(id, "globex"));
  EXPECT_THAT(DerivedRequestId(id, "acme"),
              MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
}

TEST(Values, TimesSurviveTheWire) {
  const absl::Time time = absl::FromUnixNanos(1'700'000'000'123'456'789);
  EXPECT_EQ(FromProto(ToProto(time)), time);
  EXPECT_EQ(FromProto(ToProto(absl::Milliseconds(1500))), absl::Milliseconds(1500));
}

}  // namespace
}  // namespace croft::ctl
