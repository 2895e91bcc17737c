#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

namespace croft::ctl {

// What croftctl ends with; scripts depend on it.
enum class ExitCode {
  kDone = 0,
  kError = 1,
  kUsage = 2,
  kNotFound = 3,
  kDenied = 4,
  kConflict = 5,
  kUnavailable = 6,
  kWaitTimedOut = 7,
  kOperationFailed = 8,
  kInterrupted = 130,
};

// By the status's own exit code where WithExitCode gave it one, else by its canonical code.
[[nodiscard]] ExitCode ExitCodeOf(const absl::Status& status);

// `status`, which is not OK, to end the program with `code` whatever its canonical code.
[[nodiscard]] absl::Status WithExitCode(absl::Status status, ExitCode code);

// The command line asks for something that cannot be; nothing was sent.
[[nodiscard]] absl::Status UsageError(absl::string_view message);

}  // namespace croft::ctl
