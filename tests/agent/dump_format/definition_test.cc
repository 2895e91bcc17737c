#include "agent/dump_format/definition.h"

#include <rapidcheck.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/dump_format/object_name.h"
#include "agent/dump_format/scanner.h"

namespace croft::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Texts(absl::string_view sql) {
  std::vector<std::string> texts;
  for (const Token& token : ScanSql(sql)) texts.emplace_back(token.text);
  return texts;
}

TocEntry Entry(const std::string& kind, const std::string& definition, const std::string& owner = "") {
  return {.kind = kind, .definition = definition, .owner = owner};
}

TEST(ScanSql, KeepsWhatIsQuotedInOnePiece) {
  EXPECT_THAT(Texts(R"(a "b ""c"" ;'" 'it''s "x" -- no')"),
              ElementsAre("a", R"("b ""c"" ;'")", R"('it''s "x" -- no')"));
  EXPECT_THAT(
      Texts(R"(E'\'' e'a\\' 'a\' B'01' X'ff' U&'\0041' U&"a")"),
      ElementsAre(R"(E'\'')", R"(e'a\\')", R"('a\')", "B'01'", "X'ff'", R"(U&'\0041')", R"(U&"a")"));
  EXPECT_THAT(Texts("$$a;b$$ $x1$ $$ ' $x1$ $1 a$b$"),
              ElementsAre("$$a;b$$", "$x1$ $$ ' $x1$", "$1", "a$b$"));
}

TEST(ScanSql, KnowsCommentsFromOperators) {
  EXPECT_THAT(Texts("a --b 'c\nd /* e /* f */ g */ h - -1 @> -- x"),
              ElementsAre("a", "--b 'c", "d", "/* e /* f */ g */", "h", "-", "-", "1", "@>", "-- x"));
  EXPECT_THAT(Texts("a::text[1:2] <>-- x"),
              ElementsAre("a", "::", "text", "[", "1", ":", "2", "]", "<>", "-- x"));
  EXPECT_THAT(Texts("1.5e-3 .5 7e x"), ElementsAre("1.5e-3", ".5", "7", "e", "x"));
}

TEST(ScanSql, CoversAnyTextWithItsTokens) {
  EXPECT_TRUE(rc::check([] {
    const auto text = *rc::gen::container<std::string>(
        rc::gen::elementOf(std::string("abE'\"$-/*\\();,. \n::1x\xc3\xa9")));
    size_t at = 0;
    for (const Token& token : ScanSql(text)) {
      const size_t begin = static_cast<size_t>(token.text.data() - text.data());
      RC_ASSERT(!token.text.empty());
      RC_ASSERT(text.substr(at, begin - at).find_first_not_of(" \n") == std::string::npos);
      at = begin + token.text.size();
    }
    RC_ASSERT(text.substr(at).find_first_not_of(" \n") == std::string::npos);
  }));
}

TEST(Names, ComeBackFromTheirQuotes) {
  EXPECT_TRUE(rc::check([](const std::string& name) {
    RC_PRE(name.find('\0') == std::string::npos);
    const std::string quoted = QuoteName(name);
    const std::vector<Token> tokens = ScanSql(quoted);
    RC_ASSERT(tokens.size() == 1U);
    RC_ASSERT(NameOf(tokens[0]) == name);
  }));
}

TEST(Roles, OfGrantsAreNamedOnce) {
  const TocEntry entry = Entry("ACL", R"(REVOKE ALL ON TABLE "s"."TO" FROM "app";
GRANT SELECT("to"),INSERT ON TABLE "s"."TO" TO "odd ""role""" WITH GRANT OPTION;
SET SESSION AUTHORIZATION "granter";
GRANT SELECT ON TABLE "s"."TO" TO "app";
RESET SESSION AUTHORIZATION;
GRANT SELECT ON TABLE "s"."TO" TO PUBLIC;
)");
  EXPECT_THAT(RolesNamed(entry), ElementsAre("app", "granter", "odd \"role\""));
}

TEST(Roles, OfDefaultPrivilegesAreBothSides) {
  const TocEntry entry =
      Entry("DEFAULT ACL",
            R"(ALTER DEFAULT PRIVILEGES FOR ROLE "app" IN SCHEMA "FROM" GRANT SELECT ON TABLES  TO "reader";
ALTER DEFAULT PRIVILEGES FOR ROLE "app" REVOKE ALL ON FUNCTIONS  FROM PUBLIC;
)");
  EXPECT_THAT(RolesNamed(entry), ElementsAre("app", "reader"));
}

TEST(Roles, OfAPolicyAreThoseOfItsList) {
  const TocEntry entry = Entry(
      "POLICY", R"(CREATE POLICY "TO" ON "s"."t" FOR SELECT TO "app", "b" USING (("x" = 'TO "c"'::"text"));
)");
  EXPECT_THAT(RolesNamed(entry), ElementsAre("app", "b"));
  EXPECT_THAT(RolesNamed(Entry("POLICY", R"(CREATE POLICY "p" ON "t" USING (("a" = 'TO "c"')))")),
              IsEmpty());
}

TEST(Roles, OfAUserMappingIsItsUser) {
  EXPECT_THAT(RolesNamed(Entry("USER MAPPING",
                               R"(CREATE USER MAPPING FOR "app" SERVER "s" OPTIONS ("user" 'app');)")),
              ElementsAre("app"));
  EXPECT_THAT(RolesNamed(Entry("USER MAPPING", R"(CREATE USER MAPPING FOR "public" SERVER "s";)")),
              IsEmpty());
}

TEST(Roles, OfOtherKindsAreNotLookedFor) {
  EXPECT_THAT(RolesNamed(Entry("FUNCTION", "CREATE FUNCTION f() AS 'GRANT x TO \"app\"'")), IsEmpty());
  EXPECT_THAT(RolesNamed(Entry("VIEW", "CREATE VIEW v AS SELECT 1 FROM \"app\"")), IsEmpty());
}

TEST(Roles, AreReplacedNowhereElse) {
  const RoleNames names = {{"app", "new\"app"}, {"s", "wrong"}, {"t", "wrong"}};
  EXPECT_EQ(DefinitionWithRoles(
                Entry("POLICY",
                      R"(CREATE POLICY "app" ON "app"."app" TO "app", "b" USING (("app" = 'app "app"')))"),
                names),
            R"(CREATE POLICY "app" ON "app"."app" TO "new""app", "b" USING (("app" = 'app "app"')))");
  EXPECT_EQ(
      DefinitionWithRoles(Entry("ACL", R"(GRANT SELECT("app") ON TABLE "app"."app" TO "app";)"), names),
      R"(GRANT SELECT("app") ON TABLE "app"."app" TO "new""app";)");
  const TocEntry table = Entry("TABLE", R"(CREATE TABLE "app" ("app" "text" DEFAULT 'TO "app"');)", "app");
  EXPECT_EQ(WithRoles(table, names).definition, table.definition);
  EXPECT_EQ(WithRoles(table, names).owner, "new\"app");
}

TEST(Roles, ThatWereReplacedAndReplacedBackAreTheSame) {
  EXPECT_TRUE(rc::check([](const std::string& from, const std::string& to) {
    RC_PRE(from != "public" && to != "public" && from.find('\0') == std::string::npos &&
           to.find('\0') == std::string::npos);
    const TocEntry entry =
        Entry("ACL", "GRANT SELECT ON TABLE \"s\".\"t\" TO " + QuoteName(from) + ";\n", from);
    const TocEntry renamed = WithRoles(entry, {{from, to}});
    RC_ASSERT(RolesNamed(renamed) == std::vector<std::string>{to});
    RC_ASSERT(WithRoles(renamed, {{to, from}}) == entry);
  }));
}

TEST(SplitStatements, LeavesLiteralsAndBodiesWhole) {
  EXPECT_THAT(SplitStatements("-- c;\nGRANT a TO \"b;c\";\n\n-- d\nSELECT ';', $$;$$;\n;"),
              ElementsAre("GRANT a TO \"b;c\"", "SELECT ';', $$;$$"));
  EXPECT_THAT(SplitStatements("-- nothing\n"), IsEmpty());
  EXPECT_THAT(SplitStatements("a"), ElementsAre("a"));
}

TEST(Attachments, NameParentAndChild) {
  EXPECT_THAT(
      Attachments(
          R"(ALTER TABLE ONLY "s"."p ""q""" ATTACH PARTITION "t"."c" FOR VALUES WITH (modulus 3, remainder 0);)"),
      ElementsAre(Attachment{{"s", "p \"q\""}, {"t", "c"}}));
  EXPECT_THAT(
      Attachments("CREATE TABLE \"a\" (\"x\" text DEFAULT 'ALTER TABLE ONLY a ATTACH PARTITION b');"),
      IsEmpty());
  EXPECT_THAT(Attachments("CREATE TABLE a ();\nALTER TABLE ONLY a ATTACH PARTITION b DEFAULT;"),
              ElementsAre(Attachment{{"", "a"}, {"", "b"}}));
}

TEST(IsHashPartitioned, LooksAtTheTableItself) {
  EXPECT_TRUE(IsHashPartitioned("CREATE TABLE \"s\".\"t\" (\"a\" integer)\nPARTITION BY HASH (\"a\");\n"));
  EXPECT_FALSE(
      IsHashPartitioned("CREATE TABLE \"s\".\"t\" (\"a\" integer)\nPARTITION BY RANGE (\"a\");\n"));
  EXPECT_FALSE(
      IsHashPartitioned("CREATE TABLE \"PARTITION BY HASH\" (a text DEFAULT 'PARTITION BY HASH');"));
}

TEST(ParseCopy, NamesTableAndColumns) {
  const auto copy = ParseCopy("COPY \"s\".\"t\" (\"a\nb\", \"c\"\"d\", \"e,f\", \"g (h)\") FROM stdin;\n");
  ASSERT_TRUE(copy.has_value());
  EXPECT_EQ(copy->table, (QualifiedName{"s", "t"}));
  EXPECT_THAT(copy->columns, ElementsAre("a\nb", "c\"d", "e,f", "g (h)"));
  EXPECT_EQ(ParseCopy("COPY \"s\".\"t\"  FROM stdin;\n"), (CopyTarget{{"s", "t"}, {}}));
  for (const char* other : {"", "COPY", "COPY a (b FROM stdin;", "COPY a (b) TO stdout;", "SELECT 1"}) {
    EXPECT_FALSE(ParseCopy(other).has_value()) << other;
  }
}

TEST(FrozenCopy, AddsTheOptionToAStatementWithoutOptions) {
  EXPECT_EQ(FrozenCopy("COPY \"s\".\"from stdin;\" (\"a\", \"b\") FROM stdin;\n"),
            "COPY \"s\".\"from stdin;\" (\"a\", \"b\") FROM stdin WITH (FREEZE);");
  EXPECT_EQ(FrozenCopy("COPY \"s\".\"t\" FROM stdin WITH (FORMAT csv);\n"), "");
  EXPECT_EQ(FrozenCopy("COPY \"s\".\"t\" FROM stdin; DROP TABLE \"t\";\n"), "");
  EXPECT_EQ(FrozenCopy("SELECT 1;"), "");
  EXPECT_EQ(FrozenCopy(""), "");
}

TEST(IsOfColumnsAlone, KnowsIndexesThatRunNoCodeOfTheTenants) {
  const auto index = [](const std::string& definition) {
    return IsOfColumnsAlone(Entry("INDEX", definition));
  };
  EXPECT_TRUE(index("CREATE INDEX \"i\" ON \"s\".\"t\" USING \"btree\" (\"a\");\n"));
  EXPECT_TRUE(index(
      "CREATE UNIQUE INDEX \"i\" ON ONLY \"s\".\"t\" USING \"btree\" (\"a\" DESC NULLS LAST, \"where\" "
      "COLLATE "
      "\"s\".\"c\" \"s\".\"text_ops\") INCLUDE (\"b\") NULLS NOT DISTINCT WITH (fillfactor='70');\n"));
  EXPECT_FALSE(index("CREATE INDEX \"i\" ON \"s\".\"t\" USING \"btree\" (\"lower\"(\"a\"));\n"));
  EXPECT_FALSE(index("CREATE INDEX \"i\" ON \"s\".\"t\" USING \"btree\" (\"a\", ((\"b\" + 1)));\n"));
  EXPECT_FALSE(
      index("CREATE INDEX \"i\" ON \"s\".\"t\" USING \"btree\" (\"a\") WHERE \"s\".\"f\"(\"a\");\n"));
  EXPECT_FALSE(index("CREATE INDEX \"i\" ON \"s\".\"t\" USING \"gist\" (\"a\" \"ops\" (siglen='32'));\n"));
  EXPECT_FALSE(
      index("CREATE INDEX \"i\" ON \"s\".\"t\" USING \"btree\" (\"a\");\n\nALTER TABLE \"s\".\"t\" CLUSTER "
            "ON \"i\";\n"));
  EXPECT_FALSE(index("CREATE INDEX \"i\" ON \"s\".\"t\" USING \"btree\" (\"a\""));
  EXPECT_FALSE(index(""));
}

TEST(IsOfColumnsAlone, KnowsKeysAndNoOtherConstraints) {
  const auto constraint = [](const std::string& what, const std::string& kind = "CONSTRAINT") {
    return IsOfColumnsAlone(Entry(kind, "ALTER TABLE ONLY \"s\".\"t\"\n    ADD CONSTRAINT \"c\" " + what));
  };
  EXPECT_TRUE(constraint("PRIMARY KEY (\"a\");\n"));
  EXPECT_TRUE(constraint(
      "UNIQUE NULLS NOT DISTINCT (\"a\", \"b\") INCLUDE (\"c\") DEFERRABLE INITIALLY DEFERRED;\n"));
  EXPECT_FALSE(constraint("EXCLUDE USING \"gist\" (\"s\".\"f\"(\"a\") WITH &&);\n"));
  EXPECT_FALSE(constraint("CHECK (\"s\".\"f\"(\"a\"));\n"));
  EXPECT_FALSE(constraint("FOREIGN KEY (\"a\") REFERENCES \"s\".\"u\"(\"a\");\n", "FK CONSTRAINT"));
  EXPECT_FALSE(constraint("PRIMARY KEY (\"a\")"));
}

TEST(ObjectName, QuotesWhatTheEntryIsAbout) {
  const auto name = [](const std::string& kind, const std::string& tag, const std::string& definition = "",
                       const std::string& schema = "s") {
    return ObjectName({.tag = tag, .kind = kind, .definition = definition, .schema = schema});
  };
  EXPECT_EQ(name("TABLE", "a\"b"), R"(TABLE "s"."a""b")");
  EXPECT_EQ(name("TABLE DATA", "t"), R"(TABLE "s"."t")");
  EXPECT_EQ(name("SCHEMA", "s", "", ""), R"(SCHEMA "s")");
  EXPECT_EQ(name("FUNCTION", "f(integer, text)"), R"(FUNCTION "s"."f"(integer, text))");
  EXPECT_EQ(name("POLICY", "a b c d", R"(CREATE POLICY "c d" ON "s"."a b" TO "x" USING (true);)"),
            R"(POLICY "c d" ON "s"."a b")");
  EXPECT_EQ(
      name("FK CONSTRAINT", "t k", "ALTER TABLE ONLY \"s\".\"t\"\n    ADD CONSTRAINT \"k\" FOREIGN KEY …"),
      R"(FK CONSTRAINT "k" ON "s"."t")");
  EXPECT_EQ(name("COMMENT", "TABLE t", "COMMENT ON TABLE \"s\".\"t\" IS 'IS';"),
            R"(COMMENT ON TABLE "s"."t")");
  EXPECT_EQ(name("ACL", "TABLE t", "REVOKE ALL ON TABLE \"s\".\"t\" FROM \"a\";"),
            R"(GRANTS ON TABLE "s"."t")");
  EXPECT_EQ(name("ACL", "COLUMN t.a", "GRANT SELECT(\"a\") ON TABLE \"s\".\"t\" TO \"a\";"),
            R"(GRANTS ON TABLE "s"."t")");
  EXPECT_EQ(name("DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES"),
            R"(DEFAULT PRIVILEGES FOR TABLES IN SCHEMA "s")");
  EXPECT_EQ(name("BLOB", "1000", "", ""), "LARGE OBJECT 1000");
  EXPECT_EQ(name("CONSTRAINT", "t k", "what"), R"(CONSTRAINT "s"."t k")");
}

}  // namespace
}  // namespace croft::agent
