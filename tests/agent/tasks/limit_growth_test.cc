#include <string>
#include <thread>
#include <vector>

#include <absl/strings/str_cat.h>

#include "tests/agent/tasks/tenant_fixture.h"

namespace croft::agent {
namespace {

constexpr char kOddSchema[] = "Odd \"one\"";
constexpr char kOddTable[] = "%s $$ it's";

class LimitGrowthTest : public TenantTest {
 protected:
  LimitGrowthTest() : tenant_(MadeTenant()) {
    Must("CREATE TABLE public.orders (id int PRIMARY KEY, note text)");
    Must("CREATE TABLE public.items (of int REFERENCES public.orders ON DELETE CASCADE)");
    Must("CREATE TABLE public.log (at int) PARTITION BY RANGE (at)");
    Must("CREATE TABLE public.log_1 PARTITION OF public.log FOR VALUES FROM (0) TO (100)");
    Must({"CREATE SCHEMA %I", {kOddSchema}});
    Must({"CREATE TABLE %I.%I (id int)", {kOddSchema, kOddTable}});
    Must("INSERT INTO public.orders SELECT g, 'x' FROM generate_series(1, 100) g");
    Must("INSERT INTO public.items SELECT g FROM generate_series(1, 100) g");
  }

  absl::Status As(const std::string& user, const Statement& statement) {
    return Sql(tenant_, user, statement);
  }
  void Must(const Statement& statement) {
    const absl::Status done = As(tenant_.a(), statement);
    EXPECT_TRUE(done.ok()) << done << "\n" << statement.text();
  }
  void Refused(const Statement& statement) {
    EXPECT_EQ(SqlStateOf(As(tenant_.a(), statement)), sqlstate::kInsufficientPrivilege) << statement.text();
  }
  void Limit(bool closed) {
    const absl::Status done = RunDone(tenant_, LimitGrowthWork{closed});
    ASSERT_TRUE(done.ok()) << done;
  }
  // Every ACL in the database that is not as it is by itself.
  std::vector<std::string> Acls() {
    auto admin = postgres_.Admin(tenant_.objects.database);
    return *admin.Value<std::vector<std::string>>(
        "SELECT ARRAY(SELECT c.oid::regclass::text || ' ' || a::text FROM pg_class c, unnest(c.relacl) a "
        "WHERE c.relnamespace::regnamespace::text !~ '^pg_|information_schema' AND a::text !~ 'arwdDxt' "
        "UNION ALL SELECT nspname::text || ' ' || a::text FROM pg_namespace, unnest(nspacl) a "
        "WHERE nspname !~ '^pg_|information_schema' ORDER BY 1)");
  }

  const TestTenant tenant_;
};

TEST_F(LimitGrowthTest, WhatGrowsIsRefusedAndAllElseGoesOn) {
  Limit(true);
  Refused("INSERT INTO public.orders VALUES (1000, 'x')");
  Refused("INSERT INTO public.orders VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET note = 'y'");
  Refused("COPY public.orders FROM PROGRAM 'true'");
  Refused("INSERT INTO public.log VALUES (1)");
  Refused("INSERT INTO public.log_1 VALUES (1)");
  Refused({"INSERT INTO %I.%I VALUES (1)", {kOddSchema, kOddTable}});
  Refused("CREATE TABLE public.more (id int)");
  Refused("CREATE TABLE public.more AS SELECT * FROM public.orders");
  Refused("CREATE INDEX ON public.orders (note)");
  Refused("CREATE SCHEMA more");

  Must("SELECT count(*) FROM public.orders");
  Must("UPDATE public.orders SET note = 'z' WHERE id = 1");
  Must("DELETE FROM public.orders WHERE id <= 50");
  Must("VACUUM public.orders");
  Must("VACUUM FULL public.orders");
  Must("REINDEX TABLE public.orders");
  Must("TRUNCATE public.items");
  Must("DROP TABLE public.items");
  EXPECT_TRUE(As(tenant_.ra(), "SELECT count(*) FROM public.orders").ok());
}

TEST_F(LimitGrowthTest, OpenedItHasWhatItHadAndNoMore) {
  Must("CREATE TABLE public.frozen (id int)");
  Must("REVOKE INSERT ON public.frozen FROM CURRENT_USER");
  const std::vector<std::string> before = Acls();
  Limit(true);
  EXPECT_NE(Acls(), before);
  Limit(false);
  EXPECT_EQ(Acls(), before);
  Must("INSERT INTO public.orders VALUES (1000, 'x')");
  Must("INSERT INTO public.log VALUES (1)");
  Must("CREATE SCHEMA more");
  Must("CREATE TABLE more.orders (id int)");
  Refused("INSERT INTO public.frozen VALUES (1)");
}

TEST_F(LimitGrowthTest, ARepeatClosesWhatWasMadeOrGivenBackSince) {
  Limit(true);
  Must("GRANT INSERT ON public.orders TO CURRENT_USER");
  Must("GRANT CREATE ON SCHEMA public TO CURRENT_USER");
  Must("CREATE TABLE public.more (id int)");
  Must("INSERT INTO public.more VALUES (1)");
  Must("INSERT INTO public.orders VALUES (1000, 'x')");
  Limit(true);
  Refused("INSERT INTO public.more VALUES (1)");
  Refused("INSERT INTO public.orders VALUES (1001, 'x')");
  Limit(false);
  Must("INSERT INTO public.more VALUES (1)");
}

TEST_F(LimitGrowthTest, CutAnywhereItIsDoneByTheNextAttempt) {
  RunCutEverywhere(tenant_, LimitGrowthWork{true});
  Refused("INSERT INTO public.orders VALUES (1000, 'x')");
  RunCutEverywhere(tenant_, LimitGrowthWork{false});
  Must("INSERT INTO public.orders VALUES (1000, 'x')");
}

TEST_F(LimitGrowthTest, AClosedTenantIsFencedAndOpenedAndGivenLogins) {
  Limit(true);
  ASSERT_TRUE(RunDone(tenant_, FenceWork{}).ok());
  EXPECT_EQ(DetailsOf(RunDone(tenant_, LimitGrowthWork{false})).reason, "DATABASE_SEALED");
  UnfenceWork unfence = UnfenceOf(tenant_);
  unfence.limits.closed_for_growth = true;
  const absl::Status opened = RunDone(tenant_, unfence);
  EXPECT_TRUE(opened.ok()) << opened;
  const absl::Status rotated =
      RunDone(tenant_, RotateWork{.enable = true, .login = LoginFor(tenant_.b(), "another")});
  EXPECT_TRUE(rotated.ok()) << rotated;
  ConfigureWork configure{limits_, tenant_.logins};
  configure.limits.closed_for_growth = true;
  EXPECT_TRUE(RunDone(tenant_, configure).ok());
  Refused("INSERT INTO public.orders VALUES (1000, 'x')");
  Refused("CREATE SCHEMA more");
}

// A catalog that was restored from a copy of before it was closed.
TEST_F(LimitGrowthTest, ConfiguredAsAnOpenOneItIsOpened) {
  Limit(true);
  ASSERT_TRUE(RunDone(tenant_, ConfigureWork{limits_, tenant_.logins}).ok());
  Must("INSERT INTO public.orders VALUES (1000, 'x')");
  Must("CREATE SCHEMA more");
}

TEST_F(LimitGrowthTest, ATableThatIsInUseKeepsNoOtherOpen) {
  auto session = postgres_.Login(tenant_.objects.database, tenant_.a(), tenant_.password);
  ASSERT_TRUE(session.ok());
  ASSERT_TRUE(session->Execute("BEGIN").ok());
  ASSERT_TRUE(session->Execute("ALTER TABLE public.items ADD COLUMN more int").ok());
  const absl::StatusOr<Outcome> closed = Run(tenant_, LimitGrowthWork{true});
  ASSERT_TRUE(closed.ok()) << closed.status();
  EXPECT_THAT(std::get<Done>(*closed).message, testing::HasSubstr("some tables are in use"));
  Refused("INSERT INTO public.orders VALUES (1000, 'x')");
  EXPECT_TRUE(session->Execute("INSERT INTO public.items VALUES (1)").ok()) << "it was not ended";
  ASSERT_TRUE(session->Execute("COMMIT").ok());
  Limit(true);
  Refused("INSERT INTO public.items VALUES (1)");

  ASSERT_TRUE(session->Execute("BEGIN").ok());
  ASSERT_TRUE(session->Execute("ALTER TABLE public.items DROP COLUMN more").ok());
  EXPECT_EQ(DetailsOf(RunDone(tenant_, LimitGrowthWork{false})).reason, "TABLE_IN_USE")
      << "to be tried again";
  ASSERT_TRUE(session->Execute("COMMIT").ok());
  Limit(false);
  Must("INSERT INTO public.items VALUES (1)");
}

// Its own changes of the same tables do not make it fail.
TEST_F(LimitGrowthTest, TablesThatComeAndGoMeanwhileDoNoHarm) {
  for (int i = 0; i < 60; ++i) Must({"CREATE TABLE public.%I (id int)", {absl::StrCat("t", i)}});
  std::thread dropping([this] {
    for (int i = 0; i < 60; ++i) Must({"DROP TABLE public.%I", {absl::StrCat("t", i)}});
  });
  for (const bool closed : {true, false, true}) Limit(closed);
  dropping.join();
  Refused("INSERT INTO public.orders VALUES (1000, 'x')");
}

}  // namespace
}  // namespace croft::agent
