#pragma once

#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

// Errors of certificate requests, by field.
namespace croft::handlers {

// A certificate, or what is wrong with the request for it, by the field it came in.
[[nodiscard]] absl::StatusOr<std::string> ForField(absl::string_view field,
                                                   absl::StatusOr<std::string> certificate);

}  // namespace croft::handlers
