#include <algorithm>
#include <string>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <gtest/gtest.h>

#include "tests/agent/dump_format/oracle/real_dump.h"
#include "tests/agent/support/dump/parsed_dump.h"

namespace croft::agent {
namespace {

const std::string& RealDump() {
  static const std::string dump = RealDatabase(kManyKinds).Dump();
  return dump;
}

// A line of `pg_restore -l`.
std::string ListLine(const TocEntry& entry) {
  const auto in_one_line = [](const std::string& name) {
    return absl::StrReplaceAll(name, {{"\n", " "}, {"\r", " "}});
  };
  return absl::StrCat(entry.dump_id, "; ", entry.catalog_table, " ", entry.oid, " ", entry.kind, " ",
                      entry.schema.empty() ? "-" : in_one_line(entry.schema), " ", in_one_line(entry.tag),
                      " ", in_one_line(entry.owner));
}

TEST(DumpReaderByPgRestore, ReadsTheTableOfContentsThatPgRestoreLists) {
  const ParsedDump dump = *ParseDump(RealDump());
  std::vector<std::string> listed;
  for (const absl::string_view line :
       absl::StrSplit(PgRestore(RealDump(), {"-l"}), '\n', absl::SkipEmpty())) {
    if (!absl::StartsWith(line, ";")) listed.emplace_back(line);
  }
  std::vector<std::string> read;
  for (const TocEntry& entry : dump.toc.entries) {
    // Listed are only those that the server is told.
    const std::vector<std::string> silent = {"ENCODING", "STDSTRINGS", "SEARCHPATH", "DATABASE"};
    if (std::count(silent.begin(), silent.end(), entry.kind) == 0) read.push_back(ListLine(entry));
  }
  EXPECT_GT(read.size(), 90);
  EXPECT_EQ(read, listed);
  EXPECT_EQ(dump.toc.version, (FormatVersion{1, 14, 0}));
  EXPECT_TRUE(absl::StartsWith(dump.toc.server_version, "15.")) << dump.toc.server_version;
}

TEST(DumpReaderByPgRestore, ReadsTheRowsThatPgRestoreWrites) {
  const ParsedDump dump = *ParseDump(RealDump());
  const std::string script = PgRestore(RealDump(), {"--data-only"});
  size_t tables = 0;
  for (const TocEntry& entry : dump.toc.entries) {
    if (entry.kind != "TABLE DATA") continue;
    ++tables;
    EXPECT_TRUE(
        absl::StrContains(script, absl::StrCat(entry.copy_statement, dump.tables.at(entry.dump_id))))
        << entry.tag;
  }
  EXPECT_GT(tables, 10);
}

TEST(DumpReaderByPgRestore, ReadsEveryDefinitionThatPgRestoreWrites) {
  const ParsedDump dump = *ParseDump(RealDump());
  const std::string script = PgRestore(RealDump(), {});
  for (const TocEntry& entry : dump.toc.entries) {
    if (entry.section == Section::kData || entry.kind == "DATABASE" || entry.kind == "STDSTRINGS") continue;
    EXPECT_TRUE(absl::StrContains(script, entry.definition)) << entry.kind << " " << entry.tag;
  }
}

TEST(DumpReaderByPgRestore, ReadsLargeObjectsOfEverySize) {
  const ParsedDump dump = *ParseDump(RealDump());
  ASSERT_EQ(dump.large_objects.size(), 1);
  std::string ones;
  for (int i = 0; i < 300000; ++i) ones.append("\x00\xff", 2);
  const std::vector<LargeObject> expected = {
      {1000, "small"}, {1500, ""}, {2000, ones}, {4000000000, "a high number"}};
  EXPECT_TRUE(dump.large_objects.begin()->second == expected);
}

TEST(DumpReaderByPgRestore, GivesTheSameForEveryCut) {
  const ParsedDump whole = *ParseDump(RealDump(), RealDump().size());
  for (const size_t cut : {size_t{1}, size_t{3}, size_t{7}, size_t{1000}}) {
    const absl::StatusOr<ParsedDump> read = ParseDump(RealDump(), cut);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(read->toc.entries == whole.toc.entries && read->tables == whole.tables &&
                read->large_objects == whole.large_objects)
        << cut;
  }
}

}  // namespace
}  // namespace croft::agent
