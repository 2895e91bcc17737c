#pragma once

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <nlohmann/json_fwd.hpp>

#include "tools/croftctl/settings.h"
#include "tools/croftctl/table.h"
#include "tools/croftctl/views.h"

// Prints resources in the output format that was asked for.
namespace croft::ctl {

// How a list is to be sorted and how many of it are wanted; by default as it is and all.
struct ListOrder {
  std::string sort_by;  // see SortBy
  size_t limit = 0;
};

// Data for standard output, in the format that was asked for.
class Printer {
 public:
  // `out` outlives it.
  Printer(std::ostream& out, Format format, const Look& look) : out_(out), format_(format), look_(look) {}

  // A message of the API.
  template <class Message>
  [[nodiscard]] absl::Status One(const Message& message) {
    return PrintOne(ViewOf(message));
  }

  // A list of them, in JSON and YAML an object with the one field `field`.
  template <class Message>
  [[nodiscard]] absl::Status List(const std::string& field, const std::vector<Message>& messages,
                                  const ListOrder& order = {}) {
    std::vector<View> views;
    for (const Message& message : messages) views.push_back(ViewOf(message));
    const Message empty;
    return Views(field, ViewOf(empty).cells, std::move(views), order);
  }
  // The same of views of messages; `headers` are the cells of an empty message's.
  [[nodiscard]] absl::Status Views(const std::string& field, const std::vector<Cell>& headers,
                                   std::vector<View> views, const ListOrder& order = {});

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
  const Look& look() const { return look_; }

 private:
  absl::Status PrintOne(const View& view);
  absl::Status PrintNext(const View& view);

  std::ostream& out_;
  const Format format_;
  const Look look_;
};

}  // namespace croft::ctl
