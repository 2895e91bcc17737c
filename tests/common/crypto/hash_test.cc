#include "common/crypto/hash.h"

#include <string>

#include <gtest/gtest.h>

namespace croft::crypto {
namespace {

// FIPS 180-2, appendix B, and the empty message.
TEST(Hash, Sha256MatchesKnownVectors) {
  EXPECT_EQ(Hex(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(Sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Hex(Sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Hash, StreamInPiecesEqualsTheWhole) {
  const std::string data(1000, 'x');
  for (const size_t piece : {1u, 63u, 64u, 65u, 999u, 1000u}) {
    Sha256Stream stream;
    for (size_t i = 0; i < data.size(); i += piece) stream.Update(absl::string_view(data).substr(i, piece));
    EXPECT_EQ(stream.Finish(), Sha256(data)) << piece;
  }
  Sha256Stream empty;
  EXPECT_EQ(empty.Finish(), Sha256(""));
}

TEST(Hash, HexKeepsEveryByte) { EXPECT_EQ(Hex(std::string("\x00\x0f\xf0\xff\x7f", 5)), "000ff0ff7f"); }

TEST(Hash, ConstantTimeComparisonTellsContentsAndLengths) {
  EXPECT_TRUE(EqualInConstantTime("", ""));
  EXPECT_TRUE(EqualInConstantTime("same", "same"));
  EXPECT_FALSE(EqualInConstantTime("same", "samf"));
  EXPECT_FALSE(EqualInConstantTime("same", "same1"));
  EXPECT_FALSE(EqualInConstantTime(std::string("a\0b", 3), std::string("a\0c", 3)));
}

}  // namespace
}  // namespace croft::crypto
