#pragma once

#include <map>
#include <optional>
#include <string>

#include <absl/strings/string_view.h>

namespace croft::domain {

// `features`, a JSON object or empty, with `edits` applied: a value is a JSON scalar, none removes the key.
// Both were checked when they were parsed.
std::string EditFeatures(absl::string_view features,
                         const std::map<std::string, std::optional<std::string>>& edits);

}  // namespace croft::domain
