#include "agent/dump_format/reader.h"

#include <rapidcheck.h>

#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/agent/support/dump/parsed_dump.h"

namespace croft::agent {
namespace {

using testing::HasSubstr;

ParsedDump Small() {
  ParsedDump dump;
  dump.toc.database = "d";
  dump.toc.server_version = "15.20";
  dump.toc.dump_version = "15.20";
  dump.toc.entries = {{.dump_id = 1,
                       .catalog_table = "1259",
                       .oid = "16384",
                       .tag = "t",
                       .kind = "TABLE",
                       .section = Section::kPreData,
                       .definition = "CREATE TABLE \"public\".\"t\" (\"i\" integer);\n",
                       .schema = "public",
                       .owner = "app"},
                      {.dump_id = 7,
                       .has_data = true,
                       .catalog_table = "1259",
                       .oid = "16384",
                       .tag = "t",
                       .kind = "TABLE DATA",
                       .section = Section::kData,
                       .copy_statement = "COPY \"public\".\"t\" (\"i\") FROM stdin;\n",
                       .schema = "public",
                       .owner = "app",
                       .dependencies = {1}},
                      {.dump_id = 8,
                       .has_data = true,
                       .catalog_table = "0",
                       .oid = "0",
                       .tag = "BLOBS",
                       .kind = "BLOBS",
                       .section = Section::kData}};
  dump.tables[7] = "1\n2\n";
  dump.large_objects[8] = {{5, "five"}, {0xfedcba98, ""}, {0x80000000, "x"}};
  return dump;
}

void ExpectError(const absl::StatusOr<ParsedDump>& read, absl::StatusCode code, absl::string_view reason,
                 const std::string& words) {
  EXPECT_EQ(read.status().code(), code) << read.status();
  EXPECT_EQ(DetailsOf(read.status()).reason, reason);
  EXPECT_THAT(std::string(read.status().message()), HasSubstr(words));
}

void ExpectDamaged(const absl::StatusOr<ParsedDump>& read, const std::string& words) {
  ExpectError(read, absl::StatusCode::kDataLoss, "DUMP_DAMAGED", words);
}

TEST(DumpReader, ReadsWhatIsWrittenInEveryVersion) {
  EXPECT_TRUE(rc::check([] {
    ParsedDump dump = Small();
    const auto text = rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
    dump.toc.entries[0].definition = *text;
    dump.toc.entries[0].owner = *text;
    dump.toc.entries[1].dependencies =
        *rc::gen::container<std::vector<int32_t>>(rc::gen::positive<int32_t>());
    dump.tables[7] = *rc::gen::arbitrary<std::string>();
    dump.large_objects[8][0].bytes = *rc::gen::arbitrary<std::string>();
    dump.large_objects[8][1].oid = *rc::gen::nonZero<uint32_t>();
    DumpLayout layout{.minor = *rc::gen::inRange(14, 17), .chunk_bytes = *rc::gen::inRange<size_t>(1, 9)};
    if (layout.minor == 16) dump.toc.entries[0].relation_kind = 'r';
    const absl::StatusOr<ParsedDump> read =
        ParseDump(WriteDump(dump, layout), *rc::gen::inRange<size_t>(1, 40));
    RC_ASSERT(read.ok());
    RC_ASSERT(read->toc.entries == dump.toc.entries);
    RC_ASSERT(read->tables == dump.tables);
    RC_ASSERT(read->large_objects == dump.large_objects);
    RC_ASSERT(read->toc.version == (FormatVersion{1, layout.minor, 0}));
  }));
}

TEST(DumpReader, ReadsSeveralEntriesOfLargeObjects) {
  ParsedDump dump = Small();
  dump.toc.entries.push_back(dump.toc.entries.back());
  dump.toc.entries.back().dump_id = 9;
  dump.large_objects[9] = {{77, "seven"}};
  const absl::StatusOr<ParsedDump> read = ParseDump(WriteDump(dump, {.minor = 16}));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->large_objects, dump.large_objects);
}

TEST(DumpReader, RefusesOtherVersionsByName) {
  for (const int minor : {13, 17, 99}) {
    ExpectError(ParseDump(WriteDump(Small(), {.minor = minor})), absl::StatusCode::kFailedPrecondition,
                "DUMP_FORMAT_UNKNOWN", absl::StrCat("it has format version 1.", minor, ";"));
  }
  std::string next_major = WriteDump(Small());
  next_major[5] = 2;
  ExpectError(ParseDump(next_major), absl::StatusCode::kFailedPrecondition, "DUMP_FORMAT_UNKNOWN", "2.14");
}

TEST(DumpReader, RefusesCompressedDumps) {
  std::string level = WriteDump(Small());
  level[12] = 6;
  std::string algorithm = WriteDump(Small(), {.minor = 15});
  algorithm[11] = 1;
  for (const std::string& dump : {level, algorithm}) {
    ExpectError(ParseDump(dump), absl::StatusCode::kFailedPrecondition, "DUMP_FORMAT_UNKNOWN",
                "compressed");
  }
}

TEST(DumpReader, RefusesOtherLayouts) {
  for (const size_t at : {8, 9, 10}) {
    std::string dump = WriteDump(Small());
    dump[at] = 3;
    ExpectError(ParseDump(dump), absl::StatusCode::kFailedPrecondition, "DUMP_FORMAT_UNKNOWN",
                "cannot read");
  }
  ExpectDamaged(ParseDump("-- PostgreSQL database dump\n"), "does not begin");
}

TEST(DumpReader, RefusesADumpThatEndsAnywhereTooEarly) {
  const std::string dump = WriteDump(Small());
  for (size_t size = 0; size < dump.size(); ++size)
    ExpectDamaged(ParseDump(dump.substr(0, size)), "too early");
}

TEST(DumpReader, RefusesWhatFollowsTheEnd) {
  ExpectDamaged(ParseDump(WriteDump(Small()) + "x"), "no known type");
}

TEST(DumpReader, RefusesImpossibleEntries) {
  const auto with = [](auto change) {
    ParsedDump dump = Small();
    change(dump.toc.entries);
    return ParseDump(WriteDump(dump, {.minor = 16}));
  };
  ExpectDamaged(with([](auto& entries) { entries[0].dump_id = 0; }), "impossible number");
  ExpectDamaged(with([](auto& entries) { entries[0].dump_id = -3; }), "impossible number");
  ExpectDamaged(with([](auto& entries) { entries[0].dump_id = 7; }), "impossible number");
  ExpectDamaged(with([](auto& entries) { entries[0].oid = "1x"; }), "OID");
  ExpectDamaged(with([](auto& entries) { entries[0].catalog_table = "-1"; }), "OID");
  ExpectDamaged(with([](auto& entries) { entries[0].kind = ""; }), "no kind");
  ExpectDamaged(with([](auto& entries) { entries[0].tag = std::string("a\0b", 3); }), "zero byte");
  ExpectDamaged(with([](auto& entries) { entries[0].section = static_cast<Section>(4); }), "section");
  ExpectDamaged(with([](auto& entries) { entries[0].relation_kind = -2; }), "relation");
}

TEST(DumpReader, RefusesDataOfTheWrongEntry) {
  const auto with = [](auto change) {
    ParsedDump dump = Small();
    change(dump);
    return WriteDump(dump);
  };
  // A block for each entry: the writer gives none to an entry that has no data.
  const std::string rest = with([](ParsedDump& dump) { dump.toc.entries[1].has_data = false; });
  EXPECT_TRUE(ParseDump(rest).ok());
  ExpectDamaged(ParseDump(with([](ParsedDump& dump) { dump.large_objects.clear(); })),
                "of the kind of their entry");
  ExpectDamaged(ParseDump(with([](ParsedDump& dump) { dump.toc.entries[1].kind = "BLOBS"; })),
                "of the kind of their entry");
  // The block of entry 7 says that it is that of entry 8.
  std::string dump = with([](ParsedDump&) {});
  const std::string block("\x01\x00\x07\x00\x00\x00", 6);
  const size_t at = dump.find(block);
  ASSERT_NE(at, std::string::npos);
  dump[at + 2] = 8;
  ExpectDamaged(ParseDump(dump), "whose turn it is");
}

TEST(DumpReader, BoundsWhatATextOfAHostileDumpTakes) {
  std::string dump = WriteDump(Small());
  const size_t at = dump.find("TABLE DATA");
  dump.replace(at - 4, 4, "\xff\xff\xff\x7f", 4);
  ExpectDamaged(ParseDump(dump), "too large");
  dump[at - 5] = 1;
  ExpectDamaged(ParseDump(dump), "impossible length");
}

TEST(DumpReader, KeepsItsFirstError) {
  class Refusing final : public DumpVisitor {
   public:
    absl::Status OnToc(const Toc&) override { return absl::UnavailableError("no"); }
    absl::Status OnDataBegin(const TocEntry&) override { return absl::OkStatus(); }
    absl::Status OnDataEnd(const TocEntry&) override { return absl::OkStatus(); }
    absl::Status OnTableBytes(const TocEntry&, absl::string_view) override { return absl::OkStatus(); }
    absl::Status OnLargeObjectBegin(const TocEntry&, uint32_t) override { return absl::OkStatus(); }
    absl::Status OnLargeObjectBytes(const TocEntry&, uint32_t, absl::string_view) override {
      return absl::OkStatus();
    }
    absl::Status OnLargeObjectEnd(const TocEntry&, uint32_t) override { return absl::OkStatus(); }
  } visitor;
  DumpReader reader(visitor);
  EXPECT_EQ(reader.Append(WriteDump(Small())), absl::UnavailableError("no"));
  EXPECT_EQ(reader.Append("x"), absl::UnavailableError("no"));
  EXPECT_EQ(reader.Finish(), absl::UnavailableError("no"));
}

}  // namespace
}  // namespace croft::agent
