#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

// YAML documents with the line of each value.
namespace croft::ctl {

// A value of a YAML document, with the line it stands on.
struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  int line = 1;                   // of the key in a map, else of the value
  std::string text;               // of a scalar
  bool quoted = false;            // a scalar that is text, whatever it looks like
  std::vector<std::string> keys;  // of a map, one for each item; none is there twice
  std::vector<YamlNode> items;    // of a list or a map
};

// The one document of `text`, which may be JSON; null where it is empty. Usage errors begin with the line: for what is no
// YAML or not UTF-8, a key that is there twice or is no text, a second document, and for tags and aliases, which are not
// supported.
[[nodiscard]] absl::StatusOr<YamlNode> ParseYaml(const std::string& text);

}  // namespace croft::ctl
