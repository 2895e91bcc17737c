#include "agent/dump_format/row_digest.h"

#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft::agent {
namespace {

const std::string kKey = "0123456789abcdef";

struct Digest {
  uint64_t rows = 0;
  absl::uint128 sum = 0;

  friend bool operator==(const Digest&, const Digest&) = default;
};

absl::StatusOr<Digest> TryDigest(const std::vector<std::string>& columns, absl::string_view stream,
                                 size_t cut = 1 << 20) {
  RowDigester digester(kKey);
  digester.Begin(columns);
  while (!stream.empty()) {
    CROFT_RETURN_IF_ERROR(digester.Append(stream.substr(0, cut)));
    stream.remove_prefix(std::min(cut, stream.size()));
  }
  CROFT_RETURN_IF_ERROR(digester.End());
  return Digest{digester.rows(), digester.sum()};
}

Digest DigestOf(const std::vector<std::string>& columns, absl::string_view stream, size_t cut = 1 << 20) {
  absl::StatusOr<Digest> digest = TryDigest(columns, stream, cut);
  EXPECT_TRUE(digest.ok()) << digest.status();
  return digest.value_or(Digest());
}

TEST(RowDigester, IsTheSameForEveryOrderOfRowsAndColumns) {
  const Digest digest = DigestOf({"a", "b", "c"}, "1\tx\t\n2\ty\t\\N\n\\.\n\n\n");
  EXPECT_EQ(digest.rows, 2);
  EXPECT_EQ(DigestOf({"a", "b", "c"}, "2\ty\t\\N\n1\tx\t\n"), digest);
  EXPECT_EQ(DigestOf({"c", "a", "b"}, "\\N\t2\ty\n\t1\tx\n\\.\n\n\n"), digest);
}

TEST(RowDigester, TellsOtherRowsApart) {
  const Digest digest = DigestOf({"b", "a"}, "1\tx\n2\ty\n");
  for (const char* other : {"1\tx\n2\tz\n", "1\ty\n2\tx\n", "1\tx\n", "1\tx\n2\ty\n2\ty\n", "1\tx\n1\tx\n",
                            "x\t1\n2\ty\n", "1x\t\n2\ty\n", ""}) {
    EXPECT_FALSE(DigestOf({"b", "a"}, other) == digest) << other;
  }
  EXPECT_FALSE(DigestOf({"a", "b"}, "1\tx\n2\ty\n") == digest);
}

TEST(RowDigester, CountsRowsWithoutColumns) {
  EXPECT_EQ(DigestOf({}, "\n\n\\.\n\n\n").rows, 2);
  EXPECT_EQ(DigestOf({}, "\\.\n\n\n").rows, 0);
  EXPECT_EQ(DigestOf({"a"}, "\\\\.\n\\.\n\n\n").rows, 1);
}

TEST(RowDigester, TakesLongRowsLikeShortOnes) {
  const std::string value(100000, 'v');
  const std::string other = value.substr(1) + "w";
  const Digest digest = DigestOf({"b", "a", "c"}, absl::StrCat("1\t", value, "\t2\n3\t4\t5\n"));
  EXPECT_EQ(digest.rows, 2);
  EXPECT_EQ(DigestOf({"a", "b", "c"}, absl::StrCat("4\t3\t5\n", value, "\t1\t2\n")), digest);
  EXPECT_FALSE(DigestOf({"b", "a", "c"}, absl::StrCat("1\t", other, "\t2\n3\t4\t5\n")) == digest);
  EXPECT_FALSE(DigestOf({"b", "a", "c"}, absl::StrCat("2\t", value, "\t1\n3\t4\t5\n")) == digest);
  EXPECT_FALSE(DigestOf({"b", "a", "c"}, absl::StrCat("1\t", value, "2\t\n3\t4\t5\n")) == digest);
}

TEST(RowDigester, IsTheSameForEveryCut) {
  const std::string stream =
      absl::StrCat("1\tx\n", std::string(65530, 'a'), "\tbbbbb\n", std::string(65530, 'a'), "\tbbbbbb\n",
                   std::string(70000, 'c'), "\t\n\\.\n\n\n");
  const Digest whole = DigestOf({"b", "a"}, stream, stream.size());
  EXPECT_EQ(whole.rows, 4);
  for (const size_t cut : {1, 2, 3, 1000, 65535, 65536, 65537})
    EXPECT_EQ(DigestOf({"b", "a"}, stream, cut), whole) << cut;
}

TEST(RowDigester, GivesTheSameForShuffledRowsAndColumns) {
  EXPECT_TRUE(rc::check([] {
    const size_t width = *rc::gen::inRange<size_t>(1, 6);
    const auto field = rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab\\N0")));
    auto rows = *rc::gen::container<std::vector<std::vector<std::string>>>(
        rc::gen::container<std::vector<std::string>>(width, field));
    for (std::vector<std::string>& row : rows) {
      if (row[0] == "\\." || width == 1) row[0] += "x";
    }
    std::vector<size_t> order(width);
    for (size_t i = 0; i < width; ++i) order[i] = i;
    const auto stream = [&] {
      std::string text;
      for (const auto& row : rows) {
        std::vector<std::string> fields;
        for (const size_t i : order) fields.push_back(row[i]);
        absl::StrAppend(&text, absl::StrJoin(fields, "\t"), "\n");
      }
      std::vector<std::string> columns;
      for (const size_t i : order) columns.push_back(absl::StrCat("c", i));
      return DigestOf(columns, text, *rc::gen::inRange<size_t>(1, 30));
    };
    const Digest digest = stream();
    std::reverse(rows.begin(), rows.end());
    std::rotate(order.begin(), order.begin() + static_cast<ptrdiff_t>(*rc::gen::inRange<size_t>(0, width)),
                order.end());
    RC_ASSERT(stream() == digest);
    RC_ASSERT(digest.rows == rows.size());
  }));
}

TEST(RowDigester, RefusesWhatCopyDoesNotWrite) {
  const std::string value(100000, 'v');
  for (const std::string& stream :
       {std::string("1\t2\t3\n"), std::string("1\n"), std::string("1\t2"), std::string("\\.\n1\t2\n"),
        absl::StrCat(value, "\n"), absl::StrCat(value, "\t1\t2\n"), absl::StrCat("1\t", value)}) {
    const absl::StatusOr<Digest> digest = TryDigest({"b", "a"}, stream);
    EXPECT_EQ(digest.status().code(), absl::StatusCode::kDataLoss) << stream.substr(0, 20);
    EXPECT_EQ(DetailsOf(digest.status()).reason, "DUMP_DAMAGED");
  }
}

}  // namespace
}  // namespace croft::agent
