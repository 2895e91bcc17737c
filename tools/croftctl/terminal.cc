// Asks and tells people on a terminal.

#include "tools/croftctl/terminal.h"

#include <istream>
#include <ostream>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "common/errors.h"
#include "tools/croftctl/error_report.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/table.h"
#include "tools/croftctl/values.h"

namespace croft::ctl {
namespace {

constexpr absl::Duration kRedraw = absl::Milliseconds(200);
// Of a terminal that does not say how wide it is.
constexpr size_t kUsualWidth = 80;
constexpr char kEraseLine[] = "\r\033[K";

}  // namespace

Terminal::Terminal(std::istream& in, std::ostream& err, Facts facts, const Flags& flags)
    : in_(in), err_(err), facts_(facts), quiet_(flags.quiet), verbose_(flags.verbose), yes_(flags.yes) {}

void Terminal::Say(absl::string_view line) {
  if (quiet_) return;
  MutexLock lock(mutex_);
  err_ << line << std::endl;
}

void Terminal::Detail(absl::string_view line) {
  if (!verbose_) return;
  MutexLock lock(mutex_);
  err_ << line << std::endl;
}

bool Terminal::ColorsOutput(Settings::Color choice, const Environment& environment) const {
  switch (choice) {
    case Settings::Color::kAlways: return true;
    case Settings::Color::kNever: return false;
    case Settings::Color::kAuto: break;
  }
  return facts_.out && environment.Get("NO_COLOR").empty() && environment.Get("TERM") != "dumb";
}

absl::Status Terminal::Confirm(absl::string_view what, absl::string_view name) {
  if (yes_) return absl::OkStatus();
  CROFT_RETURN_IF_ERROR(CheckCanAsk(what));
  err_ << "This " << what << ". Type " << name << " to go on: " << std::flush;
  std::string typed;
  std::getline(in_, typed);
  if (typed == name) return absl::OkStatus();
  return UsageError("not confirmed; nothing was done");
}

absl::Status Terminal::CheckCanAsk(absl::string_view what) const {
  if (yes_ || facts_.in) return absl::OkStatus();
  return UsageError(absl::StrCat("this ", what, "; without a terminal to ask at, give --yes"));
}

ProgressLine::ProgressLine(Terminal& terminal) : terminal_(terminal), start_(absl::Now()) {
  if (terminal_.ShowsProgress()) painter_ = std::thread([this] { Draw(); });
}

ProgressLine::~ProgressLine() {
  if (!painter_.joinable()) return;
  {
    MutexLock lock(mutex_);
    ended_ = true;
  }
  changed_.NotifyAll();
  painter_.join();
}

void ProgressLine::Show(std::string text) {
  MutexLock lock(mutex_);
  text_ = Printable(text);
  changed_.NotifyAll();
}

void ProgressLine::Draw() {
  // The last column is left free: some terminals begin a new line there.
  const size_t width = (terminal_.width() > 0 ? terminal_.width() : kUsualWidth) - 1;
  MutexLock lock(mutex_);
  while (!ended_) {
    const std::string elapsed = DurationText(absl::Trunc(absl::Now() - start_, absl::Milliseconds(100)));
    if (!text_.empty())
      terminal_.err() << kEraseLine << Cut(absl::StrCat(elapsed, "  ", text_), width) << std::flush;
    changed_.WaitFor(mutex_, kRedraw);
  }
  terminal_.err() << kEraseLine << std::flush;
}

}  // namespace croft::ctl
