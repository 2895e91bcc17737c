#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "agent/dump_format/finding.h"

// Findings as JSON, for the details of errors.
namespace croft::agent {

[[nodiscard]] nlohmann::json EncodeFindings(const std::vector<Finding>& findings);

// Throws nlohmann's exception for anything that EncodeFindings does not write.
[[nodiscard]] std::vector<Finding> DecodeFindings(const nlohmann::json& json);

}  // namespace croft::agent
