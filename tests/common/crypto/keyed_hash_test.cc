#include "common/crypto/keyed_hash.h"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace croft::crypto {
namespace {

const std::string kKey = "0123456789abcdef";

TEST(KeyedHash, DependsOnKeyPurposeAndEveryByte) {
  const KeyedHash hash(kKey, "a");
  EXPECT_EQ(hash.Of("text"), KeyedHash(kKey, "a").Of("text"));
  const std::set<absl::uint128> all = {hash.Of("text"),
                                       hash.Of("texu"),
                                       hash.Of("text\n"),
                                       hash.Of(""),
                                       KeyedHash(kKey, "b").Of("text"),
                                       KeyedHash("0123456789abcdeg", "a").Of("text")};
  EXPECT_EQ(all.size(), 6);
}

TEST(KeyedHashStream, GivesTheSameForEveryCut) {
  std::string text;
  for (int i = 0; i < 50000; ++i) text += static_cast<char>(i * 7 + i / 256);
  KeyedHashStream stream(KeyedHash(kKey, "a"));
  stream.Update(text);
  EXPECT_EQ(stream.size(), text.size());
  const absl::uint128 whole = stream.Finish();
  for (const size_t cut : {1, 100, 16384, 16400, 20000}) {
    for (size_t at = 0; at < text.size(); at += cut) stream.Update(absl::string_view(text).substr(at, cut));
    EXPECT_EQ(stream.Finish(), whole) << cut;
  }
}

TEST(KeyedHashStream, TellsOtherBytesApart) {
  KeyedHashStream stream(KeyedHash(kKey, "a"));
  std::set<absl::uint128> all;
  for (const size_t size : {0, 1, 16383, 16384, 16385, 32768}) {
    for (const char last : {'\0', '\1'}) {
      stream.Update(std::string(size, '\0') + last);
      all.insert(stream.Finish());
    }
  }
  all.insert(stream.Finish());
  EXPECT_EQ(all.size(), 13);
}

}  // namespace
}  // namespace croft::crypto
