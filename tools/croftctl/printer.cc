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
    Text(DetailsText(view.cells, with_color_));
  } else if (format_ == Format::kName) {
    Text(absl::StrCat(view.name, view.name.empty() ? "" : "\n"));
  } else {
    CROFT_ASSIGN_OR_RETURN(const nlohmann::ordered_json json, ToJson(*view.message));
    Text(format_ == Format::kJson ? JsonText(json) : YamlText(json));
  }
  return absl::OkStatus();
}

absl::Status Printer::PrintList(const std::string& field, const std::vector<Cell>& headers,
                                const std::vector<View>& views) {
  if (format_ == Format::kTable) {
    std::vector<std::vector<Cell>> rows;
    for (const View& view : views) rows.push_back(view.cells);
    Text(TableText(headers, rows, with_color_));
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
    case Format::kName: return Text(text);
    case Format::kJson: return Text(JsonText(json));
    case Format::kYaml: return Text(YamlText(json));
  }
}

absl::Status Printer::PrintNext(const View& view) {
  if (format_ == Format::kTable) {
    Text(absl::StrCat(absl::StrJoin(view.cells, "  ",
                                    [](std::string* out, const Cell& cell) {
                                      if (cell.in_list)
                                        out->append(cell.text.empty() ? "-" : Printable(cell.text));
                                    }),
                      "\n"));
  } else if (format_ == Format::kName) {
    Text(absl::StrCat(view.name, "\n"));
  } else {
    CROFT_ASSIGN_OR_RETURN(const nlohmann::ordered_json json, ToJson(*view.message));
    Text(format_ == Format::kJson ? json.dump() + "\n" : absl::StrCat("---\n", YamlText(json)));
  }
  return absl::OkStatus();
}

}  // namespace croft::ctl
