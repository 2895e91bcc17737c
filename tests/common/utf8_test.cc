#include "common/utf8.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace croft {
namespace {

TEST(Utf8, CharactersAreMeasuredByTheirFirstByte) {
  EXPECT_EQ(Utf8CharacterLength("a"), 1U);
  EXPECT_EQ(Utf8CharacterLength(absl::string_view("\0", 1)), 1U);
  EXPECT_EQ(Utf8CharacterLength("\xC2\x80rest"), 2U);
  EXPECT_EQ(Utf8CharacterLength("\xE0\xA0\x80"), 3U);
  EXPECT_EQ(Utf8CharacterLength("\xED\x9F\xBF"), 3U);
  EXPECT_EQ(Utf8CharacterLength("\xF0\x90\x80\x80"), 4U);
  EXPECT_EQ(Utf8CharacterLength("\xF4\x8F\xBF\xBF"), 4U);
}

TEST(Utf8, IllFormedSequencesAreNoCharacters) {
  for (const char* text : {
           "\x80",              // a continuation alone
           "\xC0\x80",          // overlong
           "\xC1\xBF",          // overlong
           "\xE0\x9F\xBF",      // overlong
           "\xF0\x8F\xBF\xBF",  // overlong
           "\xED\xA0\x80",      // a surrogate
           "\xF4\x90\x80\x80",  // above U+10FFFF
           "\xF5\x80\x80\x80",  // above U+10FFFF
           "\xC2",              // cut
           "\xE2\x82",          // cut
           "\xF0\x9F\x98",      // cut
           "\xC2(",             // no continuation
           "\xFF",
       }) {
    EXPECT_EQ(Utf8CharacterLength(text), 0U) << text;
    EXPECT_FALSE(IsUtf8(std::string("good ") + text)) << text;
  }
}

TEST(Utf8, WellFormedTextIsUtf8) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("Zürich, 東京, 😀"));
}

TEST(Presentable, ReplacesWhatIsNoTextAndCutsAtCharacters) {
  EXPECT_EQ(Presentable("a\xFF\xC3(z", 80),
            "a?"
            "?(z");  // not a trigraph
  EXPECT_EQ(Presentable("😀😀😀", 8), "😀…");
  EXPECT_EQ(Presentable("😀😀😀", 6), "…");
  EXPECT_EQ(Presentable("short", 80), "short");
  EXPECT_TRUE(IsUtf8(Presentable(std::string(100, '\xF0'), 20)));
}

}  // namespace
}  // namespace croft
