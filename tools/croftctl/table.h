#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "tools/croftctl/views.h"

// Tables and lists of fields, as people see them.
namespace croft::ctl {

struct Look {
  bool with_color = false;
  bool wide = false;    // columns of -o wide too
  size_t terminal = 0;  // columns of the terminal, which no line of a table is longer than; 0: no terminal
};

// Columns under headers in capitals, one row for each element. `headers` come from a view of an empty message. On a
// terminal the widest columns are cut, with an ellipsis.
[[nodiscard]] std::string TableText(const std::vector<Cell>& headers,
                                    const std::vector<std::vector<Cell>>& rows, const Look& look);
// A line for each field that is not empty. Never cut.
[[nodiscard]] std::string DetailsText(const std::vector<Cell>& cells, const Look& look);

// Sorts the views by the column called `column` (`name:desc` for the other way round); equal ones keep their order. A
// usage error that lists the columns where there is no such one among `headers`.
[[nodiscard]] absl::Status SortBy(const std::string& column, const std::vector<Cell>& headers,
                                  std::vector<View>& views);

// `text` cut to so many columns of a terminal, with an ellipsis where something is left out.
[[nodiscard]] std::string Cut(const std::string& text, size_t columns);

}  // namespace croft::ctl
