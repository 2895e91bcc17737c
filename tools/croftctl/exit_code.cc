// Exit codes by kind of error.

#include "tools/croftctl/exit_code.h"

#include <string>
#include <utility>

#include <absl/strings/cord.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

namespace croft::ctl {
namespace {

constexpr char kPayload[] = "croftctl/exit-code";

ExitCode ByCanonicalCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk: return ExitCode::kDone;
    case absl::StatusCode::kInvalidArgument: return ExitCode::kUsage;
    case absl::StatusCode::kNotFound: return ExitCode::kNotFound;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated: return ExitCode::kDenied;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kFailedPrecondition: return ExitCode::kConflict;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded: return ExitCode::kUnavailable;
    default: return ExitCode::kError;
  }
}

}  // namespace

ExitCode ExitCodeOf(const absl::Status& status) {
  if (const auto payload = status.GetPayload(kPayload)) {
    int code = 0;
    if (absl::SimpleAtoi(std::string(*payload), &code)) return static_cast<ExitCode>(code);
  }
  return ByCanonicalCode(status.code());
}

absl::Status WithExitCode(absl::Status status, ExitCode code) {
  status.SetPayload(kPayload, absl::Cord(absl::StrCat(static_cast<int>(code))));
  return status;
}

absl::Status UsageError(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), ExitCode::kUsage);
}

}  // namespace croft::ctl
