#include "controlplane/wire/violations.h"

#include <string>

namespace croft::wire {

void Violations::Add(absl::string_view field, absl::string_view description) {
  if (violations_.size() < kMost) violations_.push_back({std::string(field), std::string(description)});
}

void Violations::Take(const absl::Status& status) {
  for (const FieldViolation& violation : DetailsOf(status).violations) {
    Add(violation.field, violation.description);
  }
}

absl::Status Violations::ToStatus() const {
  return violations_.empty() ? absl::OkStatus() : InvalidFields(violations_);
}

}  // namespace croft::wire
