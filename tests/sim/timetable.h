#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

// When runs of a schedule are due, worked out from a policy's own words and a calendar, without the code that is tested.
namespace croft::sim {

// A line of a crontab, and what it means.
struct CronLine {
  std::string text;
  int minute = 0;
  std::set<int> hours;
  std::set<absl::Weekday> weekdays;
};

// A part of the day, from one full minute to another; may reach over midnight.
struct ClockWindow {
  int from = 0;  // minutes since midnight
  int until = 0;

  std::string Text() const;
};

// When something recurs.
struct Times {
  absl::Duration every;  // without a line
  std::optional<CronLine> line = std::nullopt;
  std::string zone = "";                             // of the line and the window
  absl::Duration jitter = {};                        // of the line; none with a window
  std::optional<ClockWindow> window = std::nullopt;  // with `every`, at least an hour longer than that
};

// The times at which runs are due: a time of the policy, and where the window is closed then, the moment it opens. Where in
// an interval or in the jitter the times of one tenant lie is known from its first one.
class Timetable {
 public:
  using Interval = std::pair<absl::Time, absl::Time>;
  enum class Run {
    kInTime,
    kMadeUpFor,  // others were missed; it serves them, too
    kTwice,      // its slot was served before
    kEarly,
    kOutside,  // the window is closed
  };

  Timetable(std::string name, Times times);

  const std::string& name() const { return name_; }
  absl::Duration every() const { return times_.every; }
  bool known() const { return !dues_.empty(); }
  // The schedule is there from `now` on and is to run at `first`. False when that is not the first time that is due.
  bool Begin(absl::Time now, absl::Time first);
  // When the next run is due. It is known.
  absl::Time Due() const { return dues_[next_]; }
  // A run begins. It serves what was due before, and of an interval what comes within half of it. Adds to `unserved` how
  // many times were due and got no run of their own.
  Run Serve(absl::Time now, size_t& unserved);
  // Adds when the window keeps a run of `from` or later from beginning, until `until`.
  void AppendClosed(absl::Time from, absl::Time until, std::vector<Interval>& intervals);

 private:
  bool BeginLine(absl::Time now, absl::Time first);
  void StartLine(absl::Time now, absl::Duration offset, absl::Time first);
  void Extend(absl::Time until);
  void ExtendLine(absl::Time until);
  void Add(absl::Time due);
  absl::Time MomentOf(absl::CivilSecond time) const;
  Interval OpeningOn(absl::CivilDay day) const;
  bool IsOpen(absl::Time time) const;
  absl::Time WhenOpen(absl::Time time) const;

  std::string name_;
  Times times_;
  absl::TimeZone zone_;
  absl::Duration offset_;         // in the jitter
  absl::Time from_;               // no time of the line before counts
  absl::CivilDay day_;            // whose times are next in `dues_`; of a line
  absl::Time grid_;               // the next; of an interval
  std::vector<absl::Time> dues_;  // rising
  size_t next_ = 0;               // the first that no run has served
};

}  // namespace croft::sim
