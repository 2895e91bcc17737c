#include "tests/sim/timetable.h"

#include <algorithm>

#include <absl/strings/str_format.h>

namespace croft::sim {
namespace {

// Between a decision and its commit.
constexpr absl::Duration kSlack = absl::Seconds(5);

absl::CivilSecond At(absl::CivilDay day, int minutes) { return absl::CivilSecond(day) + 60 * minutes; }

}  // namespace

std::string ClockWindow::Text() const {
  return absl::StrFormat("%02d:%02d-%02d:%02d", from / 60, from % 60, until / 60, until % 60);
}

Timetable::Timetable(std::string name, Times times) : name_(std::move(name)), times_(std::move(times)) {
  if (!times_.zone.empty()) absl::LoadTimeZone(times_.zone, &zone_);
}

bool Timetable::Begin(absl::Time now, absl::Time first) {
  if (times_.line) return BeginLine(now, first) || BeginLine(now - kSlack, first);
  grid_ = first;
  Extend(first);
  // A window closes for less than a day.
  const absl::Duration longest = times_.window ? absl::Hours(24) + times_.every : times_.every;
  return IsOpen(first) && first >= now - kSlack && first - now <= longest;
}

// Where a clock is set, several times of the line may lie less than the jitter before `first`.
bool Timetable::BeginLine(absl::Time now, absl::Time first) {
  std::vector<absl::Duration> offsets = {absl::ZeroDuration()};
  if (times_.jitter > absl::ZeroDuration()) {
    StartLine(now - absl::Hours(24), absl::ZeroDuration(), first);
    offsets.clear();
    for (const absl::Time time : dues_) {
      if (time <= first && first - time < times_.jitter) offsets.push_back(first - time);
    }
  }
  return std::any_of(offsets.begin(), offsets.end(), [&](absl::Duration offset) {
    StartLine(now, offset, first);
    return dues_.front() == first;
  });
}

void Timetable::StartLine(absl::Time now, absl::Duration offset, absl::Time first) {
  offset_ = offset;
  from_ = now - offset;
  day_ = absl::ToCivilDay(from_, zone_) - 1;
  dues_.clear();
  ExtendLine(first);
}

Timetable::Run Timetable::Serve(absl::Time now, size_t& unserved) {
  const absl::Duration reach = times_.line ? absl::ZeroDuration() : times_.every / 2;
  Extend(now + reach);
  const auto due = [&](absl::Time time) { return time <= now || time < now + reach; };
  size_t served = next_;
  while (served < dues_.size() && due(dues_[served])) ++served;
  if (served == next_) return Run::kTwice;
  const bool missed = served > next_ + 1;
  if (!missed && now < Due()) return Run::kEarly;
  unserved += served - next_ - 1;
  next_ = served;
  Extend(now + absl::Hours(24 * 8));
  if (!IsOpen(now) && !IsOpen(now - kSlack)) return Run::kOutside;
  return missed ? Run::kMadeUpFor : Run::kInTime;
}

void Timetable::AppendClosed(absl::Time from, absl::Time until, std::vector<Interval>& intervals) {
  if (!times_.window) return;
  for (absl::CivilDay day = absl::ToCivilDay(from, zone_) - 2; MomentOf(absl::CivilSecond(day)) < until;
       ++day) {
    absl::Time opens = OpeningOn(day + 1).first;
    // What was missed is made up for at a time of its own grid, too.
    if (!times_.line) {
      Extend(opens + times_.every);
      opens = *std::lower_bound(dues_.begin(), dues_.end(), opens);
    }
    intervals.emplace_back(OpeningOn(day).second, opens);
  }
}

void Timetable::Extend(absl::Time until) {
  if (times_.line) return ExtendLine(until);
  // Always one more than is asked for, so that there is a next one.
  while (dues_.empty() || dues_.back() <= until) {
    if (IsOpen(grid_)) dues_.push_back(grid_);
    grid_ += times_.every;
  }
}

void Timetable::ExtendLine(absl::Time until) {
  while (dues_.empty() || dues_.back() <= until) {
    if (times_.line->weekdays.contains(absl::GetWeekday(day_))) {
      for (const int hour : times_.line->hours) {
        const absl::Time time = MomentOf(At(day_, 60 * hour + times_.line->minute));
        if (time >= from_) Add(WhenOpen(time + offset_));
      }
    }
    ++day_;
  }
}

// Several that wait for one opening are one, and so are those that the clock skips together.
void Timetable::Add(absl::Time due) {
  if (dues_.empty() || due > dues_.back()) dues_.push_back(due);
}

absl::Time Timetable::MomentOf(absl::CivilSecond time) const {
  const absl::TimeZone::TimeInfo info = zone_.At(time);
  return info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
}

Timetable::Interval Timetable::OpeningOn(absl::CivilDay day) const {
  const ClockWindow& window = *times_.window;
  const absl::CivilDay last = window.until <= window.from ? day + 1 : day;
  return {MomentOf(At(day, window.from)), MomentOf(At(last, window.until))};
}

bool Timetable::IsOpen(absl::Time time) const { return WhenOpen(time) == time; }

absl::Time Timetable::WhenOpen(absl::Time time) const {
  if (!times_.window) return time;
  absl::CivilDay day = absl::ToCivilDay(time, zone_) - 2;
  while (OpeningOn(day).second <= time) ++day;
  return std::max(time, OpeningOn(day).first);
}

}  // namespace croft::sim
