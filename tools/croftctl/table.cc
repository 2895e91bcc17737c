// Lays out tables and lists of fields for a terminal.

#include "tools/croftctl/table.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/strip.h>

#include "tools/croftctl/error_report.h"
#include "tools/croftctl/exit_code.h"

namespace croft::ctl {
namespace {

constexpr char kGap[] = "  ";
constexpr size_t kGapWidth = 2;
// A column is not cut below this, and below that the line is.
constexpr size_t kNarrowest = 6;
constexpr char kEllipsis[] = "\xe2\x80\xa6";

// Bytes of the UTF-8 character that begins with `first`; 1 for what begins none.
size_t BytesOf(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
}

// Columns that it takes on a terminal: two for the wide characters of East Asia and for emoji.
size_t ColumnsOf(absl::string_view character) {
  if (character.size() < 3) return 1;
  const auto at = [&](size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 4) return at(1) == 0x9f || (at(1) & 0x30) == 0x20 ? 2 : 1;
  const unsigned code = (at(0) & 0x0fu) << 12 | (at(1) & 0x3fu) << 6 | (at(2) & 0x3fu);
  const bool wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
                    (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
                    (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60);
  return wide ? 2 : 1;
}

size_t WidthOf(absl::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t bytes = std::min(BytesOf(text[i]), text.size() - i);
    width += ColumnsOf(text.substr(i, bytes));
    i += bytes;
  }
  return width;
}

std::string Padded(const std::string& text, size_t width) {
  const size_t present = WidthOf(text);
  return present >= width ? text : text + std::string(width - present, ' ');
}

std::string Colored(const std::string& text, Tone tone, bool with_color) {
  if (!with_color) return text;
  switch (tone) {
    case Tone::kPlain: break;
    case Tone::kGood: return absl::StrCat("\033[32m", text, "\033[0m");
    case Tone::kBad: return absl::StrCat("\033[31m", text, "\033[0m");
    case Tone::kUnsure: return absl::StrCat("\033[33m", text, "\033[0m");
  }
  return text;
}

std::string TextOf(const Cell& cell) { return cell.text.empty() ? "-" : Printable(cell.text); }

bool IsColumn(const Cell& header, bool wide) {
  return header.shown == Shown::kAlways || (wide && header.shown == Shown::kWide);
}

// Takes columns of the terminal from the widest until the line fits, or none is wide any more.
void Narrow(std::vector<size_t>& widths, size_t terminal) {
  if (widths.empty()) return;
  const size_t gaps = kGapWidth * (widths.size() - 1);
  size_t line = std::accumulate(widths.begin(), widths.end(), gaps);
  while (line > terminal) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kNarrowest) return;
    --*widest;
    --line;
  }
}

// The columns of a table: which, and how wide.
struct Layout {
  Layout(const std::vector<Cell>& headers, const std::vector<std::vector<Cell>>& rows, const Look& look) {
    for (size_t column = 0; column < headers.size(); ++column) {
      if (!IsColumn(headers[column], look.wide)) continue;
      columns.push_back(column);
      size_t width = WidthOf(headers[column].header);
      for (const auto& row : rows) width = std::max(width, WidthOf(TextOf(row[column])));
      widths.push_back(width);
    }
    if (look.terminal > 0) Narrow(widths, look.terminal);
  }

  std::vector<size_t> columns;
  std::vector<size_t> widths;
};

// What sorts before what: numbers by size, everything else as text.
bool SortsBefore(const Cell& a, const Cell& b) {
  double x = a.rank.value_or(0);
  double y = b.rank.value_or(0);
  const bool numbers = (a.rank || absl::SimpleAtod(a.text, &x)) && (b.rank || absl::SimpleAtod(b.text, &y));
  return numbers ? x < y : a.text < b.text;
}

absl::Status NoSuchColumn(const std::string& column, const std::vector<Cell>& headers) {
  std::vector<std::string> names;
  for (const Cell& header : headers) {
    if (IsColumn(header, true)) names.push_back(header.header);
  }
  return UsageError(
      absl::StrCat("--sort-by wants one of ", absl::StrJoin(names, ", "), ", not '", column, "'"));
}

}  // namespace

std::string Cut(const std::string& text, size_t columns) {
  if (WidthOf(text) <= columns) return text;
  size_t width = 0;
  size_t end = 0;
  while (end < text.size()) {
    const size_t bytes = std::min(BytesOf(text[end]), text.size() - end);
    const size_t own = ColumnsOf(absl::string_view(text).substr(end, bytes));
    if (width + own + 1 > columns) break;
    width += own;
    end += bytes;
  }
  return columns == 0 ? "" : text.substr(0, end) + kEllipsis;
}

std::string TableText(const std::vector<Cell>& headers, const std::vector<std::vector<Cell>>& rows,
                      const Look& look) {
  const Layout layout(headers, rows, look);
  std::string text;
  // The colour goes around what is left of a cell after it was cut.
  const auto add_line = [&](const std::function<std::string(size_t)>& text_of,
                            const std::function<Tone(size_t)>& tone_of) {
    std::string line;
    size_t left = look.terminal == 0 ? SIZE_MAX : look.terminal;
    for (size_t i = 0; i < layout.columns.size() && left > 0; ++i) {
      const size_t column = layout.columns[i];
      const size_t gap = std::min(left, i == 0 ? 0 : kGapWidth);
      line.append(gap, ' ');
      left -= gap;
      std::string cell = Padded(Cut(text_of(column), layout.widths[i]), layout.widths[i]);
      if (i + 1 == layout.columns.size()) absl::StripTrailingAsciiWhitespace(&cell);
      cell = Cut(cell, left);
      left -= std::min(left, WidthOf(cell));
      absl::StrAppend(&line, Colored(cell, tone_of(column), look.with_color));
    }
    absl::StripTrailingAsciiWhitespace(&line);
    absl::StrAppend(&text, line, "\n");
  };
  add_line([&](size_t column) { return absl::AsciiStrToUpper(headers[column].header); },
           [](size_t) { return Tone::kPlain; });
  for (const auto& row : rows) {
    add_line([&](size_t column) { return TextOf(row[column]); },
             [&](size_t column) { return row[column].tone; });
  }
  return text;
}

std::string DetailsText(const std::vector<Cell>& cells, const Look& look) {
  size_t width = 0;
  for (const Cell& cell : cells) {
    if (!cell.text.empty()) width = std::max(width, WidthOf(cell.header));
  }
  std::string text;
  for (const Cell& cell : cells) {
    if (cell.text.empty()) continue;
    absl::StrAppend(&text, Padded(cell.header, width), kGap,
                    Colored(TextOf(cell), cell.tone, look.with_color), "\n");
  }
  return text;
}

absl::Status SortBy(const std::string& column, const std::vector<Cell>& headers, std::vector<View>& views) {
  absl::string_view name = column;
  const bool descending = absl::ConsumeSuffix(&name, ":desc");
  const auto it = std::find_if(headers.begin(), headers.end(), [&](const Cell& header) {
    return IsColumn(header, true) && absl::EqualsIgnoreCase(header.header, name);
  });
  if (it == headers.end()) return NoSuchColumn(column, headers);
  const auto index = static_cast<size_t>(it - headers.begin());
  std::stable_sort(views.begin(), views.end(), [&](const View& a, const View& b) {
    return descending ? SortsBefore(b.cells[index], a.cells[index])
                      : SortsBefore(a.cells[index], b.cells[index]);
  });
  return absl::OkStatus();
}

}  // namespace croft::ctl
