#pragma once

#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "common/errors.h"

namespace croft::wire {

// Everything that is wrong with one request, gathered so that a caller can mend it all at once. Holds at most
// kMost; what comes after that is dropped.
class Violations {
 public:
  static constexpr size_t kMost = 20;

  void Add(absl::string_view field, absl::string_view description);
  // A field that asks for something that is not there yet: UNIMPLEMENTED, FEATURE_NOT_AVAILABLE, once nothing is wrong.
  void AddUnavailable(absl::string_view field, absl::string_view description);
  // The field violations of `status`. Other errors than InvalidField's must not come here.
  void Take(const absl::Status& status);
  // The value, or an empty one and its violations noted.
  template <typename T>
  T Take(absl::StatusOr<T> value) {
    if (value.ok()) return *std::move(value);
    Take(value.status());
    return T();
  }

  bool empty() const { return violations_.empty(); }
  // OK when there are none, else INVALID_ARGUMENT.
  absl::Status ToStatus() const;

 private:
  std::vector<FieldViolation> violations_;
  absl::Status unavailable_;  // the first
};

}  // namespace croft::wire
