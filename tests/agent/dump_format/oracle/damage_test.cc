#include <functional>
#include <string>
#include <vector>

#include <absl/strings/str_replace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/dump_format/compare.h"
#include "agent/dump_format/digest.h"
#include "agent/dump_format/reader.h"
#include "common/crypto/keyed_hash.h"
#include "tests/agent/dump_format/oracle/real_dump.h"
#include "tests/agent/support/dump/parsed_dump.h"

// Changes of the plaintext of a real dump, each written as a whole and valid dump again: the comparison finds every
// one, and names the object.
namespace croft::agent {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::HasSubstr;

DumpDigest DigestOf(const std::string& bytes) {
  static const std::string key(crypto::kHashKeyBytes, 'k');
  DumpDigester digester(key);
  DumpReader reader(digester);
  EXPECT_TRUE(reader.Append(bytes).ok());
  const absl::Status finished = reader.Finish();
  EXPECT_TRUE(finished.ok()) << finished;
  return digester.Take();
}

const std::string& RealDump() {
  static const std::string dump = RealDatabase(kManyKinds).Dump();
  return dump;
}

TocEntry& Entry(ParsedDump& dump, absl::string_view kind, absl::string_view tag) {
  TocEntry* entry = dump.Find(kind, tag);
  EXPECT_NE(entry, nullptr) << kind << " " << tag;
  static TocEntry none;
  return entry == nullptr ? none : *entry;
}

std::string& Rows(ParsedDump& dump, absl::string_view table) {
  return dump.tables.at(Entry(dump, "TABLE DATA", table).dump_id);
}

void Replace(std::string& text, absl::string_view from, absl::string_view to) {
  const size_t at = text.find(std::string(from));
  ASSERT_NE(at, std::string::npos) << from << " is not in " << text.substr(0, 2000);
  text.replace(at, from.size(), std::string(to));
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n') + 1); }

LargeObject& ObjectOf(ParsedDump& dump, uint32_t oid) {
  for (LargeObject& object : dump.large_objects.begin()->second) {
    if (object.oid == oid) return object;
  }
  ADD_FAILURE() << "no large object " << oid;
  return dump.large_objects.begin()->second.front();
}

struct Change {
  std::string what;
  std::string object;  // that the comparison names
  std::function<void(ParsedDump&)> make;
};

// Of rows and bytes.
std::vector<Change> ChangesOfData() {
  return {
      {"a missing row", "orders",
       [](auto& dump) { Replace(Rows(dump, "orders"), FirstLine(Rows(dump, "orders")), ""); }},
      {"a row twice", "orders",
       [](auto& dump) { Rows(dump, "orders").insert(0, FirstLine(Rows(dump, "orders"))); }},
      {"one row in another's place", "orders",
       [](auto& dump) {
         Replace(Rows(dump, "orders"), FirstLine(Rows(dump, "orders")), "2\t2\torder 2\t2026-01-03\n");
       }},
      {"a bit of a value", "orders", [](auto& dump) { Rows(dump, "orders")[0] ^= 1; }},
      {"two values swapped", "orders",
       [](auto& dump) {
         std::string& rows = Rows(dump, "orders");
         rows = absl::StrReplaceAll(rows, {{"order 1\t", "order 2\t"}, {"order 2\t", "order 1\t"}});
       }},
      {"a value in the next column", "child",
       [](auto& dump) { Replace(Rows(dump, "child"), "1001\t2001", "2001\t1001"); }},
      {"NULL for an empty text", "customers",
       [](auto& dump) { Replace(Rows(dump, "customers"), "\t\\N", "\t"); }},
      {"no rows at all", "orders", [](auto& dump) { Rows(dump, "orders").clear(); }},
      {"rows of a table without columns", "nothing",
       [](auto& dump) { Rows(dump, "nothing").insert(0, "\n"); }},
      {"a row of a table that was empty", "empty", [](auto& dump) { Rows(dump, "empty") = "1\n"; }},
      {"swapped partitions", "events",
       [](auto& dump) { std::swap(Rows(dump, "events_a"), Rows(dump, "events_b")); }},
      {"the last byte of a large object", "2000",
       [](auto& dump) { ObjectOf(dump, 2000).bytes.back() ^= 1; }},
      {"a large object shorter by a byte", "2000",
       [](auto& dump) { ObjectOf(dump, 2000).bytes.pop_back(); }},
      {"a byte in an empty large object", "1500",
       [](auto& dump) { ObjectOf(dump, 1500).bytes = std::string(1, '\0'); }},
      {"two large objects swapped", "1000",
       [](auto& dump) { std::swap(ObjectOf(dump, 1000).bytes, ObjectOf(dump, 4000000000).bytes); }},
      {"a missing large object", "1500",
       [](auto& dump) {
         auto& objects = dump.large_objects.begin()->second;
         objects.erase(objects.begin() + 1);
       }},
      {"a sequence", "counter",
       [](auto& dump) {
         Replace(Entry(dump, "SEQUENCE SET", "counter").definition, "10, true", "13, true");
       }},
      {"whether a sequence was used", "counter",
       [](auto& dump) { Replace(Entry(dump, "SEQUENCE SET", "counter").definition, "true", "false"); }},
  };
}

// Of definitions.
std::vector<Change> ChangesOfObjects() {
  const auto replaced = [](absl::string_view kind, absl::string_view tag, absl::string_view from,
                           absl::string_view to) {
    return [=](ParsedDump& dump) { Replace(Entry(dump, kind, tag).definition, from, to); };
  };
  const auto removed = [](absl::string_view kind, absl::string_view tag) {
    return [=](ParsedDump& dump) { dump.Remove(Entry(dump, kind, tag).dump_id); };
  };
  return {
      {"a policy's role", "mine", replaced("POLICY", "customers mine", "TO \"app\"", "TO \"reader\"")},
      {"a policy for all", "mine",
       replaced("POLICY", "customers mine", " TO \"app\"", " TO PUBLIC, \"app\"")},
      {"a missing policy", "mine", removed("POLICY", "customers mine")},
      {"row security off", "customers", removed("ROW SECURITY", "customers")},
      {"a grant to another role", "orders", replaced("ACL", "TABLE \"orders\"", "\"reader\"", "\"app\"")},
      {"a grant of more", "orders",
       replaced("ACL", "TABLE \"orders\"", "SELECT,INSERT", "SELECT,INSERT,DELETE")},
      {"a missing grant", "orders", removed("ACL", "TABLE \"orders\"")},
      {"a default", "customers", replaced("TABLE", "customers", "nobody", "somebody")},
      {"a column's type", "orders",
       replaced("TABLE", "orders", "\"note\" \"text\"", "\"note\" character varying")},
      {"NOT NULL", "orders", replaced("TABLE", "orders", "\"at\" \"date\" NOT NULL", "\"at\" \"date\"")},
      {"a missing table", "empty", removed("TABLE", "empty")},
      {"a missing index", "customers_lower", removed("INDEX", "customers_lower")},
      {"a missing foreign key", "orders_customer_fkey",
       removed("FK CONSTRAINT", "orders orders_customer_fkey")},
      {"an owner", "customers",
       [](ParsedDump& dump) { Entry(dump, "TABLE", "customers").owner = "reader"; }},
      {"a function's body", "guard", replaced("FUNCTION", "guard()", "RETURN NEW", "RETURN OLD")},
      {"a trigger that fires again", "guarded",
       replaced("TRIGGER", "orders guarded", "DISABLE TRIGGER", "ENABLE TRIGGER")},
      {"a label of an enum", "colour", replaced("TYPE", "colour", "'grey'", "'gray'")},
      {"a comment", "LARGE OBJECT 1000", replaced("COMMENT", "LARGE OBJECT 1000", "a large", "A large")},
      {"a publication's rows", "orders", replaced("PUBLICATION TABLE", "orders orders", "> 3", "> 4")},
      {"default privileges", "DEFAULT PRIVILEGES",
       replaced("DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", "\"reader\"", "PUBLIC")},
      {"bounds of partitions", "events_a",
       replaced("TABLE ATTACH", "events_a", "'2026-01-01'", "'2025-01-01'")},
  };
}

void ExpectFound(const Change& change) {
  SCOPED_TRACE(change.what);
  ParsedDump dump = *ParseDump(RealDump());
  change.make(dump);
  const std::string changed = WriteDump(dump);
  ASSERT_NE(changed, WriteDump(*ParseDump(RealDump())));
  for (const bool backwards : {false, true}) {
    const DumpDigest original = DigestOf(RealDump()), other = DigestOf(changed);
    CompareOptions options;
    options.source_major = options.restored_major = 15;
    const std::vector<Finding> findings =
        backwards ? CompareDumps(other, original, options) : CompareDumps(original, other, options);
    EXPECT_THAT(findings, Contains(testing::AllOf(
                              testing::Field(&Finding::severity, Severity::kDifferent),
                              AnyOf(testing::Field(&Finding::object, HasSubstr(change.object)),
                                    testing::Field(&Finding::message, HasSubstr(change.object))))))
        << testing::PrintToString(findings.size());
  }
}

TEST(DamageOfPlaintext, EveryChangeOfRowsAndBytesIsFound) {
  for (const Change& change : ChangesOfData()) ExpectFound(change);
}

TEST(DamageOfPlaintext, EveryChangeOfAnObjectIsFound) {
  for (const Change& change : ChangesOfObjects()) ExpectFound(change);
}

TEST(DamageOfPlaintext, TheSameDumpWrittenAgainIsTheSame) {
  CompareOptions options;
  options.source_major = options.restored_major = 15;
  EXPECT_TRUE(
      CompareDumps(DigestOf(RealDump()), DigestOf(WriteDump(*ParseDump(RealDump()))), options).empty());
}

}  // namespace
}  // namespace croft::agent
