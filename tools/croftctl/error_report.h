#pragma once

#include <ostream>
#include <string>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <nlohmann/json_fwd.hpp>

// Prints errors with what to do next.
namespace croft::ctl {

// What to do about `status`, as one line; empty where nothing general can be said.
[[nodiscard]] std::string NextStep(const absl::Status& status);

// `status`, which is not OK, as that of the call with this request id.
[[nodiscard]] absl::Status WithRequestId(absl::Status status, absl::string_view request_id);

// `status`, which is not OK, with this as what to do about it.
[[nodiscard]] absl::Status WithNextStep(absl::Status status, absl::string_view step);

// `status`, which is not OK and sums up many, with what failed of them: a JSON array.
[[nodiscard]] absl::Status WithFailures(absl::Status status, const nlohmann::ordered_json& failures);

// The error as JSON: `code`, `message`, `exitCode` and, where they are known, `reason`, `metadata`, `fieldViolations`,
// `nextStep`, `operation`, `requestId` and `failures`.
[[nodiscard]] nlohmann::ordered_json ErrorJson(const absl::Status& status);

// Says on several lines what happened, its reason, what to do next, and the request and operation it is about. As JSON
// it is one line `{"error": …}`, so that the last line of standard error can be parsed.
void ReportError(const absl::Status& status, bool as_json, std::ostream& err);

// `text` from elsewhere, safe to show on a terminal: characters that control it, or turn the direction of writing,
// become `?`.
[[nodiscard]] std::string Printable(absl::string_view text);
// `text` that a tenant can have written, on one line: the same characters, line ends and backslashes are escaped, so that
// nothing in it can pass for words of Croft's.
[[nodiscard]] std::string Escaped(absl::string_view text);

}  // namespace croft::ctl
