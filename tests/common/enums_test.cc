#include "common/enums.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft {
namespace {

enum class Colour { kRed, kGreen };
constexpr absl::string_view NameOf(Colour colour) {
  switch (colour) {
    case Colour::kRed: return "RED";
    case Colour::kGreen: return "GREEN";
  }
  return "";
}

static_assert(FromName<Colour>("GREEN") == Colour::kGreen);

TEST(Enums, AllAreListedInOrder) {
  EXPECT_THAT(AllOf<Colour>(), testing::ElementsAre(Colour::kRed, Colour::kGreen));
}

TEST(Enums, NameLeadsBackToItsValue) {
  for (const Colour colour : AllOf<Colour>()) EXPECT_EQ(FromName<Colour>(NameOf(colour)), colour);
}

TEST(Enums, OtherTextIsNoName) {
  for (const char* text : {"", "red", "RE", "REDS", "GREEN\n"})
    EXPECT_FALSE(FromName<Colour>(text)) << text;
}

}  // namespace
}  // namespace croft
