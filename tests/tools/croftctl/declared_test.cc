#include "tools/croftctl/declared.h"

#include <string>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/croftctl/exit_code.h"

// The file that declares tenants: what is read and what is refused.
namespace croft::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

Declared Parsed(const std::string& text) {
  const auto declared = ParseDeclared(text, "tenants.yaml");
  EXPECT_TRUE(declared.ok()) << declared.status();
  return declared.value_or(Declared());
}

TEST(DeclaredFile, BackupPolicyHasTimesAndRules) {
  const Declared declared = Parsed(R"(owner: shop
tenants:
  acme:
    backupPolicy:
      every: null
      cron: 30 2 * * 1-5
      timeZone: Europe/Berlin
      window: "22:00-05:00"
      jitter: 10m
      keepWithin: 2d
      keepDaily: 7
      keepWeekly: 4
      keepMonthly: 12
      keepYearly: null
      off: [proofs, skipped-rows]
)");
  const DeclaredTenant& acme = declared.tenants.front();
  EXPECT_THAT(acme.named,
              ElementsAre("backup_policy.every", "backup_policy.cron", "backup_policy.time_zone",
                          "backup_policy.window", "backup_policy.jitter", "backup_policy.keep_within",
                          "backup_policy.keep_daily", "backup_policy.keep_weekly",
                          "backup_policy.keep_monthly", "backup_policy.keep_yearly", "backup_policy.off"));
  const v1::BackupPolicy& policy = acme.fields.backup_policy();
  EXPECT_FALSE(policy.has_every());
  EXPECT_EQ(policy.cron(), "30 2 * * 1-5");
  EXPECT_EQ(policy.time_zone(), "Europe/Berlin");
  EXPECT_EQ(policy.window(), "22:00-05:00");
  EXPECT_EQ(policy.keep_within().seconds(), 48 * 3600);
  EXPECT_EQ(policy.keep_daily(), 7);
  EXPECT_EQ(policy.keep_weekly(), 4);
  EXPECT_EQ(policy.keep_monthly(), 12);
  EXPECT_EQ(policy.keep_yearly(), 0);
  EXPECT_THAT(policy.off(), ElementsAre(v1::BACKUP_PART_PROOFS, v1::BACKUP_PART_SKIPPED_ROWS));
  EXPECT_TRUE(SameField(acme.fields, v1::Tenant(), "backup_policy.jitter")) << "it is the default";
}

TEST(DeclaredFile, EveryFieldIsRead) {
  const Declared declared = Parsed(R"(# The shop's tenants.
owner: shop
tenants:
  globex:
  acme:
    displayName: "Acme: Ltd"
    aliases: [shop.acme.com, '4711']
    labels: {app: shop, release: 1.10}
    expireTime: 2030-01-31T18:00:00Z
    extensions: [pg_trgm]
    locale: C.UTF-8
    hostSelector: {zone: a}
    deleteProtection: true
    quota: {connections: 20, statementTimeout: 1m30s, storage: 10GiB}
    backupPolicy: {every: 6h, keep: 28, proveEvery: 168h, proveOn: {role: proof}, skipRows: [public.jobs, "*.cache"]}
    features: {beta: true, limit: 2.5, theme: dark, quoted: "true"}
    settings:
      colours: [red, 1, null, {deep: no}]
      zip: "01234"
      odd: 007
)");
  EXPECT_EQ(declared.owner, "shop");
  ASSERT_THAT(declared.tenants, SizeIs(2));
  const DeclaredTenant& acme = declared.tenants.front();
  EXPECT_EQ(acme.id, "acme");
  EXPECT_EQ(acme.line, 5);
  EXPECT_THAT(acme.named,
              ElementsAre("display_name", "aliases", "labels", "expire_time", "extensions", "locale",
                          "delete_protection", "quota.connections", "quota.statement_timeout",
                          "quota.storage_bytes", "backup_policy.every", "backup_policy.keep",
                          "backup_policy.prove_every", "backup_policy.prove_on", "backup_policy.skip_rows",
                          "features", "settings"));
  EXPECT_EQ(acme.fields.display_name(), "Acme: Ltd");
  EXPECT_THAT(acme.fields.aliases(), ElementsAre("shop.acme.com", "4711"));
  EXPECT_EQ(acme.fields.labels().at("release"), "1.10") << "a label is text";
  EXPECT_EQ(acme.fields.labels().at(kOwnerLabel), "shop");
  EXPECT_EQ(acme.fields.expire_time().seconds(), 1896112800);
  EXPECT_EQ(acme.fields.quota().connections(), 20);
  EXPECT_EQ(acme.fields.quota().statement_timeout().seconds(), 90);
  EXPECT_EQ(acme.fields.quota().storage_bytes(), int64_t{10} << 30);
  EXPECT_EQ(acme.fields.backup_policy().every().seconds(), 6 * 3600);
  EXPECT_EQ(acme.fields.backup_policy().keep(), 28);
  EXPECT_EQ(acme.fields.backup_policy().prove_every().seconds(), 7 * 24 * 3600);
  EXPECT_EQ(acme.fields.backup_policy().prove_on().at("role"), "proof");
  EXPECT_THAT(acme.fields.backup_policy().skip_rows(), ElementsAre("public.jobs", "*.cache"));
  EXPECT_TRUE(acme.fields.delete_protection());
  EXPECT_EQ(acme.host_selector, (Labels{{"zone", "a"}}));
  const auto& features = acme.fields.features();
  EXPECT_TRUE(features.at("beta").bool_value());
  EXPECT_EQ(features.at("limit").number_value(), 2.5);
  EXPECT_EQ(features.at("theme").string_value(), "dark");
  EXPECT_EQ(features.at("quoted").string_value(), "true");
  const auto& settings = acme.fields.settings().fields();
  EXPECT_EQ(settings.at("zip").string_value(), "01234");
  EXPECT_EQ(settings.at("odd").string_value(), "007") << "no number of JSON's";
  const auto& colours = settings.at("colours").list_value().values();
  ASSERT_THAT(colours, SizeIs(4));
  EXPECT_EQ(colours[1].number_value(), 1);
  EXPECT_TRUE(colours[2].has_null_value());
  EXPECT_EQ(colours[3].struct_value().fields().at("deep").string_value(), "no");
  EXPECT_THAT(declared.tenants.back().named, SizeIs(0));
  EXPECT_EQ(declared.tenants.back().fields.labels().at(kOwnerLabel), "shop");
}

TEST(DeclaredFile, JsonIsReadToo) {
  const Declared declared =
      Parsed(R"({"owner": "shop", "tenants": {"acme": {"labels": {"app": "shop"}}}})");
  ASSERT_THAT(declared.tenants, SizeIs(1));
  EXPECT_EQ(declared.tenants.front().fields.labels().at("app"), "shop");
}

TEST(DeclaredFile, WhatIsWrongIsNamedWithItsLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "line 1: wants owner: and tenants:"},
      {"- acme", "line 1: wants owner: and tenants:"},
      {"tenants: {}", "there is no owner: "},
      {"owner: shop", "there is no tenants: "},
      {"owner: shop\ntennants: {}", "line 2: there is no tennants; did you mean 'tenants'?"},
      {"owner: shop\ntenants: [acme]", "line 2: tenants must be a map"},
      {"owner: shop\ntenants:\n  acme: {}\n  acme: {}", "line 4: acme is there twice; first on line 3"},
      {"owner: shop\ntenants:\n  acme:\n    labels: {a: b, a: c}", "line 4: a is there twice"},
      {"owner: shop\ntenants:\n  Acme!: {}", "line 3: Acme! is no tenant's id"},
      {"owner: shop\ntenants:\n  acme: yes", "line 3: tenant acme must be a map"},
      {"owner: shop\ntenants:\n  acme:\n    lables: {}",
       "tenant acme: line 4: there is no field lables; did you mean 'labels'?"},
      {"owner: shop\ntenants:\n  acme:\n    quota: {conections: 2}",
       "there is no field quota.conections; did you mean 'connections'?"},
      {"owner: shop\ntenants:\n  acme:\n    state: READY", "there is no field state"},
      {"owner: shop\ntenants:\n  acme:\n    quota: {connections: many}", "must be a whole number"},
      {"owner: shop\ntenants:\n  acme:\n    quota: {connections: 0}", "must be a whole number"},
      {"owner: shop\ntenants:\n  acme:\n    quota: {storage: much}", "line 4: quota.storage wants bytes"},
      {"owner: shop\ntenants:\n  acme:\n    quota: {statementTimeout: soon}", "wants a duration"},
      {"owner: shop\ntenants:\n  acme:\n    expireTime: tomorrow", "line 4: expireTime wants a time"},
      {"owner: shop\ntenants:\n  acme:\n    labels: {live: true}",
       "labels.live must be text; put quotes around it"},
      {"owner: shop\ntenants:\n  acme:\n    labels: {managed-by: other}",
       "labels.managed-by is set by apply"},
      {"owner: shop\ntenants:\n  acme:\n    deleteProtection: on", "must be true or false"},
      {"owner: shop\ntenants:\n  acme:\n    features: {beta: [1]}", "features.beta must be"},
      {"owner: shop\ntenants:\n  acme: &a {}\n  globex: *a", "line 4: aliases such as *name"},
      {"owner: shop\ntenants:\n  acme: !!binary x", "line 3: the tag"},
      {"owner: shop\ntenants: {}\n---\nowner: other", "line 3: a second document begins"},
      {"owner: shop\ntenants:\n  [acme]: {}", "line 3: a key must be text"},
      {"owner: shop\ntenants: {acme: {}", "line "},
      {"owner: shop\ntenants:\n  acme:\n    displayName: \xff", "line 4: is not UTF-8"},
  };
  for (const auto& [text, message] : cases) {
    const auto declared = ParseDeclared(text, "tenants.yaml");
    ASSERT_FALSE(declared.ok()) << text;
    EXPECT_THAT(declared.status().message(), HasSubstr(message)) << text;
    EXPECT_THAT(declared.status().message(), HasSubstr("tenants.yaml: ")) << text;
    EXPECT_EQ(ExitCodeOf(declared.status()), ExitCode::kUsage) << text;
  }
}

TEST(DeclaredFile, NestingHasAnEnd) {
  const std::string deep(100000, '[');
  EXPECT_FALSE(ParseDeclared(absl::StrCat("owner: ", deep), "tenants.yaml").ok());
}

TEST(DeclaredFile, FieldsAreComparedAsTheyAreKept) {
  v1::Tenant one;
  v1::Tenant other;
  one.add_aliases("a");
  one.add_aliases("b");
  other.add_aliases("b");
  other.add_aliases("a");
  EXPECT_TRUE(SameField(one, other, "aliases"));
  other.add_aliases("c");
  EXPECT_FALSE(SameField(one, other, "aliases"));
  one.mutable_quota()->set_connections(5);
  EXPECT_FALSE(SameField(one, other, "quota.connections"));
  EXPECT_TRUE(SameField(one, other, "quota.statement_timeout"));
  other.mutable_backup_policy()->mutable_every()->set_seconds(60);
  EXPECT_FALSE(SameField(one, other, "backup_policy.every"));
  EXPECT_TRUE(SameField(one, other, "backup_policy.keep"));
  EXPECT_TRUE(SameField(one, other, "labels"));
  EXPECT_TRUE(IsFixed("locale"));
  EXPECT_FALSE(IsFixed("labels"));
}

}  // namespace
}  // namespace croft::ctl
