#pragma once

#include <map>
#include <optional>
#include <string>

#include <absl/strings/string_view.h>

// Edits of JSON objects.
namespace croft::domain {

// `object`, a JSON object or empty, with `edits` applied: a value is JSON, none removes the key. Empty when no key is
// left. Both were checked when they were parsed.
std::string EditJson(absl::string_view object,
                     const std::map<std::string, std::optional<std::string>>& edits);

}  // namespace croft::domain
