#pragma once

#include <ostream>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <nlohmann/json_fwd.hpp>

#include "tools/croftctl/settings.h"
#include "tools/croftctl/views.h"

namespace croft::ctl {

// Data for standard output, in the format that was asked for.
class Printer {
 public:
  // `out` outlives it.
  Printer(std::ostream& out, Format format, bool with_color)
      : out_(out), format_(format), with_color_(with_color) {}

  // A message of the API.
  template <class Message>
  [[nodiscard]] absl::Status One(const Message& message) {
    return PrintOne(ViewOf(message));
  }

  // A list of them, in JSON and YAML an object with the one field `field`.
  template <class Message>
  [[nodiscard]] absl::Status List(const std::string& field, const std::vector<Message>& messages) {
    std::vector<View> views;
    for (const Message& message : messages) views.push_back(ViewOf(message));
    const Message empty;
    return PrintList(field, ViewOf(empty).cells, views);
  }

  // One of a row of messages that come over time: a line each, whatever the format.
  template <class Message>
  [[nodiscard]] absl::Status Next(const Message& message) {
    return PrintNext(ViewOf(message));
  }

  // Something that is no message of the API: `json`, or `text` where people look.
  void Document(const nlohmann::ordered_json& json, absl::string_view text);

  // Text that is the same in every format.
  void Text(absl::string_view text) { out_ << text << std::flush; }

  Format format() const { return format_; }
  bool with_color() const { return with_color_; }

 private:
  absl::Status PrintOne(const View& view);
  absl::Status PrintList(const std::string& field, const std::vector<Cell>& headers,
                         const std::vector<View>& views);
  absl::Status PrintNext(const View& view);

  std::ostream& out_;
  const Format format_;
  const bool with_color_;
};

}  // namespace croft::ctl
