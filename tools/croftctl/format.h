#pragma once

#include <string>

#include <absl/status/statusor.h>
#include <google/protobuf/message.h>
#include <nlohmann/json_fwd.hpp>

namespace croft::ctl {

// The message as proto3 JSON, fields in the order of the proto. Error details that travel under google.rpc's
// type URLs are shown with that URL as `@type`; of a detail that is not known here only the `@type` is shown.
[[nodiscard]] absl::StatusOr<nlohmann::ordered_json> ToJson(const google::protobuf::Message& message);

[[nodiscard]] std::string JsonText(const nlohmann::ordered_json& json);
[[nodiscard]] std::string YamlText(const nlohmann::ordered_json& json);

}  // namespace croft::ctl
