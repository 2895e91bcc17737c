// Prints views in the output format that was asked for.

#include "tools/croftctl/printer.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "tools/croftctl/error_report.h"
#include "tools/croftctl/format.h"

namespace croft::ctl {

absl::Status Printer::PrintOne(const View& view) {
  if (format_ == Format::kTable) {
    Text(DetailsText(view.cells, look_));
  } else if (format_ == Format::kName) {
    Text(absl::StrCat(view.name, view.name.empty() ? "" : "\n"));
  } else {
    CROFT_ASSIGN_OR_RETURN(const nlohmann::ordered_json json, ToJson(*view.message));
    Text(format_ == Format::kJson ? JsonText(json) : YamlText(json));
  }
  return absl::OkStatus();
}

absl::Status Printer::Views(const std::string& field, const std::vector<Cell>& headers,
                            std::vector<View> views, const ListOrder& order) {
  if (!order.sort_by.empty()) CROFT_RETURN_IF_ERROR(SortBy(order.sort_by, headers, views));
  if (order.limit > 0 && views.size() > order.limit) views.resize(order.limit);
  if (format_ == Format::kTable) {
    std::vector<std::vector<Cell>> rows;
    for (const View& view : views) rows.push_back(view.cells);
    Text(TableText(headers, rows, look_));
  } else if (format_ == Format::kName) {
    for (const View& view : views) Text(absl::StrCat(view.name, "\n"));
  } else {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const View& view : views) {
      CROFT_ASSIGN_OR_RETURN(list.emplace_back(), ToJson(*view.message));
    }
    const nlohmann::ordered_json json = {{field, list}};
    Text(format_ == Format::kJson ? JsonText(json) : YamlText(json));
  }
  return absl::OkStatus();
}

void Printer::Document(const nlohmann::ordered_json& json, absl::string_view text) {
  switch (format_) {
    case Format::kTable:
    case Format::kCsv:
    case Format::kName: return Text(text);
    case Format::kJson: return Text(JsonText(json));
    case Format::kYaml: return Text(YamlText(json));
  }
}

absl::Status Printer::PrintNext(const View& view) {
  if (format_ == Format::kTable) {
    std::vector<std::string> texts;
    for (const Cell& cell : view.cells) {
      if (cell.shown == Shown::kAlways) texts.push_back(cell.text.empty() ? "-" : Printable(cell.text));
    }
    const std::string line = absl::StrJoin(texts, "  ");
    Text(absl::StrCat(look_.terminal > 0 ? Cut(line, look_.terminal) : line, "\n"));
  } else if (format_ == Format::kName) {
    Text(absl::StrCat(view.name, "\n"));
  } else {
    CROFT_ASSIGN_OR_RETURN(const nlohmann::ordered_json json, ToJson(*view.message));
    Text(format_ == Format::kJson ? json.dump() + "\n" : absl::StrCat("---\n", YamlText(json)));
  }
  return absl::OkStatus();
}

}  // namespace croft::ctl
