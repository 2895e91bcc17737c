#pragma once

#include <string>

#include <absl/strings/string_view.h>
#include <google/protobuf/map.h>
#include <google/protobuf/struct.pb.h>

#include "controlplane/wire/violations.h"

// Struct and Value as JSON text, as the catalog keeps them. The text of equal values is equal: keys are sorted.
namespace croft::wire {

using ProtoFeatures = google::protobuf::Map<std::string, google::protobuf::Value>;

// Empty for an empty Struct. At most 64 KiB as JSON and 16 levels deep; numbers are finite.
std::string ParseSettings(const google::protobuf::Struct& settings, absl::string_view field,
                          Violations& violations);
// One setting's JSON, within the same limits.
std::string ParseSetting(const google::protobuf::Value& value, absl::string_view field,
                         Violations& violations);
// A JSON object of bools, numbers and strings, or empty.
std::string ParseFeatures(const ProtoFeatures& features, absl::string_view field, Violations& violations);
// One flag's JSON scalar.
std::string ParseFeature(const google::protobuf::Value& value, absl::string_view field,
                         Violations& violations);

// Back again, from text that the above made; other text gives an empty message.
google::protobuf::Struct SettingsToProto(absl::string_view json);
ProtoFeatures FeaturesToProto(absl::string_view json);

}  // namespace croft::wire
