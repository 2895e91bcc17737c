#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <google/protobuf/message.h>
#include <nlohmann/json_fwd.hpp>

#include "tools/croftctl/views.h"

namespace croft::ctl {

// The message as proto3 JSON, fields in the order of the proto. Error details that travel under google.rpc's
// type URLs are shown with that URL as `@type`; of a detail that is not known here only the `@type` is shown.
[[nodiscard]] absl::StatusOr<nlohmann::ordered_json> ToJson(const google::protobuf::Message& message);

[[nodiscard]] std::string JsonText(const nlohmann::ordered_json& json);
[[nodiscard]] std::string YamlText(const nlohmann::ordered_json& json);

// Columns under headers in capitals, one row for each element. `headers` come from a view of an empty message.
[[nodiscard]] std::string TableText(const std::vector<Cell>& headers,
                                    const std::vector<std::vector<Cell>>& rows, bool with_color);
// A line for each field that is not empty.
[[nodiscard]] std::string DetailsText(const std::vector<Cell>& cells, bool with_color);

}  // namespace croft::ctl
