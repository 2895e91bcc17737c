// Reads cron lines and finds their times.

#include "controlplane/domain/cron.h"

#include <algorithm>
#include <array>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "common/errors.h"

namespace croft::domain {
namespace {

constexpr size_t kLongestZone = 64;

// Parts of letters, digits, `_`, `+` and `-` between slashes: nothing that leads out of the database.
bool IsZoneName(absl::string_view name) {
  if (name.size() > kLongestZone || name == "localtime") return false;
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  return std::all_of(parts.begin(), parts.end(), [](absl::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '+' || c == '-';
    });
  });
}

struct CronField {
  absl::string_view name;
  int least;
  int most;
  std::array<absl::string_view, 12> names;  // of the values from `least` on
};

constexpr CronField kMinuteField{"minute", 0, 59, {}};
constexpr CronField kHourField{"hour", 0, 23, {}};
constexpr CronField kDayField{"day of the month", 1, 31, {}};
constexpr CronField kMonthField{
    "month", 1, 12, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}};
// 7 is Sunday once more.
constexpr CronField kWeekdayField{
    "day of the week", 0, 7, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}};

absl::Status NoLine(const CronField& field, absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("the ", field.name, " `", absl::Utf8SafeCHexEscape(text), "` ", why));
}

absl::StatusOr<int> ParseValue(const CronField& field, absl::string_view text) {
  for (size_t i = 0; i < field.names.size(); ++i) {
    if (!field.names[i].empty() && absl::EqualsIgnoreCase(text, field.names[i]))
      return field.least + static_cast<int>(i);
  }
  int value = 0;
  const bool digits =
      !text.empty() && text.size() <= 2 && std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      });
  if (!digits || !absl::SimpleAtoi(text, &value) || value < field.least || value > field.most) {
    return NoLine(field, text, absl::StrCat("is not in ", field.least, "-", field.most));
  }
  return value;
}

// `*`, a value or a range, with or without a step.
absl::StatusOr<uint64_t> ParseItem(const CronField& field, absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '/');
  const std::vector<absl::string_view> ends = absl::StrSplit(parts[0], '-');
  if (parts.size() > 2 || ends.size() > 2) return NoLine(field, text, "is no range");
  int first = field.least, last = field.most, step = 1;
  if (parts[0] != "*") {
    CROFT_ASSIGN_OR_RETURN(first, ParseValue(field, ends.front()));
    CROFT_ASSIGN_OR_RETURN(last, ParseValue(field, ends.back()));
    if (first > last) return NoLine(field, text, "ends before it begins");
  }
  if (parts.size() == 2) {
    if (parts[0] != "*" && ends.size() == 1) return NoLine(field, text, "has a step and no range");
    if (!absl::SimpleAtoi(parts[1], &step) || step < 1 || step > field.most)
      return NoLine(field, text, absl::StrCat("has a step that is not in 1-", field.most));
  }
  uint64_t bits = 0;
  for (int value = first; value <= last; value += step) bits |= uint64_t{1} << value;
  return bits;
}

absl::StatusOr<uint64_t> ParseField(const CronField& field, absl::string_view text) {
  uint64_t bits = 0;
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    CROFT_ASSIGN_OR_RETURN(const uint64_t allowed, ParseItem(field, item));
    bits |= allowed;
  }
  return bits;
}

bool Has(uint64_t bits, int64_t value) { return (bits >> value & 1) != 0; }

// The first allowed value at or above `from`; nullopt when there is none.
std::optional<int> FirstFrom(uint64_t bits, int from, int most) {
  for (int value = from; value <= most; ++value) {
    if (Has(bits, value)) return value;
  }
  return std::nullopt;
}

constexpr uint64_t kAllDays = 0xffff'fffe;
constexpr uint64_t kAllWeekdays = 0x7f;

int WeekdayOf(absl::CivilDay day) { return (static_cast<int>(absl::GetWeekday(day)) + 1) % 7; }

}  // namespace

std::optional<absl::TimeZone> FindZone(absl::string_view name) {
  if (name.empty()) return absl::UTCTimeZone();
  absl::TimeZone zone;
  if (!IsZoneName(name) || !absl::LoadTimeZone(name, &zone)) return std::nullopt;
  return zone;
}

absl::TimeZone ZoneOf(absl::string_view name) { return FindZone(name).value_or(absl::UTCTimeZone()); }

absl::Time FirstMomentOf(absl::CivilSecond time, const absl::TimeZone& zone) {
  const absl::TimeZone::TimeInfo info = zone.At(time);
  return info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
}

absl::StatusOr<Cron> Cron::Parse(absl::string_view text) {
  const std::vector<absl::string_view> fields =
      absl::StrSplit(text, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (fields.size() != 5) {
    return absl::InvalidArgumentError(
        "must have five fields: minute, hour, day of the month, month and day of the week");
  }
  Cron cron;
  CROFT_ASSIGN_OR_RETURN(cron.minutes_, ParseField(kMinuteField, fields[0]));
  CROFT_ASSIGN_OR_RETURN(cron.hours_, ParseField(kHourField, fields[1]));
  CROFT_ASSIGN_OR_RETURN(cron.days_, ParseField(kDayField, fields[2]));
  CROFT_ASSIGN_OR_RETURN(cron.months_, ParseField(kMonthField, fields[3]));
  CROFT_ASSIGN_OR_RETURN(cron.weekdays_, ParseField(kWeekdayField, fields[4]));
  if (Has(cron.weekdays_, 7)) cron.weekdays_ |= 1;
  cron.weekdays_ &= kAllWeekdays;
  if (!cron.NextDay(absl::CivilDay(2000, 1, 1)))
    return absl::InvalidArgumentError("no month that it names has the day that it names");
  return cron;
}

bool Cron::HasDay(absl::CivilDay day) const {
  if (!Has(months_, day.month())) return false;
  const bool by_day = Has(days_, day.day());
  const bool by_weekday = Has(weekdays_, WeekdayOf(day));
  if (days_ == kAllDays) return by_weekday;
  return weekdays_ == kAllWeekdays ? by_day : by_day || by_weekday;
}

std::optional<absl::CivilDay> Cron::NextDay(absl::CivilDay day) const {
  // Eight years may lie between two 29ths of February.
  const absl::CivilDay end(day.year() + 9, day.month(), 1);
  while (day < end) {
    if (HasDay(day)) return day;
    day = Has(months_, day.month()) ? day + 1 : absl::CivilDay(absl::CivilMonth(day) + 1);
  }
  return std::nullopt;
}

absl::CivilMinute Cron::Next(absl::CivilMinute time) const {
  const absl::CivilDay day(time);
  if (HasDay(day)) {
    const std::optional<int> minute = FirstFrom(minutes_, time.minute(), kMinuteField.most);
    if (Has(hours_, time.hour()) && minute)
      return absl::CivilMinute(day.year(), day.month(), day.day(), time.hour(), *minute);
    if (const std::optional<int> hour = FirstFrom(hours_, time.hour() + 1, kHourField.most)) {
      return absl::CivilMinute(day.year(), day.month(), day.day(), *hour,
                               *FirstFrom(minutes_, 0, kMinuteField.most));
    }
  }
  // Parse has found one, and no year has a longer way to its next 29th of February than NextDay goes.
  const absl::CivilDay next = NextDay(day + 1).value();
  return absl::CivilMinute(next.year(), next.month(), next.day(), *FirstFrom(hours_, 0, kHourField.most),
                           *FirstFrom(minutes_, 0, kMinuteField.most));
}

absl::Time Cron::NextAfter(absl::Time time, const absl::TimeZone& zone) const {
  // Moments rise with the times that the clock shows first, so none before this one is missed.
  absl::CivilMinute next = Next(absl::CivilMinute(zone.At(time).cs) + 1);
  while (FirstMomentOf(next, zone) <= time) next = Next(next + 1);
  return FirstMomentOf(next, zone);
}

}  // namespace croft::domain
