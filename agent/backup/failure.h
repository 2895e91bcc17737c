#pragma once

#include <vector>

#include <absl/status/status.h>

#include "agent/dump_format/finding.h"

// What a failed task says beyond its status.
namespace croft::agent {

// agent.proto's TaskError.Cause.
enum class Cause { kUnspecified, kRefusal, kResource, kOutage };

// `status`, an error, with its cause. The last one that was given counts.
[[nodiscard]] absl::Status WithCause(absl::Status status, Cause cause);
[[nodiscard]] bool HasCause(const absl::Status& status);
// The one that was given; else what the code and reason tell of an error of the agent's own sessions, files and stores.
[[nodiscard]] Cause CauseOf(const absl::Status& status);

// `status`, an error, with the objects that it is about.
[[nodiscard]] absl::Status WithFindings(absl::Status status, const std::vector<Finding>& findings);
[[nodiscard]] std::vector<Finding> FindingsOf(const absl::Status& status);

}  // namespace croft::agent
