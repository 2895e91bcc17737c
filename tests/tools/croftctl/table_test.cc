#include "tools/croftctl/table.h"

#include <string>

#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/croftctl/error_report.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/values.h"

namespace croft::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Code points; nothing here is wider than one column.
size_t Width(const std::string& line) {
  size_t width = 0;
  for (const char c : line) width += (c & 0xc0) != 0x80 ? 1 : 0;
  return width;
}

const std::vector<Cell> kHeaders = {{"id"}, {"labels"}, {"note", "", Tone::kPlain, Shown::kWide}};

std::vector<std::vector<Cell>> Rows() {
  return {{{"", "acme"}, {"", std::string(100, 'x')}, {"", "wide"}},
          {{"", "globex"}, {"", "y"}, {"", "z"}}};
}

TEST(Table, FitsTheTerminalAndIsWholeElsewhere) {
  for (const size_t terminal : {80u, 40u, 20u, 9u, 1u}) {
    const std::string text = TableText(kHeaders, Rows(), {.wide = true, .terminal = terminal});
    for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n')))
      EXPECT_LE(Width(line), terminal) << line;
  }
  const std::string fitting = TableText(kHeaders, Rows(), {.terminal = 40});
  EXPECT_THAT(fitting, HasSubstr("acme    xxx"));
  EXPECT_THAT(fitting, HasSubstr("x\xe2\x80\xa6\n"));
  EXPECT_THAT(fitting, HasSubstr("globex  y\n"));
  const std::string whole = TableText(kHeaders, Rows(), {});
  EXPECT_THAT(whole, HasSubstr(std::string(100, 'x')));
  EXPECT_THAT(whole, Not(HasSubstr("\xe2\x80\xa6")));
}

TEST(Table, WideColumnsAreAskedFor) {
  EXPECT_THAT(TableText(kHeaders, Rows(), {}), Not(HasSubstr("NOTE")));
  EXPECT_THAT(TableText(kHeaders, Rows(), {.wide = true}), HasSubstr("NOTE"));
}

TEST(Table, WideCharactersTakeTwoColumns) {
  EXPECT_EQ(Cut("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 6), "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
  EXPECT_EQ(Cut("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 5), "\xe6\x97\xa5\xe6\x9c\xac\xe2\x80\xa6");
  EXPECT_EQ(Cut("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 4), "\xe6\x97\xa5\xe2\x80\xa6");
}

TEST(Table, DetailsAreNeverCut) {
  EXPECT_THAT(DetailsText({{"labels", std::string(300, 'x')}}, {.terminal = 40}),
              HasSubstr(std::string(300, 'x')));
}

TEST(Table, SortsNumbersAndRanksBySizeAndTextByLetters) {
  const std::vector<Cell> headers = {{"id"}, {"size"}, {"rows"}};
  const auto view = [](const std::string& id, const std::string& size, double rank,
                       const std::string& rows) {
    return View{
        nullptr, id, {{"id", id}, {"size", size, Tone::kPlain, Shown::kAlways, rank}, {"rows", rows}}};
  };
  std::vector<View> views = {view("b", "2.0 GiB", 2e9, "9"), view("a", "30 B", 30, "10"),
                             view("c", "1.0 KiB", 1024, "2")};
  const auto order = [&](const std::string& column) {
    EXPECT_TRUE(SortBy(column, headers, views).ok());
    return views[0].name + views[1].name + views[2].name;
  };
  EXPECT_EQ(order("size"), "acb");
  EXPECT_EQ(order("SIZE:desc"), "bca");
  EXPECT_EQ(order("rows"), "cba");
  EXPECT_EQ(order("id"), "abc");
  const absl::Status unknown = SortBy("colour", headers, views);
  EXPECT_EQ(ExitCodeOf(unknown), ExitCode::kUsage);
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("id, size, rows"));
}

TEST(Escaped, NothingOfATenantsCanPassForOurs) {
  EXPECT_EQ(Escaped("a\nremedy: DROP\\x"), "a\\nremedy: DROP\\\\x");
  EXPECT_EQ(Escaped("\033[2J\xc2\x9b"), "\\x1b[2J\\xc2\\x9b");
  EXPECT_EQ(Escaped("a\xe2\x80\xae"
                    "b"),
            "a\\xe2\\x80\\xaeb");
  EXPECT_EQ(Printable("a\xe2\x80\xae"
                      "b\xe2\x80\xa6"),
            "a???b\xe2\x80\xa6");
}

TEST(Times, AreToldInOneForm) {
  EXPECT_EQ(TimeText(absl::FromUnixSeconds(1'700'000'000)), "2023-11-14T22:13:20Z");
  EXPECT_EQ(*ParseTime("2023-11-14T22:13:20Z", "--expire-time"), absl::FromUnixSeconds(1'700'000'000));
  EXPECT_EQ(*ParseTime("2023-11-14T23:13:20+01:00", "--expire-time"), absl::FromUnixSeconds(1'700'000'000));
  EXPECT_EQ(ExitCodeOf(ParseTime("tomorrow", "--expire-time").status()), ExitCode::kUsage);
}

}  // namespace
}  // namespace croft::ctl
