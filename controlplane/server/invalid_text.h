#pragma once

#include <optional>
#include <string>

#include <absl/strings/string_view.h>
#include <google/protobuf/descriptor.h>

// Finds text that is not UTF-8.
namespace croft::server {

// Path of the first text field, such as `tenant.display_name`, whose bytes in the serialised message are not
// UTF-8; nullopt when there is none or the bytes are no message at all. Parsing refuses such a message as a
// whole and does not say why.
[[nodiscard]] std::optional<std::string> FindInvalidText(const google::protobuf::Descriptor& descriptor,
                                                         absl::string_view bytes);

}  // namespace croft::server
