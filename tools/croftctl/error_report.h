#pragma once

#include <ostream>
#include <string>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

namespace croft::ctl {

// What to do about `status`, as one line; empty where nothing general can be said.
[[nodiscard]] std::string NextStep(const absl::Status& status);

// `status`, which is not OK, as that of the call with this request id.
[[nodiscard]] absl::Status WithRequestId(absl::Status status, absl::string_view request_id);

// Says on several lines what happened, its reason, what to do next, and the request and operation it is about.
void ReportError(const absl::Status& status, std::ostream& err);

// `text` from elsewhere, safe to show on a terminal: control characters become `?`.
[[nodiscard]] std::string Printable(absl::string_view text);

}  // namespace croft::ctl
