#include "agent/dump_format/normal_form.h"

#include <string>
#include <utility>

#include <absl/strings/str_replace.h>
#include <gtest/gtest.h>

namespace croft::agent {
namespace {

void ExpectEquivalent(absl::string_view a, absl::string_view b) {
  EXPECT_EQ(CompareDefinitions(a, b), Likeness::kEquivalent) << NormalForm(a) << "\n" << NormalForm(b);
}

void ExpectDifferent(absl::string_view a, absl::string_view b) {
  EXPECT_EQ(CompareDefinitions(a, b), Likeness::kDifferent) << NormalForm(a) << "\n" << NormalForm(b);
}

TEST(CompareDefinitions, TellsEqualTextsApartFromEquivalentOnes) {
  EXPECT_EQ(CompareDefinitions("a b", "a b"), Likeness::kSame);
  ExpectEquivalent("a b", "a\n  b");
}

TEST(CompareDefinitions, TakesListsThatPostgresWritesAnewForTheSame) {
  ExpectEquivalent(
      R"(CHECK ((("kind")::"text" = ANY ((ARRAY['a'::character varying, 'b'::character varying])::"text"[]))))",
      R"(CHECK ((("kind")::"text" = ANY (ARRAY[('a'::character varying)::"text", ('b'::character varying)::"text"]))))");
  ExpectEquivalent("((a)::text = ANY ((ARRAY['x'::character varying])::text[]))",
                   "((a)::text = ANY (ARRAY[('x'::character varying)::text]))");
}

TEST(CompareDefinitions, LooksThroughCastsOfAllTypes) {
  for (const char* type :
       {"text", "\"s\".\"odd type\"", "character varying(10)", "character varying(10)[]",
        "double precision", "numeric(10,2)", "numeric(3,-2)", "timestamp(3) without time zone",
        "timestamp with time zone[]", "time with time zone", "interval day to second(3)", "interval",
        "bit varying(5)[][]", "\"char\"", "pg_catalog.int4", "bit(3)"}) {
    ExpectEquivalent("(a = 'x'::" + std::string(type) + " AND b)", "(a = 'x' AND b)");
  }
}

TEST(CompareDefinitions, LooksThroughParenthesesThatChangeNothing) {
  ExpectEquivalent("((a = b))", "(a = b)");
  ExpectEquivalent("((a) = (\"b\"))", "(a = \"b\")");
  ExpectEquivalent("(f((a), ((b + 1))) AND (g(c)))", "(f(a, (b + 1)) AND g(c))");
}

TEST(CompareDefinitions, LooksThroughTheNamesThatPostgresGivesNotNull) {
  ExpectEquivalent(R"(CREATE TABLE "t" ("a" integer NOT NULL))",
                   R"(CREATE TABLE "t" ("a" integer CONSTRAINT "t_a_not_null1" NOT NULL))");
  ExpectEquivalent(R"("a" integer CONSTRAINT "t_a_not_null" NOT NULL)",
                   R"("a" integer CONSTRAINT "t_a_not_null12" NOT NULL)");
  ExpectDifferent(R"("a" integer CONSTRAINT "must be there" NOT NULL)", R"("a" integer NOT NULL)");
  ExpectDifferent(R"("a" integer CONSTRAINT "t_a_not_null" NOT NULL)", R"("a" integer)");
  ExpectDifferent(R"(CONSTRAINT "t_a_not_null" CHECK (a))", R"(CHECK (a))");
}

TEST(CompareDefinitions, SeesParenthesesThatGroup) {
  ExpectDifferent("((a + b) * c)", "(a + (b * c))");
  ExpectDifferent("((a OR b) AND c)", "(a OR (b AND c))");
  ExpectDifferent("((a + b) * c)", "(a + b * c)");
  ExpectDifferent("((NOT (a)) = b)", "(NOT ((a) = b))");
  ExpectDifferent("((NOT (a)) = b)", "(NOT (a) = b)");
  ExpectDifferent("((a).b = c)", "(a.b = c)");
  ExpectDifferent("(x = ANY ((SELECT y)))", "(x = ANY (SELECT y))");
  ExpectDifferent("(x IN ((a, b)))", "(x IN (a, b))");
  ExpectDifferent("f (a)", "f a");
  ExpectDifferent("(- (a + b))", "(- a + b)");
}

TEST(CompareDefinitions, SeesEveryOtherDifference) {
  const std::pair<const char*, const char*> pairs[] = {
      {"(a = 'x'::text)", "(a = 'y'::text)"},
      {"(\"a\" = 1)", "(\"A\" = 1)"},
      {"(a < 1)", "(a <= 1)"},
      {"(a = ANY (ARRAY['x', 'y']))", "(a = ANY (ARRAY['y', 'x']))"},
      {"(a, b)", "(b, a)"},
      {"\"a\" integer NOT NULL", "\"a\" integer"},
      {"\"a\" integer", "\"a\" bigint"},
      {"\"a\" character varying(10)", "\"a\" character varying(11)"},
      {"DEFAULT 1", "DEFAULT 2"},
      {"DEFAULT 'a  b'", "DEFAULT 'a b'"},
      {"AS $$ a $$", "AS $$ a  $$"},
      {"(a = 1)", "(a = '1'::integer)"},
      {"(a AND b)", "(a OR b)"},
      {"f(a, b)", "f(a)"},
      {"a", "a --"},
      {"('a'::text)", "('a'::text COLLATE \"C\")"},
      {"a ? b", "a b"},
      {"x[1]", "x[2]"},
      {"true", "false"},
  };
  for (const auto& [a, b] : pairs) ExpectDifferent(a, b);
}

TEST(NormalForm, TakesAnyText) {
  for (const char* text :
       {"", ")", "((", "::", "(::)", "a::", "[)", "(]", "'", "\"", "$$", "/*", "()", "((a)"}) {
    EXPECT_EQ(NormalForm(NormalForm(text)), NormalForm(text)) << text;
  }
}

// As pg_dump writes a child that had a column before it inherited it, and as it does after a restore.
TEST(WithoutColumnOrder, IsTheSameForAChildThatWasRestored) {
  const std::string before =
      "CREATE TABLE \"s\".\"c\" (\n    \"a\" numeric(6,2) DEFAULT 1.5,\n    \"b\" \"text\",\n    "
      "CONSTRAINT \"k\" CHECK "
      "((\"b\" <> ', ('))\n)\nINHERITS (\"s\".\"p\", \"s\".\"q\");\nALTER TABLE ONLY \"s\".\"c\" ALTER "
      "COLUMN \"a\" SET "
      "STATISTICS 9;\nALTER TABLE ONLY \"s\".\"c\" ALTER COLUMN \"b\" SET STORAGE EXTERNAL;\n";
  const std::string after =
      "CREATE TABLE \"s\".\"c\" (\n    \"b\" \"text\",\n    \"a\" numeric(6,2) DEFAULT 1.5,\n    "
      "CONSTRAINT \"k\" CHECK "
      "((\"b\" <> ', ('))\n)\nINHERITS (\"s\".\"p\", \"s\".\"q\");\nALTER TABLE ONLY \"s\".\"c\" ALTER "
      "COLUMN \"b\" SET "
      "STORAGE EXTERNAL;\nALTER TABLE ONLY \"s\".\"c\" ALTER COLUMN \"a\" SET STATISTICS 9;\n";
  EXPECT_EQ(WithoutColumnOrder(before), WithoutColumnOrder(after));
  for (const auto& [from, to] :
       {std::pair("(6,2)", "(6,3)"), std::pair("\"text\"", "\"name\""), std::pair("9", "8"),
        std::pair("\"p\", \"s\".\"q\"", "\"q\", \"s\".\"p\""), std::pair("', ('", "',('")}) {
    const std::string other = absl::StrReplaceAll(after, {{from, to}});
    ASSERT_NE(other, after);
    EXPECT_NE(WithoutColumnOrder(before), WithoutColumnOrder(other)) << other;
  }
}

TEST(WithoutColumnOrder, LeavesOtherTextsAsTheyAre) {
  for (const char* text :
       {"", "CREATE TABLE \"t\" (\n    \"b\" integer,\n    \"a\" integer\n);\n", "CREATE TABLE \"t\" (",
        "CREATE TABLE \"t\" (\n    \"b\" integer\n)\nPARTITION BY LIST (\"b\");\n", ")", "(,)(,"}) {
    EXPECT_EQ(WithoutColumnOrder(text), text);
  }
}

}  // namespace
}  // namespace croft::agent
