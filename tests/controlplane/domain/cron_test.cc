#include "controlplane/domain/cron.h"

#include <random>
#include <set>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::domain {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::Time Utc(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%dT%H:%M", text, &time, &error)) << text << ": " << error;
  return time;
}

std::vector<absl::Time> Times(const std::string& line, const std::string& zone, absl::Time after,
                              size_t count) {
  const absl::StatusOr<Cron> cron = Cron::Parse(line);
  EXPECT_TRUE(cron.ok()) << line << ": " << cron.status();
  std::vector<absl::Time> times;
  while (cron.ok() && times.size() < count) {
    after = cron->NextAfter(after, *FindZone(zone));
    times.push_back(after);
  }
  return times;
}

struct Row {
  std::string line;
  std::string zone;
  std::string after;
  std::vector<std::string> times;  // UTC
};

// In 2026 Berlin's clocks go forward on 29 March at 01:00 UTC and back on 25 October at 01:00 UTC.
const Row kRows[] = {
    {"30 2 * * 1-5", "", "2026-11-27T02:30", {"2026-11-30T02:30", "2026-12-01T02:30"}},
    {"30 2 * * mon-FRI", "Europe/Berlin", "2026-11-27T01:30", {"2026-11-30T01:30", "2026-12-01T01:30"}},
    {"*/20 0,12 * * *",
     "",
     "2026-01-01T00:00",
     {"2026-01-01T00:20", "2026-01-01T00:40", "2026-01-01T12:00"}},
    {"10-50/20 5 * * *",
     "",
     "2026-01-01T05:10",
     {"2026-01-01T05:30", "2026-01-01T05:50", "2026-01-02T05:10"}},
    {"0 0 1 jan,jul *", "", "2026-01-01T00:00", {"2026-07-01T00:00", "2027-01-01T00:00"}},
    {"0 0 31 * *", "", "2026-01-31T00:00", {"2026-03-31T00:00", "2026-05-31T00:00"}},
    {"0 0 29 2 *", "", "2096-02-29T00:00", {"2104-02-29T00:00"}},
    {"0 0 * * 7", "", "2026-11-30T00:00", {"2026-12-06T00:00", "2026-12-13T00:00"}},
    {"0 0 * * 5-7", "", "2026-11-30T00:00", {"2026-12-04T00:00", "2026-12-05T00:00", "2026-12-06T00:00"}},
    // Either kind of day will do where both are limited.
    {"0 0 13 * fri", "", "2026-11-10T00:00", {"2026-11-13T00:00", "2026-11-20T00:00"}},
    {"0 0 13 * fri", "", "2026-12-11T00:00", {"2026-12-13T00:00", "2026-12-18T00:00"}},
    // 02:30 is not on the clock of 29 March: it runs when the clock is set.
    {"30 2 * * *",
     "Europe/Berlin",
     "2026-03-27T12:00",
     {"2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"}},
    {"*/10 2 * * *",
     "Europe/Berlin",
     "2026-03-28T01:50",
     {"2026-03-29T01:00", "2026-03-30T00:00", "2026-03-30T00:10"}},
    {"0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00", {"2026-03-29T01:00", "2026-03-30T00:00"}},
    // 02:30 is twice on the clock of 25 October: it runs the first time.
    {"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", {"2026-10-25T00:30", "2026-10-26T01:30"}},
    {"30 * * * *",
     "Europe/Berlin",
     "2026-10-24T23:00",
     {"2026-10-24T23:30", "2026-10-25T00:30", "2026-10-25T02:30"}},
    {"30 2 * * *", "Europe/Berlin", "2026-10-25T01:10", {"2026-10-26T01:30"}},
    // Midnight itself is skipped.
    {"0 0 * * *", "America/Santiago", "2026-09-05T12:00", {"2026-09-06T04:00", "2026-09-07T03:00"}},
    // Clocks of half an hour.
    {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00", {"2026-10-03T15:30", "2026-10-04T15:15"}},
    // A day that never was.
    {"0 12 * * *", "Pacific/Apia", "2011-12-29T22:00", {"2011-12-30T10:00", "2011-12-30T22:00"}},
    {"30 5 * * *", "Asia/Kolkata", "2026-01-01T00:00", {"2026-01-02T00:00"}},
};

TEST(CronTest, FindsTheTimesOfALineByTheClockOfItsZone) {
  for (const Row& row : kRows) {
    std::vector<absl::Time> expected;
    for (const std::string& time : row.times) expected.push_back(Utc(time));
    EXPECT_THAT(Times(row.line, row.zone, Utc(row.after), expected.size()), ElementsAreArray(expected))
        << row.line << " in " << row.zone;
  }
}

TEST(CronTest, TellsWhatIsWrongWithALine) {
  const std::pair<std::string, std::string> wrong[] = {
      {"", "five fields"},
      {"* * * *", "five fields"},
      {"* * * * * *", "five fields"},
      {"60 * * * *", "minute `60`"},
      {"* 24 * * *", "hour `24`"},
      {"* * 0 * *", "day of the month `0`"},
      {"* * * 13 *", "month `13`"},
      {"* * * * 8", "day of the week `8`"},
      {"* * * foo *", "month `foo`"},
      {"5-1 * * * *", "ends before it begins"},
      {"1-2-3 * * * *", "is no range"},
      {"5/10 * * * *", "step and no range"},
      {"*/0 * * * *", "step"},
      {"*/60 * * * *", "step"},
      {"*/x * * * *", "step"},
      {"1,,2 * * * *", "minute ``"},
      {"+1 * * * *", "minute `+1`"},
      {"-1 * * * *", "minute ``"},
      {"@daily", "five fields"},
      {"\x1b * * * *", "minute `\\x1b`"},
      {"0 0 30 2 *", "no month"},
      {"0 0 31 2,4,6,9,11 *", "no month"},
  };
  for (const auto& [line, why] : wrong) {
    const auto parsed = Cron::Parse(line);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << line;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(why)) << line;
  }
}

TEST(CronTest, ZonesAreThoseOfTheDatabaseAndNothingElseOfTheMachine) {
  EXPECT_EQ(FindZone(""), absl::UTCTimeZone());
  EXPECT_TRUE(FindZone("Europe/Berlin").has_value());
  EXPECT_TRUE(FindZone("America/Argentina/Buenos_Aires").has_value());
  EXPECT_TRUE(FindZone("Etc/GMT+5").has_value());
  for (const char* name : {"Europe/Nowhere", "localtime", "/etc/localtime", "../zoneinfo/Europe/Berlin",
                           "Europe//Berlin", "Europe/Berlin/", "libc:localtime", "Fixed/UTC+01:00:00"}) {
    EXPECT_FALSE(FindZone(name).has_value()) << name;
  }
  EXPECT_EQ(ZoneOf("Europe/Nowhere"), absl::UTCTimeZone());
}

// A field of a random line: what it allows, and how that is written.
struct RandomField {
  std::set<int> allowed;
  std::string text;
  bool all = false;
};

class RandomLines {
 public:
  explicit RandomLines(uint32_t seed) : random_(seed) {}

  int Roll(int sides) { return std::uniform_int_distribution<int>(0, sides - 1)(random_); }
  RandomField Field(int least, int most) {
    RandomField field;
    std::vector<std::string> items;
    if (Roll(3) == 0) {
      field.all = true;
      items.emplace_back("*");
      AddRange(field, least, most, 1);
    } else if (Roll(3) == 0) {
      const int step = 1 + Roll(std::min(most, 25));
      items.push_back(absl::StrCat("*/", step));
      AddRange(field, least, most, step);
    }
    for (int i = field.allowed.empty() ? 1 + Roll(3) : 0; i > 0; --i) {
      const int first = least + Roll(most - least + 1);
      const int last = Roll(2) == 0 ? first : first + Roll(most - first + 1);
      const int step = 1 + (last > first ? Roll(5) : 0);
      items.push_back(step > 1       ? absl::StrCat(first, "-", last, "/", step)
                      : last > first ? absl::StrCat(first, "-", last)
                                     : absl::StrCat(first));
      AddRange(field, first, last, step);
    }
    field.text = absl::StrJoin(items, ",");
    return field;
  }

 private:
  static void AddRange(RandomField& field, int first, int last, int step) {
    for (int value = first; value <= last; value += step) field.allowed.insert(value);
  }

  std::mt19937 random_;
};

struct RandomLine {
  RandomField minute, hour, day, month, weekday;

  std::string text() const {
    return absl::StrJoin({minute.text, hour.text, day.text, month.text, weekday.text}, " ");
  }
  bool Matches(absl::CivilMinute time) const {
    const absl::CivilDay date(time);
    const int number = static_cast<int>(absl::GetWeekday(date)) + 1;  // Monday is 1
    const bool by_weekday =
        weekday.allowed.contains(number) || (number == 7 && weekday.allowed.contains(0));
    const bool by_day = day.allowed.contains(date.day());
    const bool all_days = day.allowed.size() == 31;
    std::set<int> weekdays;
    for (const int one : weekday.allowed) weekdays.insert(one % 7);
    const bool all_weekdays = weekdays.size() == 7;
    const bool date_fits = all_days ? by_weekday : all_weekdays ? by_day : by_day || by_weekday;
    return minute.allowed.contains(time.minute()) && hour.allowed.contains(time.hour()) &&
           month.allowed.contains(date.month()) && date_fits;
  }
};

// Walks minute by minute: a time of the line counts in the first minute in which the clock shows it or a later one.
std::vector<absl::Time> Walk(const RandomLine& line, const absl::TimeZone& zone, absl::Time from,
                             absl::Time until) {
  std::vector<absl::Time> times;
  absl::CivilMinute shown(zone.At(from).cs);
  for (absl::Time now = from + absl::Minutes(1); now <= until; now += absl::Minutes(1)) {
    const absl::CivilMinute clock(zone.At(now).cs);
    bool counts = false;
    while (shown < clock) counts = line.Matches(++shown) || counts;
    if (counts) times.push_back(now);
  }
  return times;
}

TEST(CronTest, AnyLineHasTheTimesThatAWalkOverTheMinutesFinds) {
  const std::pair<std::string, std::string> switches[] = {
      {"Europe/Berlin", "2026-03-28T12:00"},
      {"Europe/Berlin", "2026-10-24T12:00"},
      {"America/New_York", "2026-03-07T12:00"},
      {"America/New_York", "2026-10-31T12:00"},
      {"Australia/Lord_Howe", "2026-04-04T00:00"},
      {"Australia/Lord_Howe", "2026-10-03T00:00"},
      {"America/Santiago", "2026-04-04T12:00"},
      {"America/Santiago", "2026-09-05T12:00"},
      {"Pacific/Apia", "2011-12-29T12:00"},
      {"Asia/Kolkata", "2026-02-28T00:00"},
      {"", "2028-02-28T00:00"},
      {"", "2026-12-31T00:00"},
  };
  RandomLines random(17);
  int times = 0;
  for (int round = 0; round < 300; ++round) {
    const auto& [zone_name, start] = switches[round % std::size(switches)];
    const absl::TimeZone zone = *FindZone(zone_name);
    RandomLine line{random.Field(0, 59), random.Field(0, 23), random.Field(1, 31), random.Field(1, 12),
                    random.Field(0, 7)};
    // Few months have a switch.
    if (round % 4 != 0) line.month = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, "*", true};
    const absl::StatusOr<Cron> cron = Cron::Parse(line.text());
    if (!cron.ok()) continue;  // such as the 31st of February
    const absl::Time from = Utc(start) + absl::Minutes(random.Roll(600));
    const absl::Time until = from + absl::Hours(48);
    std::vector<absl::Time> found;
    for (absl::Time time = cron->NextAfter(from, zone); time <= until; time = cron->NextAfter(time, zone))
      found.push_back(time);
    const std::vector<absl::Time> expected = Walk(line, zone, from, until);
    ASSERT_THAT(found, ElementsAreArray(expected))
        << line.text() << " in " << zone_name << " from " << from;
    times += static_cast<int>(found.size());
    // Nothing depends on where between two times one begins.
    if (!expected.empty()) {
      const absl::Time inside = from + (expected.front() - from) * 0.7;
      EXPECT_EQ(cron->NextAfter(inside, zone), expected.front()) << line.text() << " in " << zone_name;
    }
  }
  EXPECT_GT(times, 3'000);
}

}  // namespace
}  // namespace croft::domain
