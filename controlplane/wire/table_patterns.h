#pragma once

#include <string>
#include <vector>

#include <absl/strings/string_view.h>
#include <google/protobuf/repeated_ptr_field.h>

#include "controlplane/wire/violations.h"

namespace croft::wire {

// Patterns of tables (common/table_pattern.h), as they were written, each once. Notes what is wrong under `field`.
std::vector<std::string> ParseTablePatterns(const google::protobuf::RepeatedPtrField<std::string>& patterns,
                                            absl::string_view field, Violations& violations);

}  // namespace croft::wire
