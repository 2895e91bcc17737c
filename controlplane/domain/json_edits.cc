// Applies edits to a JSON object.

#include "controlplane/domain/json_edits.h"

#include <nlohmann/json.hpp>

namespace croft::domain {

std::string EditJson(absl::string_view object,
                     const std::map<std::string, std::optional<std::string>>& edits) {
  nlohmann::json json =
      object.empty() ? nlohmann::json::object() : nlohmann::json::parse(object.begin(), object.end());
  for (const auto& [key, value] : edits) {
    if (value) {
      json[key] = nlohmann::json::parse(*value);
    } else {
      json.erase(key);
    }
  }
  return json.empty() ? "" : json.dump();
}

}  // namespace croft::domain
