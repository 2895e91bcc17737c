#include "agent/backup/part.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::UnorderedElementsAre;

// Entries by short names, which are their tags unless told otherwise.
class Dump {
 public:
  Dump() { Add("public", "SCHEMA", "public", "", {}); }

  Dump& Add(const std::string& name, const std::string& kind, const std::string& tag,
            const std::string& schema, const std::vector<std::string>& on,
            const std::string& definition = "") {
    TocEntry entry{.dump_id = static_cast<int32_t>(toc_.entries.size()) + 1,
                   .has_data = kind == "TABLE DATA",
                   .tag = tag,
                   .kind = kind,
                   .definition = definition,
                   .schema = schema};
    for (const std::string& one : on) entry.dependencies.push_back(IdOf(one));
    names_.push_back(name);
    toc_.entries.push_back(std::move(entry));
    return *this;
  }
  Dump& Table(const std::string& name, const std::vector<std::string>& on = {},
              const std::string& schema = "public") {
    Add(name, "TABLE", name, schema, on);
    return Add(name + " rows", "TABLE DATA", name, schema, {name});
  }
  Dump& Key(const std::string& table, const std::string& name, const std::string& to) {
    return Add(name, "FK CONSTRAINT", table + " " + name, "public", {table, to},
               "ALTER TABLE ONLY \"public\".\"" + table + "\"\n    ADD CONSTRAINT \"" + name +
                   "\" FOREIGN KEY (\"i\") REFERENCES \"public\".\"" + to + "\"(\"i\");");
  }
  Dump& Attach(const std::string& parent, const std::string& child) {
    return Add("attach " + child, "TABLE ATTACH", child, "public", {parent, child},
               "ALTER TABLE ONLY \"public\".\"" + parent + "\" ATTACH PARTITION \"public\".\"" + child +
                   "\" FOR VALUES IN (1);");
  }

  const Toc& toc() const { return toc_; }

  // Names of what is chosen, without the schema public.
  std::vector<std::string> Names(const std::vector<std::string>& patterns) {
    const absl::StatusOr<Part> part = ChoosePart(toc_, patterns);
    EXPECT_TRUE(part.ok()) << part.status();
    part_ = part.value_or(Part());
    std::vector<std::string> names;
    for (const int32_t id : part_.entries) {
      if (id != 1) names.push_back(names_.at(static_cast<size_t>(id) - 1));
    }
    return names;
  }
  // What was said of the choice that Names made last: `REASON object`.
  std::vector<std::string> Said() const {
    std::vector<std::string> said;
    for (const Finding& finding : part_.findings) {
      EXPECT_EQ(finding.severity, Severity::kNote);
      if (finding.reason != "RESTORED_IN_PART") said.push_back(finding.reason + " " + finding.object);
    }
    return said;
  }
  const Part& part() const { return part_; }

 private:
  int32_t IdOf(const std::string& name) const {
    for (size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] == name) return static_cast<int32_t>(i) + 1;
    }
    ADD_FAILURE() << "no " << name;
    return 0;
  }

  Toc toc_;
  std::vector<std::string> names_;
  Part part_;
};

TEST(PartTest, ATableComesWithAllThatBelongsToIt) {
  Dump dump;
  dump.Table("orders").Table("other");
  dump.Add("pkey", "CONSTRAINT", "orders pkey", "public", {"orders"},
           "ALTER TABLE ONLY \"public\".\"orders\"\n    ADD CONSTRAINT \"pkey\" PRIMARY KEY (\"i\");");
  dump.Add("by_day", "INDEX", "by_day", "public", {"orders"});
  dump.Add("other_index", "INDEX", "other_index", "public", {"other"});
  dump.Add("security", "ROW SECURITY", "orders", "public", {"orders"});
  dump.Add("mine", "POLICY", "orders mine", "public", {"orders"},
           "CREATE POLICY \"mine\" ON \"public\".\"orders\" USING (true);");
  dump.Add("grants", "ACL", "TABLE orders", "public", {"orders"});
  dump.Add("remark", "COMMENT", "INDEX by_day", "public", {"by_day"});
  dump.Add("defaults", "DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", "", {});
  dump.Add("sent", "PUBLICATION", "sent", "", {});
  dump.Add("sent orders", "PUBLICATION TABLE", "sent orders", "public", {"sent", "orders"});
  dump.Add("large", "BLOBS", "BLOBS", "", {});
  EXPECT_THAT(dump.Names({"public.orders"}),
              UnorderedElementsAre("orders", "orders rows", "pkey", "by_day", "security", "mine", "grants",
                                   "remark", "defaults"));
  EXPECT_THAT(dump.Said(), IsEmpty());
  EXPECT_THAT(dump.part().tables, ElementsAre(QualifiedName{"public", "orders"}));
  EXPECT_THAT(dump.part().findings.back().message, HasSubstr("1 of the 2 tables"));
}

TEST(PartTest, WhatATableNeedsComesWithIt) {
  Dump dump;
  dump.Add("ext", "EXTENSION", "citext", "", {}).Add("ext2", "EXTENSION", "hstore", "", {});
  dump.Add("types", "SCHEMA", "types", "", {}).Add("unused", "SCHEMA", "unused", "", {});
  dump.Add("mood", "TYPE", "mood", "types", {"types"})
      .Add("mood grants", "ACL", "TYPE mood", "types", {"mood"});
  dump.Add("fn", "FUNCTION", "noticed()", "types", {"types"})
      .Add("fn2", "FUNCTION", "other()", "types", {});
  dump.Add("positive", "DOMAIN", "positive", "types", {"types"});
  dump.Add("positive check", "CHECK CONSTRAINT", "positive c", "types", {"positive"},
           "ALTER DOMAIN \"types\".\"positive\"\n    ADD CONSTRAINT \"c\" CHECK ((VALUE > 0)) NOT VALID;");
  dump.Table("t", {"ext", "mood", "positive"});
  dump.Add("trigger", "TRIGGER", "t noticed", "public", {"t", "fn"},
           "CREATE TRIGGER \"noticed\" BEFORE UPDATE ON \"public\".\"t\" FOR EACH ROW EXECUTE FUNCTION "
           "\"types\".\"noticed\"();");
  EXPECT_THAT(dump.Names({"public.t"}),
              UnorderedElementsAre("ext", "types", "mood", "mood grants", "fn", "positive",
                                   "positive check", "t", "t rows", "trigger"));
  EXPECT_THAT(dump.part().extensions, ElementsAre("citext"));
}

TEST(PartTest, SequencesComeWithTheirValues) {
  Dump dump;
  dump.Table("t").Table("owner");
  dump.Add("seq", "SEQUENCE", "seq", "public", {"t"}, "CREATE SEQUENCE \"public\".\"seq\"");
  dump.Add("seq owned", "SEQUENCE OWNED BY", "seq", "public", {"seq"},
           "ALTER SEQUENCE \"public\".\"seq\" OWNED BY \"public\".\"t\".\"i\";");
  dump.Add("seq set", "SEQUENCE SET", "seq", "public", {"seq"});
  dump.Add("id", "SEQUENCE", "t_j_seq", "public", {"t"},
           "ALTER TABLE \"public\".\"t\" ALTER COLUMN \"j\" ADD");
  dump.Add("id set", "SEQUENCE SET", "t_j_seq", "public", {"id"});
  dump.Add("shared", "SEQUENCE", "shared", "public", {"owner"}, "CREATE SEQUENCE \"public\".\"shared\"");
  dump.Add("shared owned", "SEQUENCE OWNED BY", "shared", "public", {"shared"},
           "ALTER SEQUENCE \"public\".\"shared\" OWNED BY \"public\".\"owner\".\"i\";");
  dump.Add("shared set", "SEQUENCE SET", "shared", "public", {"shared"});
  dump.Add("default", "DEFAULT", "t k", "public", {"t", "shared"},
           "ALTER TABLE ONLY \"public\".\"t\" ALTER COLUMN \"k\" SET DEFAULT nextval('shared');");
  dump.Add("spare", "SEQUENCE", "spare", "public", {"t"}, "CREATE SEQUENCE \"public\".\"spare\"");
  dump.Add("spare owned", "SEQUENCE OWNED BY", "spare", "public", {"spare"},
           "ALTER SEQUENCE \"public\".\"spare\" OWNED BY \"public\".\"t\".\"m\";");
  EXPECT_THAT(dump.Names({"public.t"}),
              UnorderedElementsAre("t", "t rows", "spare", "spare owned", "seq", "seq owned", "seq set",
                                   "id", "id set", "shared", "shared set", "default"))
      << "not the table that owns the sequence, of which a default is made";
}

TEST(PartTest, AForeignKeyComesWhenBothTablesAreChosen) {
  Dump dump;
  dump.Table("orders").Table("people").Key("orders", "buyer", "people").Key("orders", "first", "orders");
  EXPECT_THAT(dump.Names({"public.orders"}), UnorderedElementsAre("orders", "orders rows", "first"));
  EXPECT_THAT(dump.Said(),
              ElementsAre("FOREIGN_KEY_LEFT_OUT FK CONSTRAINT \"buyer\" ON \"public\".\"orders\""));
  EXPECT_THAT(dump.part().findings.front().message, HasSubstr("\"public\".\"people\""));
  EXPECT_THAT(dump.part().findings.front().remedy, HasSubstr("REFERENCES"));
  EXPECT_THAT(dump.Names({"public.people"}), UnorderedElementsAre("people", "people rows"));
  EXPECT_THAT(dump.Said(), IsEmpty()) << "the key is not of what was chosen";
  EXPECT_THAT(dump.Names({"public.*"}), IsSupersetOf({"buyer", "first"}));
}

TEST(PartTest, TablesThatSomethingNeedsComeWithoutRows) {
  Dump dump;
  dump.Table("t").Table("members");
  dump.Add(
      "mine", "POLICY", "t mine", "public", {"t", "members"},
      "CREATE POLICY \"mine\" ON \"public\".\"t\" USING ((EXISTS ( SELECT FROM \"public\".\"members\")));");
  dump.Add("theirs", "POLICY", "members theirs", "public", {"members", "t"},
           "CREATE POLICY \"theirs\" ON \"public\".\"members\" USING (true);");
  EXPECT_THAT(dump.Names({"public.t"}), UnorderedElementsAre("t", "t rows", "mine", "members", "theirs"));
  EXPECT_THAT(dump.Said(), ElementsAre("NEEDED_WITHOUT_ROWS TABLE \"public\".\"members\""));
  EXPECT_THAT(dump.part().without_rows, ElementsAre(QualifiedName{"public", "members"}));
}

class Partitions : public ::testing::Test {
 protected:
  Partitions() {
    dump.Table("events").Table("events_1", {"events"}).Table("events_2", {"events"}).Table("t");
    dump.Attach("events", "events_1").Attach("events", "events_2");
    dump.Add("key", "INDEX", "key", "public", {"events"});
    dump.Add("key_1", "INDEX", "key_1", "public", {"events_1", "key"});
    dump.Add("key attach", "INDEX ATTACH", "key_1", "public", {"key", "key_1"});
    dump.Key("events", "about", "t");
  }
  Dump dump;
};

TEST_F(Partitions, ComeWithTheirPartitionedTable) {
  EXPECT_THAT(dump.Names({"public.events", "public.t"}),
              UnorderedElementsAre("events", "events rows", "events_1", "events_1 rows", "events_2",
                                   "events_2 rows", "attach events_1", "attach events_2", "key", "key_1",
                                   "key attach", "about", "t", "t rows"));
  EXPECT_THAT(dump.Said(), IsEmpty());
}

TEST_F(Partitions, OneByItselfIsATableOfItsOwn) {
  EXPECT_THAT(dump.Names({"public.events_1"}), UnorderedElementsAre("events_1", "events_1 rows", "key_1"));
  EXPECT_THAT(dump.Said(), ElementsAre("PARTITION_DETACHED TABLE \"public\".\"events_1\""));
}

TEST(PartTest, ASchemaComesWithAllItsObjects) {
  Dump dump;
  dump.Add("billing", "SCHEMA", "billing", "", {})
      .Add("remark", "COMMENT", "SCHEMA billing", "", {"billing"});
  dump.Table("t");
  dump.Add("fn", "FUNCTION", "f()", "billing", {"billing"}).Add("fn2", "FUNCTION", "f()", "public", {});
  dump.Add("view", "VIEW", "v", "billing", {"billing", "t"});
  dump.Add("own", "DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", "billing", {"billing"});
  dump.Add("empty", "SCHEMA", "empty", "", {});
  EXPECT_THAT(dump.Names({"billing.*"}),
              UnorderedElementsAre("billing", "remark", "fn", "view", "own", "t"));
  EXPECT_THAT(dump.Said(), ElementsAre("NEEDED_WITHOUT_ROWS TABLE \"public\".\"t\""));
  EXPECT_THAT(dump.Names({"empty.*"}), ElementsAre("empty"));
  EXPECT_THAT(dump.Names({"*.v"}), UnorderedElementsAre("billing", "remark", "view", "own", "t"));
}

TEST(PartTest, RowsOfATableThatAnExtensionMadeComeWithTheExtension) {
  Dump dump;
  dump.Add("ext", "EXTENSION", "tiles", "", {}).Add("rows", "TABLE DATA", "settings", "public", {"ext"});
  dump.Add("map", "VIEW", "map", "public", {"ext"});
  EXPECT_THAT(dump.Names({"public.settings"}), UnorderedElementsAre("ext", "rows"));
  EXPECT_THAT(dump.Names({"public.map"}), UnorderedElementsAre("ext", "rows", "map"));
}

TEST(PartTest, PatternsThatMatchNothingAreRefusedAndNamed) {
  Dump dump;
  dump.Table("orders").Table("Jobs");
  const absl::Status status =
      ChoosePart(dump.toc(), {"public.orders", "public.jobs", "nowhere.*"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DetailsOf(status).reason, "ONLY_MATCHES_NOTHING");
  EXPECT_THAT(std::string(status.message()), HasSubstr("public.jobs, nowhere.*"));
  EXPECT_TRUE(ChoosePart(dump.toc(), {"public.\"Jobs\""}).ok());
  EXPECT_EQ(ChoosePart(dump.toc(), {"jobs"}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(PartTest, OddNamesAreMatchedAsTheyAre) {
  Dump dump;
  dump.Table("100%.\"done\" Ünï", {}, "Süd.1");
  EXPECT_THAT(dump.Names({"\"Süd.1\".\"100%.\"\"done\"\" Ünï\""}), testing::SizeIs(2));
  EXPECT_TRUE(IsChosen(dump.part(), "TABLE \"Süd.1\".\"100%.\"\"done\"\" Ünï\""));
  EXPECT_FALSE(IsChosen(dump.part(), "TABLE \"Süd.1\".\"other\""));
  EXPECT_FALSE(IsChosen(dump.part(), "LARGE OBJECTS"));
}

// Notes what it is told.
class Log final : public DumpVisitor {
 public:
  std::vector<std::string> told;

  absl::Status OnToc(const Toc& toc) override {
    for (const TocEntry& entry : toc.entries) told.push_back("toc " + entry.tag);
    return absl::OkStatus();
  }
  absl::Status OnDataBegin(const TocEntry& entry) override { return Tell("begin " + entry.tag); }
  absl::Status OnDataEnd(const TocEntry& entry) override { return Tell("end " + entry.tag); }
  absl::Status OnTableBytes(const TocEntry& entry, absl::string_view bytes) override {
    return Tell(entry.tag + " " + std::string(bytes));
  }
  absl::Status OnLargeObjectBegin(const TocEntry&, uint32_t) override { return Tell("large begin"); }
  absl::Status OnLargeObjectBytes(const TocEntry&, uint32_t, absl::string_view) override {
    return Tell("large bytes");
  }
  absl::Status OnLargeObjectEnd(const TocEntry&, uint32_t) override { return Tell("large end"); }

 private:
  absl::Status Tell(std::string what) {
    told.push_back(std::move(what));
    return absl::OkStatus();
  }
};

TEST(PartVisitorTest, PassesOnThePartAlone) {
  Toc toc{
      .entries = {{.dump_id = 1, .tag = "a"}, {.dump_id = 2, .tag = "b"}, {.dump_id = 3, .tag = "large"}}};
  const std::set<int32_t> entries = {2};
  Log log;
  PartVisitor visitor(entries, log);
  ASSERT_TRUE(visitor.OnToc(toc).ok());
  for (const TocEntry& entry : toc.entries) {
    ASSERT_TRUE(visitor.OnDataBegin(entry).ok());
    ASSERT_TRUE(visitor.OnTableBytes(entry, "1").ok());
    ASSERT_TRUE(visitor.OnDataEnd(entry).ok());
  }
  ASSERT_TRUE(visitor.OnLargeObjectBegin(toc.entries[2], 7).ok());
  ASSERT_TRUE(visitor.OnLargeObjectBytes(toc.entries[2], 7, "x").ok());
  ASSERT_TRUE(visitor.OnLargeObjectEnd(toc.entries[2], 7).ok());
  EXPECT_THAT(log.told, ElementsAre("toc b", "begin b", "b 1", "end b"));
}

}  // namespace
}  // namespace croft::agent
