#include "controlplane/domain/features.h"

#include <nlohmann/json.hpp>

namespace croft::domain {

std::string EditFeatures(absl::string_view features,
                         const std::map<std::string, std::optional<std::string>>& edits) {
  nlohmann::json json =
      features.empty() ? nlohmann::json::object() : nlohmann::json::parse(features.begin(), features.end());
  for (const auto& [key, value] : edits) {
    if (value) {
      json[key] = nlohmann::json::parse(*value);
    } else {
      json.erase(key);
    }
  }
  return json.dump();
}

}  // namespace croft::domain
