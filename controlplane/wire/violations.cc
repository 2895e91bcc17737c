// Gathers everything that is wrong with a request.

#include "controlplane/wire/violations.h"

#include <string>

#include <absl/strings/str_cat.h>

namespace croft::wire {

void Violations::Add(absl::string_view field, absl::string_view description) {
  if (violations_.size() < kMost) violations_.push_back({std::string(field), std::string(description)});
}

void Violations::AddUnavailable(absl::string_view field, absl::string_view description) {
  if (!unavailable_.ok()) return;
  unavailable_ = MakeError(absl::StatusCode::kUnimplemented, absl::StrCat(field, " ", description),
                           {.reason = "FEATURE_NOT_AVAILABLE",
                            .metadata = {{"field", std::string(field)}},
                            .violations = {{std::string(field), std::string(description)}}});
}

void Violations::Take(const absl::Status& status) {
  for (const FieldViolation& violation : DetailsOf(status).violations) {
    Add(violation.field, violation.description);
  }
}

absl::Status Violations::ToStatus() const {
  return violations_.empty() ? unavailable_ : InvalidFields(violations_);
}

}  // namespace croft::wire
