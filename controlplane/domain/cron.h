#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

// Times by the clock of a place.
namespace croft::domain {

// The zone of this name in the machine's IANA database, which is read once for each name; UTC for an empty one. nullopt
// for a name that is not there, and for what names no place: a path, or `localtime`.
std::optional<absl::TimeZone> FindZone(absl::string_view name);
// The same, and UTC for a zone that the machine has lost since its name was accepted.
absl::TimeZone ZoneOf(absl::string_view name);

// When the clock of the zone shows `time` for the first time; for one that it skips, when it is set forward.
absl::Time FirstMomentOf(absl::CivilSecond time, const absl::TimeZone& zone);

// A line of five fields as in a crontab: minute, hour, day of the month, month, day of the week.
//
// A field is a list of `*`, numbers, names of three letters (months, days of the week) and ranges of these; `*` and ranges
// may have a step, `/N`. Sunday is 0 or 7. Where both kinds of day are limited, a day that either of them allows counts.
class Cron {
 public:
  // INVALID_ARGUMENT, with what is wrong, for a text that is no such line or of which no time ever comes.
  static absl::StatusOr<Cron> Parse(absl::string_view text);

  // The first time of the line after `time`. Where the clock is set forward, the times that it skips are one: the moment
  // it is set. A time that the clock shows twice counts when it shows it first.
  absl::Time NextAfter(absl::Time time, const absl::TimeZone& zone) const;

 private:
  Cron() = default;

  bool HasDay(absl::CivilDay day) const;
  // The first day of the line at or after `day`; nullopt if there is none for years.
  std::optional<absl::CivilDay> NextDay(absl::CivilDay day) const;
  // The first time of the line at or after `time`.
  absl::CivilMinute Next(absl::CivilMinute time) const;

  // A bit for each value that the field allows.
  uint64_t minutes_ = 0;
  uint64_t hours_ = 0;
  uint64_t days_ = 0;
  uint64_t months_ = 0;
  uint64_t weekdays_ = 0;  // Sunday is 0
};

}  // namespace croft::domain
