#pragma once

#include <iosfwd>
#include <string>
#include <thread>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/sync.h"
#include "tools/croftctl/environment.h"
#include "tools/croftctl/settings.h"

namespace croft::ctl {

// Where talk goes: standard error, and questions to standard input.
class Terminal {
 public:
  struct Facts {
    bool in = false;  // whether standard input, output, error are terminals
    bool out = false;
    bool err = false;
    size_t out_width = 0;  // columns of standard output and error; 0 where it is no terminal
    size_t err_width = 0;
  };
  // The streams outlive it.
  Terminal(std::istream& in, std::ostream& err, Facts facts, const Flags& flags);

  // A line for people; nothing with --quiet.
  void Say(absl::string_view line);
  // A line for the curious; only with --verbose. Thread-safe.
  void Detail(absl::string_view line);
  // Whether a progress line may be drawn.
  bool ShowsProgress() const { return facts_.err && !quiet_ && !verbose_; }
  bool ColorsOutput(Settings::Color choice, const Environment& environment) const;

  // Asks that `name` be typed before `what` (such as "purges tenant acme") is done. OK at once with --yes; a
  // usage error without a terminal or when something else is typed.
  absl::Status Confirm(absl::string_view what, absl::string_view name);
  // The usage error that Confirm would answer without a terminal; OK where it can ask or need not.
  absl::Status CheckCanAsk(absl::string_view what) const;

  std::ostream& err() { return err_; }
  // Columns of the terminal that standard error is; 0 where it is none.
  size_t width() const { return facts_.err_width; }

 private:
  std::istream& in_;
  std::ostream& err_;
  Facts facts_;
  bool quiet_;
  bool verbose_;
  bool yes_;
  Mutex mutex_;
};

// One line that is drawn over and over with the time it has taken, and gone when this ends. Draws nothing where
// the terminal shows no progress. Thread-safe.
class ProgressLine {
 public:
  explicit ProgressLine(Terminal& terminal);
  ~ProgressLine();
  void Show(std::string text);

 private:
  void Draw();

  Terminal& terminal_;
  const absl::Time start_;
  Mutex mutex_;
  CondVar changed_;
  std::string text_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread painter_;
};

}  // namespace croft::ctl
