#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/dump_format/compare.h"
#include "tests/agent/dump_format/oracle/real_dump.h"
#include "tests/agent/support/dump/digest_of.h"
#include "tests/agent/support/dump/parsed_dump.h"

namespace croft::agent {
namespace {

using testing::HasSubstr;

const CompareOptions kSameServer = {.source_major = 15, .restored_major = 15};

const std::string& Source() {
  static const std::string dump = RealDatabase(kManyKinds).Dump();
  return dump;
}

std::vector<Finding> Compare(absl::string_view backed_up, absl::string_view restored,
                             const CompareOptions& options = kSameServer) {
  const absl::StatusOr<DumpDigest> here = DigestOf(backed_up);
  const absl::StatusOr<DumpDigest> there = DigestOf(restored);
  EXPECT_TRUE(here.ok()) << here.status();
  EXPECT_TRUE(there.ok()) << there.status();
  if (!here.ok() || !there.ok()) return {};
  return CompareDumps(*here, *there, options);
}

std::string Shown(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    absl::StrAppend(&text, finding.reason, " ", finding.object, ": ", finding.message, "\n");
  }
  return text;
}

std::vector<std::string> Objects(const std::vector<Finding>& findings) {
  std::vector<std::string> objects;
  for (const Finding& finding : findings) objects.push_back(finding.object);
  return objects;
}

TEST(CompareDumps, FindsNothingButRewrittenExpressionsAfterARestore) {
  RealDatabase copy;
  EXPECT_EQ(copy.Restore(Source()), "");
  const std::vector<Finding> findings = Compare(Source(), copy.Dump());
  EXPECT_THAT(Objects(findings),
              testing::UnorderedElementsAre(R"(DOMAIN "shop"."code")", R"(TABLE "shop"."customers")",
                                            R"(INDEX "shop"."customers_lower")"))
      << Shown(findings);
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.severity, Severity::kNote);
    EXPECT_EQ(finding.reason, "EXPRESSION_REWRITTEN");
  }
}

TEST(CompareDumps, FindsNothingAtAllAfterASecondRestore) {
  RealDatabase first;
  first.Restore(Source());
  const std::string once = first.Dump();
  RealDatabase second;
  second.Restore(once);
  const std::vector<Finding> findings = Compare(once, second.Dump());
  EXPECT_TRUE(findings.empty()) << Shown(findings);
}

TEST(CompareDumps, FollowsRolesToTheirNewNames) {
  ParsedDump dump = *ParseDump(Source());
  const RoleNames names = {{"app", "app \"two\""}, {"odd \"role\"", "other"}, {"reader", "reader_2"}};
  for (TocEntry& entry : dump.toc.entries) entry = WithRoles(entry, names);
  CompareOptions options = kSameServer;
  options.roles = names;
  const std::vector<Finding> findings = Compare(Source(), WriteDump(dump), options);
  EXPECT_TRUE(findings.empty()) << Shown(findings);
  EXPECT_GT(Compare(Source(), WriteDump(dump)).size(), 10);
}

// --- damage ----------------------------------------------------------------------------------------------------

struct Damage {
  std::string name;
  std::function<void(ParsedDump&)> make;
  std::string object;  // that is named
  std::string words;   // that the message holds
};

void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

TocEntry& Entry(ParsedDump& dump, absl::string_view kind, absl::string_view tag) {
  TocEntry* entry = dump.Find(kind, tag);
  if (entry == nullptr) {
    ADD_FAILURE() << "no " << kind << " " << tag;
    std::abort();
  }
  return *entry;
}

std::string& Rows(ParsedDump& dump, absl::string_view table) {
  return dump.tables.at(Entry(dump, "TABLE DATA", table).dump_id);
}

// In the definition of an entry; what is replaced must be there.
std::function<void(ParsedDump&)> Edit(const std::string& kind, const std::string& tag,
                                      const std::string& from, const std::string& to) {
  return [=](ParsedDump& dump) {
    TocEntry& entry = Entry(dump, kind, tag);
    const size_t at = entry.definition.find(from);
    ASSERT_NE(at, std::string::npos) << entry.definition;
    entry.definition.replace(at, from.size(), to);
  };
}

std::function<void(ParsedDump&)> EditRows(const std::string& table, const std::string& from,
                                          const std::string& to) {
  return [=](ParsedDump& dump) {
    std::string& rows = Rows(dump, table);
    const size_t at = rows.find(from);
    ASSERT_NE(at, std::string::npos);
    rows.replace(at, from.size(), to);
  };
}

std::function<void(ParsedDump&)> Drop(const std::string& kind, const std::string& tag) {
  return [=](ParsedDump& dump) { dump.Remove(Entry(dump, kind, tag).dump_id); };
}

const std::string kOrders = R"(TABLE "shop"."orders")";
const std::string kCustomers = R"(TABLE "shop"."customers")";
const std::string kOddSchema = "Odd; schema \"q\" $$ \\ é\nnext";

std::vector<Damage> Damages() {
  std::vector<Damage> damages = {
      {"RowDropped", EditRows("orders", "7\t7\torder 7\t2026-01-08\n", ""), kOrders,
       "50 rows in the backup and 49"},
      {"RowDoubled",
       EditRows("orders", "7\t7\torder 7\t2026-01-08\n",
                "7\t7\torder 7\t2026-01-08\n7\t7\torder 7\t2026-01-08\n"),
       kOrders, "50 rows in the backup and 51"},
      {"RowReplacedByItsNeighbour",
       EditRows("orders", "7\t7\torder 7\t2026-01-08", "8\t8\torder 8\t2026-01-09"), kOrders,
       "not the same"},
      {"OneBitOfAValue", EditRows("orders", "order 7", "order 6"), kOrders, "not the same"},
      {"ValuesSwappedBetweenRows",
       [](ParsedDump& dump) {
         EditRows("orders", "7\t7\torder 7", "7\t7\torder 8")(dump);
         EditRows("orders", "8\t8\torder 8", "8\t8\torder 7")(dump);
       },
       kOrders, "not the same"},
      {"NullTurnedEmpty", EditRows("odd\ntable \"x\" $$ ' \\ ü -- no", "\t\\N\t", "\t\t"),
       absl::StrCat("TABLE \"", absl::StrReplaceAll(kOddSchema, {{"\"", "\"\""}}),
                    "\".\"odd\ntable \"\"x\"\" $$ ' \\ ü -- no\""),
       "not the same"},
      {"ValuesSwappedInARow", EditRows("child", "1\t1001\t", "1001\t1\t"), R"(TABLE "shop"."child")",
       "not the same"},
      {"RowOfATableWithoutColumns", EditRows("nothing", "\n\n\\.", "\n\\."), R"(TABLE "shop"."nothing")",
       "2 rows in the backup and 1"},
      {"RowsMovedBetweenTables",
       [](ParsedDump& dump) {
         EditRows("events_a", "2026-01-05\te4\n", "")(dump);
         Rows(dump, "events_b").insert(0, "2026-01-05\te4\n");
       },
       R"(TABLE "shop"."events_b")", "rows in the backup and"},
      {"PartitionsSwapped",
       [](ParsedDump& dump) { std::swap(Rows(dump, "events_a"), Rows(dump, "events_b")); },
       R"(TABLE "shop"."events_a")", "rows in the backup and"},
      {"AttachmentSwapped", Edit("TABLE ATTACH", "events_a", "2026-02-01", "2026-02-02"),
       R"(TABLE "shop"."events_a")", "defined differently"},
      {"RowLostBelowAHashedTable",
       [](ParsedDump& dump) {
         std::string& rows =
             Rows(dump, "paint_2").size() > 20 ? Rows(dump, "paint_2") : Rows(dump, "paint_0");
         rows.erase(0, rows.find('\n') + 1);
       },
       R"(TABLE "shop"."paint")", "80 rows in the backup and 79"},
      {"LargeObjectsLastByte",
       [](ParsedDump& dump) {
         for (LargeObject& object : dump.large_objects.begin()->second) {
           if (object.oid == 2000) object.bytes.back() = static_cast<char>(object.bytes.back() ^ 1);
         }
       },
       "LARGE OBJECT 2000", "not the same"},
      {"LargeObjectCut",
       [](ParsedDump& dump) { dump.large_objects.begin()->second.front().bytes.pop_back(); },
       "LARGE OBJECT 1000", "5 bytes in the backup and 4"},
      {"LargeObjectsSwapped",
       [](ParsedDump& dump) {
         auto& objects = dump.large_objects.begin()->second;
         std::swap(objects.front().bytes, objects.back().bytes);
       },
       "LARGE OBJECT 1000", "bytes in the backup"},
      {"LargeObjectMissing", [](ParsedDump& dump) { dump.large_objects.begin()->second.pop_back(); },
       "LARGE OBJECT 4000000000", "not in the restored"},
      {"LargeObjectsOwner", [](ParsedDump& dump) { Entry(dump, "BLOB", "1000").owner = "reader"; },
       "LARGE OBJECT 1000", "belongs to \"reader\""},
      {"LargeObjectsGrant", Drop("ACL", "LARGE OBJECT 1000"), "GRANTS ON LARGE OBJECT 1000",
       "Only in the backup"},
      {"SequencesValue", Edit("SEQUENCE SET", "counter", "10, true", "10, false"),
       R"(SEQUENCE "shop"."counter")", "10, called: true in the backup and at 10, called: false"},
      {"SequencesStep", Edit("SEQUENCE", "counter", "INCREMENT BY 3", "INCREMENT BY 4"),
       R"(SEQUENCE "shop"."counter")", "defined differently"},
      {"PolicysRole", Edit("POLICY", "customers mine", "TO \"app\"", "TO \"reader\""),
       R"(POLICY "mine" ON "shop"."customers")", "defined differently"},
      {"PolicysRoleLost", Edit("POLICY", "customers mine", ", \"odd \"\"role\"\"\"", ""),
       R"(POLICY "mine" ON "shop"."customers")", "defined differently"},
      {"PolicysExpression", Edit("POLICY", "customers mine", "'a'", "'b'"),
       R"(POLICY "mine" ON "shop"."customers")", "defined differently"},
      {"PolicyMissing", Drop("POLICY", "customers mine"), R"(POLICY "mine" ON "shop"."customers")",
       "not in the restored"},
      {"RowSecurityOff", Drop("ROW SECURITY", "customers"), R"(ROW SECURITY "shop"."customers")",
       "not in the restored"},
      {"GrantLost", Edit("ACL", "TABLE \"orders\"", "SELECT,INSERT", "SELECT"),
       R"(GRANTS ON TABLE "shop"."orders")", "Only restored: GRANT SELECT ON"},
      {"GrantToAnother", Edit("ACL", "TABLE \"orders\"", "\"reader\"", "\"app\""),
       R"(GRANTS ON TABLE "shop"."orders")", "Only in the backup: GRANT SELECT , INSERT"},
      {"GrantMissing", Drop("ACL", "TABLE \"orders\""), R"(GRANTS ON TABLE "shop"."orders")",
       "Only in the backup"},
      {"GrantOfAColumn", Edit("ACL", "COLUMN \"orders\".\"note\"", " WITH GRANT OPTION", ""),
       R"(GRANTS ON TABLE "shop"."orders")", "WITH GRANT OPTION"},
      {"GrantAdded",
       [](ParsedDump& dump) {
         Entry(dump, "ACL", "TABLE \"orders\"").definition +=
             "GRANT DELETE ON TABLE \"shop\".\"orders\" TO \"reader\";\n";
       },
       R"(GRANTS ON TABLE "shop"."orders")", "Only restored: GRANT DELETE"},
      {"DefaultPrivileges", Edit("DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", "SELECT", "INSERT"),
       R"(DEFAULT PRIVILEGES FOR TABLES IN SCHEMA "shop")", "Only in the backup"},
      {"DefaultPrivilegesMissing", Drop("DEFAULT ACL", "DEFAULT PRIVILEGES FOR FUNCTIONS"),
       "DEFAULT PRIVILEGES FOR FUNCTIONS", "Only in the backup"},
      {"ColumnsDefault", Edit("TABLE", "customers", "nobody", "somebody"), kCustomers,
       "defined differently"},
      {"DefaultOfAnIdentity",
       Edit("SEQUENCE", "customers_id_seq", "GENERATED ALWAYS", "GENERATED BY DEFAULT"),
       R"(SEQUENCE "shop"."customers_id_seq")", "defined differently"},
      {"ColumnsType", Edit("TABLE", "customers", "numeric(10,2)", "numeric(10,3)"), kCustomers,
       "defined differently"},
      {"NotNullLost", Edit("TABLE", "orders", "\"at\" \"date\" NOT NULL", "\"at\" \"date\""), kOrders,
       "defined differently"},
      {"ColumnsOrder",
       Edit("TABLE", "orders", "\"id\" integer NOT NULL,\n    \"customer\" bigint,",
            "\"customer\" bigint,\n    \"id\" integer NOT NULL,"),
       kOrders, "defined differently"},
      {"ColumnRenamed",
       [](ParsedDump& dump) {
         TocEntry& data = Entry(dump, "TABLE DATA", "orders");
         data.copy_statement = absl::StrReplaceAll(data.copy_statement, {{"\"note\"", "\"nota\""}});
       },
       kOrders, "the columns at, customer, id, note in the backup and at, customer, id, nota"},
      {"ColumnsSwapped",
       [](ParsedDump& dump) {
         TocEntry& data = Entry(dump, "TABLE DATA", "orders");
         data.copy_statement = absl::StrReplaceAll(
             data.copy_statement,
             {{"\"id\", \"customer\"", "\"customer\", \"id\""}, {"\"note\", \"at\"", "\"at\", \"note\""}});
       },
       kOrders, "not the same"},
      {"CheckLost", Edit("TABLE", "customers", "'it''s'", "'its'"), kCustomers, "defined differently"},
      {"GeneratedExpression", Edit("TABLE", "customers", "(2)::numeric", "(3)::numeric"), kCustomers,
       "defined differently"},
      {"TableMissing",
       [](ParsedDump& dump) {
         Drop("TABLE DATA", "empty")(dump);
         Drop("TABLE", "empty")(dump);
       },
       R"(TABLE "shop"."empty")", "not in the restored"},
      {"RowsMissing", Drop("TABLE DATA", "orders"), kOrders, "holds 50 rows"},
      {"TableAdded",
       [](ParsedDump& dump) {
         TocEntry added = Entry(dump, "TABLE", "empty");
         added.dump_id = 999999;
         added.tag = "added";
         dump.toc.entries.push_back(added);
       },
       R"(TABLE "shop"."added")", "not in the backup"},
      {"Owner", [](ParsedDump& dump) { Entry(dump, "TABLE", "customers").owner = "reader"; }, kCustomers,
       "belongs to \"reader\""},
      {"SchemasOwner", [](ParsedDump& dump) { Entry(dump, "SCHEMA", "shop").owner = "reader"; },
       R"(SCHEMA "shop")", "belongs to \"reader\""},
      {"Comment", Edit("COMMENT", "COLUMN \"customers\".\"name\"", "break", "brake"),
       R"(COMMENT ON COLUMN "shop"."customers"."name")", "defined differently"},
      {"CommentMissing", Drop("COMMENT", "SCHEMA \"shop\""), R"(COMMENT ON SCHEMA "shop")",
       "not in the restored"},
      {"Index", Edit("INDEX", "customers_lower", "\"lower\"", "\"upper\""),
       R"(INDEX "shop"."customers_lower")", "defined differently"},
      {"IndexMissing", Drop("INDEX", "customers_lower"), R"(INDEX "shop"."customers_lower")",
       "not in the restored"},
      {"Constraint",
       Edit("CONSTRAINT", "customers odd \"constraint\"", "UNIQUE (\"name\", \"kind\")",
            "UNIQUE (\"name\")"),
       R"(CONSTRAINT "odd ""constraint""" ON "shop"."customers")", "defined differently"},
      {"ForeignKey", Edit("FK CONSTRAINT", "orders orders_customer_fkey", " ON DELETE CASCADE", ""),
       R"(FK CONSTRAINT "orders_customer_fkey" ON "shop"."orders")", "defined differently"},
      {"Trigger", Edit("TRIGGER", "orders guarded", "DISABLE", "ENABLE"),
       R"(TRIGGER "guarded" ON "shop"."orders")", "defined differently"},
      {"Rule", Edit("RULE", "empty quiet", "DELETE", "UPDATE"), R"(RULE "quiet" ON "shop"."empty")",
       "defined differently"},
      {"ViewsBody", Edit("VIEW", "sums", "'z'", "'y'"), R"(VIEW "shop"."sums")", "defined differently"},
      {"FunctionsBody", Edit("FUNCTION", "guard()", "RETURN NEW", "RETURN OLD"),
       R"(FUNCTION "shop"."guard"())", "defined differently"},
      {"FunctionsWhiteSpaceInALiteral", Edit("FUNCTION", "guard()", "\nBEGIN", "\n BEGIN"),
       R"(FUNCTION "shop"."guard"())", "defined differently"},
      {"EnumsOrder", Edit("TYPE", "colour", "'red',\n    'green'", "'green',\n    'red'"),
       R"(TYPE "shop"."colour")", "defined differently"},
      {"Domain", Edit("DOMAIN", "code", "'zz'", "'z'"), R"(DOMAIN "shop"."code")", "defined differently"},
      {"Publication", Edit("PUBLICATION TABLE", "orders orders", "3", "4"),
       R"(PUBLICATION TABLE "shop"."orders orders")", "defined differently"},
      {"Statistics", Drop("STATISTICS", "customers_stats"), R"(STATISTICS "shop"."customers_stats")",
       "not in the restored"},
      {"AccessMethod", [](ParsedDump& dump) { Entry(dump, "TABLE", "orders").access_method = "columnar"; },
       kOrders, "access method"},
      {"NoRowsAtAll", [](ParsedDump& dump) { Rows(dump, "orders").clear(); }, kOrders,
       "50 rows in the backup and 0"},
      {"ARowOfAnEmptyTable", [](ParsedDump& dump) { Rows(dump, "empty") = "1\n"; },
       R"(TABLE "shop"."empty")", "0 rows in the backup and 1"},
      {"AByteInAnEmptyLargeObject",
       [](ParsedDump& dump) { dump.large_objects.begin()->second[1].bytes = std::string(1, '\0'); },
       "LARGE OBJECT 1500", "0 bytes in the backup and 1"},
      {"PolicyForAll", Edit("POLICY", "customers mine", " TO \"app\"", " TO PUBLIC, \"app\""),
       R"(POLICY "mine" ON "shop"."customers")", "defined differently"},
      {"LabelOfAnEnum", Edit("TYPE", "colour", "'grey'", "'gray'"), R"(TYPE "shop"."colour")",
       "defined differently"},
      {"CommentOfALargeObject", Edit("COMMENT", "LARGE OBJECT 1000", "a large", "A large"),
       "COMMENT ON LARGE OBJECT 1000", "defined differently"},
      {"ExtensionsSchema", Edit("EXTENSION", "citext", "\"shop\"", "\"public\""), R"(EXTENSION "citext")",
       "defined differently"},
  };
  return damages;
}

class CompareDumpsAfterDamage : public testing::TestWithParam<Damage> {};

TEST_P(CompareDumpsAfterDamage, NamesWhatIsDifferent) {
  ParsedDump dump = *ParseDump(Source());
  ASSERT_TRUE(Compare(Source(), WriteDump(dump, {.a_chunk_per_row = true})).empty());
  GetParam().make(dump);
  const std::vector<Finding> findings = Compare(Source(), WriteDump(dump));
  ASSERT_FALSE(findings.empty());
  const auto is_named = [](const std::vector<Finding>& found, absl::string_view words) {
    return std::any_of(found.begin(), found.end(), [&](const Finding& finding) {
      return finding.severity == Severity::kDifferent && finding.reason == "CONTENT_DIFFERS" &&
             finding.object == GetParam().object && absl::StrContains(finding.message, words);
    });
  };
  EXPECT_TRUE(is_named(findings, GetParam().words)) << Shown(findings);
  EXPECT_LE(findings.size(), 3U) << Shown(findings);
  // The other way round, too: nothing is found only because the backup has it.
  const std::vector<Finding> backwards = Compare(WriteDump(dump), Source());
  EXPECT_TRUE(is_named(backwards, "")) << Shown(backwards);
}

INSTANTIATE_TEST_SUITE_P(Kinds, CompareDumpsAfterDamage, testing::ValuesIn(Damages()),
                         [](const auto& kind) { return kind.param.name; });

// --- what is known ---------------------------------------------------------------------------------------------

TEST(CompareDumps, DoesNotReportAgainWhatIsKnownToBeMissing) {
  ParsedDump dump = *ParseDump(Source());
  CompareOptions options = kSameServer;
  options.missing = {Entry(dump, "TABLE", "customers").dump_id, Entry(dump, "TABLE DATA", "orders").dump_id,
                     Entry(dump, "FUNCTION", "guard()").dump_id};
  // What a restore leaves then: none of what depends on them, and a table without its rows.
  std::set<int32_t> gone = options.missing;
  gone.erase(Entry(dump, "TABLE DATA", "orders").dump_id);
  for (const TocEntry& entry : dump.toc.entries) {
    for (const int32_t on : entry.dependencies) {
      if (gone.count(on) > 0) gone.insert(entry.dump_id);
    }
  }
  EXPECT_GT(gone.size(), 10U);
  Rows(dump, "orders") = "\\.\n\n\n";
  for (const int32_t id : gone) dump.Remove(id);
  const std::vector<Finding> findings = Compare(Source(), WriteDump(dump), options);
  EXPECT_TRUE(findings.empty()) << Shown(findings);
  EXPECT_GT(Compare(Source(), WriteDump(dump)).size(), 10U);
}

TEST(CompareDumps, TakesOtherWordsOfAnotherMajorVersionForANote) {
  ParsedDump dump = *ParseDump(Source());
  Edit("VIEW", "sums", "'z'", "'y'")(dump);
  CompareOptions options{.source_major = 15, .restored_major = 17};
  std::vector<Finding> findings = Compare(Source(), WriteDump(dump, {.minor = 16}), options);
  ASSERT_EQ(findings.size(), 1U) << Shown(findings);
  EXPECT_EQ(findings[0].severity, Severity::kNote);
  EXPECT_EQ(findings[0].reason, "DEFINITION_REWRITTEN");
  EXPECT_THAT(findings[0].message, HasSubstr("'y'"));
  for (const char* name : {"OneBitOfAValue", "LargeObjectsLastByte", "SequencesValue", "GrantLost",
                           "PolicysRole", "Owner", "ColumnRenamed", "TableMissing", "TableAdded"}) {
    for (const Damage& damage : Damages()) {
      if (damage.name != name) continue;
      ParsedDump damaged = *ParseDump(Source());
      damage.make(damaged);
      findings = Compare(Source(), WriteDump(damaged), options);
      ASSERT_FALSE(findings.empty()) << name;
      EXPECT_EQ(findings[0].severity, Severity::kDifferent) << Shown(findings);
    }
  }
}

TEST(CompareDumps, TakesEntriesOfManyLargeObjectsForThatOfEach) {
  // As pg_dump 17 writes them.
  ParsedDump dump = *ParseDump(Source());
  Entry(dump, "BLOB", "1500").kind = "BLOB METADATA";
  dump.Find("BLOB METADATA", "1500")->definition = "1500\n2000\n";
  Drop("BLOB", "2000")(dump);
  Entry(dump, "BLOB METADATA", "1500").tag = "1500..2000";
  std::vector<Finding> findings = Compare(Source(), WriteDump(dump, {.minor = 16}));
  EXPECT_TRUE(findings.empty()) << Shown(findings);
  dump.Find("BLOB METADATA")->owner = "reader";
  findings = Compare(Source(), WriteDump(dump, {.minor = 16}));
  EXPECT_EQ(Objects(findings), (std::vector<std::string>{"LARGE OBJECT 1500", "LARGE OBJECT 2000"}));
}

TEST(CompareDumps, ComparesTheGrantsThatWereNotLeftOut) {
  ParsedDump dump = *ParseDump(Source());
  const int32_t grants = Entry(dump, "ACL", "TABLE \"orders\"").dump_id;
  Entry(dump, "ACL", "TABLE \"orders\"").definition +=
      "GRANT DELETE ON TABLE \"shop\".\"orders\" TO \"stranger\";\n";
  const std::string backed_up = WriteDump(dump);
  CompareOptions options = kSameServer;
  options.left_out_grants = {{grants, {"stranger"}}};
  std::vector<Finding> findings = Compare(backed_up, Source(), options);
  EXPECT_TRUE(findings.empty()) << Shown(findings);
  EXPECT_EQ(Compare(backed_up, Source()).size(), 1U);
  ParsedDump restored = *ParseDump(Source());
  Edit("ACL", "TABLE \"orders\"", "SELECT,INSERT", "SELECT")(restored);
  findings = Compare(backed_up, WriteDump(restored), options);
  EXPECT_EQ(Objects(findings), (std::vector<std::string>{R"(GRANTS ON TABLE "shop"."orders")"}));
}

TEST(CompareDumps, DoesNotMissTheBytesOfALargeObjectThatWasLeftOut) {
  ParsedDump dump = *ParseDump(Source());
  CompareOptions options = kSameServer;
  options.missing = {Entry(dump, "BLOB", "1000").dump_id};
  std::vector<LargeObject>& objects = dump.large_objects.begin()->second;
  std::erase_if(objects, [](const LargeObject& object) { return object.oid == 1000; });
  for (const char* kind : {"BLOB", "COMMENT", "ACL"}) {
    const std::string tag = absl::StrCat(kind == std::string("BLOB") ? "" : "LARGE OBJECT ", 1000);
    Drop(kind, tag)(dump);
  }
  std::vector<Finding> findings = Compare(Source(), WriteDump(dump), options);
  EXPECT_TRUE(findings.empty()) << Shown(findings);
  objects.front().bytes += "x";
  findings = Compare(Source(), WriteDump(dump), options);
  EXPECT_EQ(Objects(findings), std::vector<std::string>{"LARGE OBJECT 1500"});
}

TEST(CompareDumps, FindsNothingWhereAChildHadAColumnBeforeItInheritedIt) {
  const std::string before = RealDatabase(R"(
    CREATE TABLE layer (id int); CREATE TABLE stamped (stamp timestamptz);
    CREATE TABLE roads (extent text, outline path) INHERITS (layer);
    ALTER TABLE roads ADD stamp timestamptz, ALTER extent SET STORAGE EXTERNAL, ALTER stamp SET STATISTICS 9;
    ALTER TABLE roads INHERIT stamped; INSERT INTO roads VALUES (1, 'a', NULL, '2026-01-01');)")
                                 .Dump();
  RealDatabase copy;
  EXPECT_EQ(copy.Restore(before), "");
  const std::string after = copy.Dump();
  const std::vector<Finding> findings = Compare(before, after);
  EXPECT_TRUE(findings.empty()) << Shown(findings);
  ParsedDump damaged = *ParseDump(after);
  Edit("TABLE", "roads", "timestamp with time zone", "timestamp without time zone")(damaged);
  EXPECT_EQ(Objects(Compare(before, WriteDump(damaged))),
            std::vector<std::string>{R"(TABLE "public"."roads")"});
}

}  // namespace
}  // namespace croft::agent
