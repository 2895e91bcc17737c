#include "controlplane/wire/tenant_requests.h"

#include <limits>

#include <google/protobuf/util/message_differencer.h>

#include "common/utf8.h"
#include "controlplane/wire/fields.h"
#include "controlplane/wire/tenant.h"
#include "tests/controlplane/wire/corpus.h"

namespace croft::wire {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kParse = [](const auto& request) { return Parse(request).status(); };

v1::CreateTenantRequest ValidCreate() {
  v1::CreateTenantRequest request;
  request.set_tenant_id("acme");
  v1::Tenant& tenant = *request.mutable_tenant();
  tenant.set_display_name("Acme & Söhne „GmbH“");
  tenant.add_aliases("shop.acme.com");
  tenant.add_aliases("cust:17_b");
  (*tenant.mutable_labels())["app.kubernetes.io"] = "Shop-1_x";
  (*tenant.mutable_labels())["empty"] = "";
  tenant.mutable_storage_grace_time()->set_seconds(1900000000);
  tenant.mutable_expire_time()->set_seconds(4102444800);
  tenant.add_extensions("pg_trgm");
  tenant.add_extensions("uuid-ossp");
  tenant.set_locale("de_DE.UTF-8");
  auto& settings = *tenant.mutable_settings()->mutable_fields();
  settings["theme"].set_string_value("dark \"mode\"\n\xC3\xA9");
  settings["limit"].set_number_value(0.1);
  settings["big"].set_number_value(1e300);
  settings["none"].set_null_value(google::protobuf::NULL_VALUE);
  settings["list"].mutable_list_value()->add_values()->set_bool_value(true);
  (*settings["deep"].mutable_struct_value()->mutable_fields())["a"].set_number_value(-7);
  settings["empty"].mutable_struct_value();
  (*tenant.mutable_features())["beta"].set_bool_value(true);
  (*tenant.mutable_features())["rate"].set_number_value(1.25);
  (*tenant.mutable_features())["tier"].set_string_value("gold");
  tenant.mutable_quota()->set_connections(20);
  tenant.mutable_quota()->mutable_statement_timeout()->set_seconds(30);
  tenant.mutable_backup_policy();
  (*request.mutable_host_selector())["zone"] = "a";
  request.set_request_id("6BA7B810-9dad-11d1-80b4-00c04fd430c8");
  return request;
}

TEST(CreateTenantTest, WhatTheCallerChoseComesBack) {
  const v1::CreateTenantRequest request = ValidCreate();
  const auto parsed = Parse(request);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const domain::Host host{.id = "h1"};
  v1::Tenant shown = ToProto(parsed->tenant, {.host = &host});
  EXPECT_EQ(shown.name(), "tenants/acme");
  // What the control plane adds.
  for (const char* field : {"name", "create_time", "update_time", "etag", "state", "placement",
                            "conditions", "storage_level"}) {
    shown.GetReflection()->ClearField(&shown, v1::Tenant::descriptor()->FindFieldByName(field));
  }
  std::string difference;
  MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&difference);
  EXPECT_TRUE(differencer.Compare(request.tenant(), shown)) << difference;
}

TEST(CreateTenantTest, EqualSettingsGiveEqualText) {
  const auto text = [](bool forward) {
    v1::CreateTenantRequest request;
    request.set_tenant_id("acme");
    for (int i = 0; i < 50; ++i) {
      const std::string key = "k" + std::to_string(forward ? i : 49 - i);
      (*request.mutable_tenant()->mutable_settings()->mutable_fields())[key].set_number_value(1);
    }
    return Parse(request)->tenant.settings;
  };
  EXPECT_EQ(text(true), text(false));
}

TEST(CreateTenantTest, DefaultsAreFilledIn) {
  v1::CreateTenantRequest request;
  request.set_tenant_id("1042");
  const auto parsed = Parse(request);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->tenant.quota, domain::Quota());
  EXPECT_EQ(parsed->tenant.settings, "");
  EXPECT_EQ(parsed->tenant.features, "");
  EXPECT_FALSE(parsed->tenant.expire_time);
}

TEST(CreateTenantTest, AliasesAreTakenInLowerCaseAndOnce) {
  v1::CreateTenantRequest request;
  request.set_tenant_id("acme");
  request.mutable_tenant()->add_aliases("Shop.ACME.com");
  EXPECT_THAT(Parse(request)->tenant.aliases, ElementsAre("shop.acme.com"));
  request.mutable_tenant()->add_aliases("shop.acme.com");
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("tenant.aliases[1]"));
}

TEST(CreateTenantTest, EveryTextFieldRefusesBadTexts) {
  const v1::CreateTenantRequest base = ValidCreate();
  using Request = v1::CreateTenantRequest;
  v1::CreateTenantRequest unnamed = base;
  ExpectBadTextsRefused(
      unnamed, "tenant_id", kParse, [](Request& r, const std::string& t) { r.set_tenant_id(t); },
      IdsOnly());
  ExpectBadTextsRefused(base, "tenant.name", kParse,
                        [](Request& r, const std::string& t) { r.mutable_tenant()->set_name(t); });
  ExpectBadTextsRefused(
      base, "tenant.aliases", kParse,
      [](Request& r, const std::string& t) { r.mutable_tenant()->set_aliases(0, t); },
      [](const std::string& t) {
        return t.size() <= 64 &&
               t.find_first_not_of("abcdefghijklmnopqrstuvwxyzUPER0123456789_-") == std::string::npos;
      });
  ExpectBadTextsRefused(base, "tenant.extensions", kParse,
                        [](Request& r, const std::string& t) { r.mutable_tenant()->set_extensions(0, t); });
  ExpectBadTextsRefused(
      base, "tenant.locale", kParse,
      [](Request& r, const std::string& t) { r.mutable_tenant()->set_locale(t); },
      [](const std::string& t) {
        return t == std::string(63, 'a') || t == "UPPER" || t == "postgres" || t == "pg_x";
      });
  const auto is_label = [](const std::string& t) {
    return t.size() <= 63 &&
           t.find_first_not_of("abcdefghijklmnopqrstuvwxyzUPER0123456789_-.") == std::string::npos;
  };
  ExpectBadTextsRefused(
      base, "tenant.labels", kParse,
      [](Request& r, const std::string& t) { (*r.mutable_tenant()->mutable_labels())["key"] = t; },
      is_label);
  ExpectBadTextsRefused(
      base, "tenant.labels", kParse,
      [](Request& r, const std::string& t) { (*r.mutable_tenant()->mutable_labels())[t] = "value"; },
      is_label);
  ExpectBadTextsRefused(
      base, "host_selector", kParse,
      [](Request& r, const std::string& t) { (*r.mutable_host_selector())[t] = "value"; }, is_label);
  ExpectBadTextsRefused(
      base, "tenant.features", kParse,
      [](Request& r, const std::string& t) {
        (*r.mutable_tenant()->mutable_features())[t].set_bool_value(true);
      },
      is_label);
  ExpectBadTextsRefused(base, "request_id", kParse,
                        [](Request& r, const std::string& t) { r.set_request_id(t); });
  // Texts for people and for applications take everything that can be shown, or that JSON can hold.
  ExpectBadTextsRefused(
      base, "tenant.display_name", kParse,
      [](Request& r, const std::string& t) { r.mutable_tenant()->set_display_name(t); },
      [](const std::string& t) {
        return t.size() <= 128 && IsUtf8(t) &&
               t.find_first_of(std::string("\0\n\t\x7F", 4)) == std::string::npos &&
               t.find("\xE2\x80\xA8") == std::string::npos;
      });
  ExpectBadTextsRefused(
      base, "tenant.settings", kParse,
      [](Request& r, const std::string& t) {
        (*r.mutable_tenant()->mutable_settings()->mutable_fields())["k"].set_string_value(t);
      },
      [](const std::string& t) {
        return t.size() <= 64 && IsUtf8(t) && t.find('\0') == std::string::npos;
      });
}

TEST(CreateTenantTest, AllThatIsWrongIsSaidAtOnce) {
  v1::CreateTenantRequest request = ValidCreate();
  request.set_tenant_id("Bad Id");
  request.mutable_tenant()->mutable_quota()->set_connections(-1);
  request.mutable_tenant()->mutable_quota()->mutable_statement_timeout()->set_seconds(-5);
  request.mutable_tenant()->add_extensions("plpython3u");
  request.mutable_tenant()->mutable_backup_policy()->set_keep(std::numeric_limits<int32_t>::min());
  request.set_request_id("7");
  EXPECT_THAT(FieldsOf(Parse(request).status()),
              ElementsAre("tenant_id", "tenant.extensions[2]", "tenant.quota.connections",
                          "tenant.quota.statement_timeout", "tenant.backup_policy.keep", "request_id"));
}

TEST(CreateTenantTest, ExtremeNumbersAreRefused) {
  for (const int32_t connections : {-1, 10001, INT32_MAX, INT32_MIN}) {
    v1::CreateTenantRequest request = ValidCreate();
    request.mutable_tenant()->mutable_quota()->set_connections(connections);
    EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("tenant.quota.connections"));
  }
  for (const int64_t seconds : {INT64_MIN, INT64_MAX, int64_t{-62135596801}, int64_t{253402300800}}) {
    v1::CreateTenantRequest request = ValidCreate();
    request.mutable_tenant()->mutable_expire_time()->set_seconds(seconds);
    EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("tenant.expire_time"));
  }
  for (const int64_t seconds : {INT64_MIN, int64_t{-1}, INT64_MAX, int64_t{2147484}}) {
    v1::CreateTenantRequest request = ValidCreate();
    request.mutable_tenant()->mutable_quota()->mutable_statement_timeout()->set_seconds(seconds);
    EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("tenant.quota.statement_timeout"));
  }
  for (const int32_t nanos : {-1, INT32_MIN, INT32_MAX, 1000000000, 1}) {
    v1::CreateTenantRequest request = ValidCreate();
    request.mutable_tenant()->mutable_quota()->mutable_statement_timeout()->set_nanos(nanos);
    EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("tenant.quota.statement_timeout")) << nanos;
  }
}

TEST(CreateTenantTest, SizesHaveLimits) {
  v1::CreateTenantRequest request = ValidCreate();
  for (int i = 0; i < 40; ++i) (*request.mutable_tenant()->mutable_labels())["k" + std::to_string(i)] = "v";
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("tenant.labels"));

  request = ValidCreate();
  for (int i = 0; i < 20; ++i) request.mutable_tenant()->add_aliases("a" + std::to_string(i));
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("tenant.aliases"));

  request = ValidCreate();
  (*request.mutable_tenant()->mutable_settings()->mutable_fields())["k"].set_string_value(
      std::string(70000, 'x'));
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("tenant.settings"));

  request = ValidCreate();
  google::protobuf::Value* value = &(*request.mutable_tenant()->mutable_settings()->mutable_fields())["k"];
  for (int i = 0; i < 1000; ++i) value = &(*value->mutable_struct_value()->mutable_fields())["k"];
  value->set_bool_value(true);
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("tenant.settings"));
}

TEST(CreateTenantTest, NumbersThatJsonCannotHoldAreRefused) {
  for (const double number :
       {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
        std::numeric_limits<double>::quiet_NaN()}) {
    v1::CreateTenantRequest request = ValidCreate();
    (*request.mutable_tenant()->mutable_settings()->mutable_fields())["k"].set_number_value(number);
    (*request.mutable_tenant()->mutable_features())["f"].set_number_value(number);
    EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("tenant.settings", "tenant.features.f"));
  }
  v1::CreateTenantRequest request = ValidCreate();
  (*request.mutable_tenant()->mutable_features())["f"].mutable_list_value();
  (*request.mutable_tenant()->mutable_settings()->mutable_fields())["unset"];
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("tenant.settings", "tenant.features.f"));
}

v1::UpdateTenantRequest ValidUpdate(std::vector<std::string> paths) {
  v1::UpdateTenantRequest request;
  request.mutable_tenant()->set_name("tenants/acme");
  request.mutable_tenant()->set_etag("\"7\"");
  for (std::string& path : paths) request.mutable_update_mask()->add_paths(std::move(path));
  return request;
}

// The quota of a tenant with another one, once it is updated.
domain::Quota QuotaAfter(const domain::TenantUpdate& update) {
  domain::Tenant tenant{
      .quota = {.connections = 3, .storage_bytes = 4, .statement_timeout = absl::Seconds(5)}};
  update.ApplyTo(tenant);
  return tenant.quota;
}

TEST(UpdateTenantTest, EmptyMaskMeansEveryFieldThatIsSet) {
  v1::UpdateTenantRequest request = ValidUpdate({});
  request.mutable_tenant()->set_display_name("New");
  (*request.mutable_tenant()->mutable_labels())["a"] = "b";
  request.mutable_tenant()->set_locale("C");  // cannot change, and is not asked to
  const auto parsed = Parse(request);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->etag, "7");
  EXPECT_EQ(parsed->update.Given<&domain::Tenant::display_name>(), "New");
  EXPECT_EQ(parsed->update.Given<&domain::Tenant::labels>()->at("a"), "b");
  EXPECT_FALSE(parsed->update.Given<&domain::Tenant::aliases>());
  EXPECT_EQ(QuotaAfter(parsed->update).connections, 3);
  EXPECT_FALSE(parsed->update.Given<&domain::Tenant::expire_time>());
}

TEST(UpdateTenantTest, NamedFieldsThatAreUnsetAreCleared) {
  const auto parsed = Parse(ValidUpdate({"display_name", "aliases", "labels", "expire_time", "settings",
                                         "features", "quota", "backup_policy"}));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->update.Given<&domain::Tenant::display_name>(), "");
  EXPECT_TRUE(parsed->update.Given<&domain::Tenant::aliases>()->empty());
  EXPECT_TRUE(parsed->update.Given<&domain::Tenant::labels>()->empty());
  ASSERT_TRUE(parsed->update.Given<&domain::Tenant::expire_time>());
  EXPECT_FALSE(*parsed->update.Given<&domain::Tenant::expire_time>());
  EXPECT_EQ(parsed->update.Given<&domain::Tenant::settings>(), "");
  EXPECT_EQ(QuotaAfter(parsed->update), domain::Quota());
  EXPECT_EQ(parsed->update.Given<&domain::Tenant::backups_kept>(), 0);
  EXPECT_EQ(parsed->update.Given<&domain::Tenant::backup_every>(), absl::ZeroDuration());
  EXPECT_EQ(parsed->update.Given<&domain::Tenant::prove_every>(), absl::ZeroDuration());
}

TEST(UpdateTenantTest, KeysAreSetOrRemovedAlone) {
  v1::UpdateTenantRequest request =
      ValidUpdate({"labels.app", "labels.gone.x", "features.beta", "features.old"});
  (*request.mutable_tenant()->mutable_labels())["app"] = "shop";
  (*request.mutable_tenant()->mutable_labels())["unnamed"] = "x";
  (*request.mutable_tenant()->mutable_features())["beta"].set_number_value(2);
  const auto parsed = Parse(request);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  using Edits = std::map<std::string, std::optional<std::string>>;
  EXPECT_EQ(parsed->update.label_edits, (Edits{{"app", "shop"}, {"gone.x", std::nullopt}}));
  EXPECT_EQ(parsed->update.feature_edits, (Edits{{"beta", "2"}, {"old", std::nullopt}}));
  EXPECT_FALSE(parsed->update.Given<&domain::Tenant::labels>());
}

TEST(UpdateTenantTest, AStarMeansEveryFieldSetOrNot) {
  v1::UpdateTenantRequest request = ValidUpdate({"*"});
  request.mutable_tenant()->set_display_name("New");
  request.mutable_tenant()->set_locale("C");  // fixed, so it is not part of everything
  const auto parsed = Parse(request);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->update.Given<&domain::Tenant::display_name>(), "New");
  EXPECT_TRUE(parsed->update.Given<&domain::Tenant::aliases>()->empty());
  EXPECT_TRUE(parsed->update.Given<&domain::Tenant::labels>()->empty());
  EXPECT_EQ(parsed->update.Given<&domain::Tenant::settings>(), "");
  EXPECT_EQ(parsed->update.Given<&domain::Tenant::features>(), "");
  EXPECT_EQ(QuotaAfter(parsed->update), domain::Quota());
  ASSERT_TRUE(parsed->update.Given<&domain::Tenant::expire_time>());
  EXPECT_FALSE(*parsed->update.Given<&domain::Tenant::expire_time>());
}

TEST(UpdateTenantTest, PartsOfAFieldAreChangedAlone) {
  v1::UpdateTenantRequest request =
      ValidUpdate({"quota.connections", "settings.theme", "settings.gone", "backup_policy.keep"});
  request.mutable_tenant()->mutable_quota()->set_connections(7);
  request.mutable_tenant()->mutable_quota()->mutable_statement_timeout()->set_seconds(9);
  auto& settings = *request.mutable_tenant()->mutable_settings()->mutable_fields();
  settings["theme"].mutable_list_value()->add_values()->set_string_value("dark");
  const auto parsed = Parse(request);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  using Edits = std::map<std::string, std::optional<std::string>>;
  EXPECT_EQ((parsed->update.Given<&domain::Tenant::quota, &domain::Quota::connections>()), 7);
  EXPECT_FALSE((parsed->update.Given<&domain::Tenant::quota, &domain::Quota::statement_timeout>()));
  EXPECT_EQ(QuotaAfter(parsed->update).storage_bytes, 4);
  EXPECT_EQ(parsed->update.settings_edits, (Edits{{"theme", "[\"dark\"]"}, {"gone", std::nullopt}}));
  const auto timeout = Parse(ValidUpdate({"quota.statement_timeout"}));
  EXPECT_EQ((timeout->update.Given<&domain::Tenant::quota, &domain::Quota::statement_timeout>()),
            absl::ZeroDuration());
  v1::UpdateTenantRequest often = ValidUpdate({"backup_policy.every"});
  often.mutable_tenant()->mutable_backup_policy()->mutable_every()->set_seconds(600);
  often.mutable_tenant()->mutable_backup_policy()->set_keep(9);
  EXPECT_EQ(Parse(often)->update.Given<&domain::Tenant::backup_every>(), absl::Minutes(10));
  EXPECT_FALSE(Parse(often)->update.Given<&domain::Tenant::backups_kept>());

  v1::UpdateTenantRequest proven = ValidUpdate({"backup_policy.prove_every"});
  proven.mutable_tenant()->mutable_backup_policy()->mutable_prove_every()->set_seconds(7 * 24 * 3600);
  EXPECT_EQ(Parse(proven)->update.Given<&domain::Tenant::prove_every>(), absl::Hours(7 * 24));
  EXPECT_FALSE(Parse(proven)->update.Given<&domain::Tenant::backup_every>());

  v1::UpdateTenantRequest elsewhere = ValidUpdate({"backup_policy.prove_on"});
  using ProofLabels = std::map<std::string, std::string>;
  EXPECT_EQ(Parse(elsewhere)->update.Given<&domain::Tenant::prove_on>(), ProofLabels());
  (*elsewhere.mutable_tenant()->mutable_backup_policy()->mutable_prove_on())["role"] = "proof";
  EXPECT_EQ(Parse(elsewhere)->update.Given<&domain::Tenant::prove_on>(), (ProofLabels{{"role", "proof"}}));
  EXPECT_FALSE(Parse(elsewhere)->update.Given<&domain::Tenant::prove_every>());
  EXPECT_FALSE(Parse(proven)->update.Given<&domain::Tenant::skip_rows>());

  v1::UpdateTenantRequest skips = ValidUpdate({"backup_policy.skip_rows"});
  EXPECT_THAT(*Parse(skips)->update.Given<&domain::Tenant::skip_rows>(), ElementsAre()) << "all rows again";
  skips.mutable_tenant()->mutable_backup_policy()->add_skip_rows("public.jobs");
  EXPECT_THAT(*Parse(skips)->update.Given<&domain::Tenant::skip_rows>(), ElementsAre("public.jobs"));
  EXPECT_FALSE(Parse(skips)->update.Given<&domain::Tenant::backups_kept>());
  EXPECT_FALSE((timeout->update.Given<&domain::Tenant::quota, &domain::Quota::connections>()));
}

TEST(CreateTenantTest, StorageQuotaIsTaken) {
  v1::CreateTenantRequest request = ValidCreate();
  request.mutable_tenant()->mutable_quota()->set_storage_bytes(int64_t{16} << 20);
  const auto parsed = Parse(request);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->tenant.quota.storage_bytes, int64_t{16} << 20);
}

TEST(CreateTenantTest, StorageQuotaThatNoDatabaseFitsIntoIsRefused) {
  for (const int64_t bytes : {int64_t{-1}, int64_t{1}, (int64_t{16} << 20) - 1}) {
    v1::CreateTenantRequest request = ValidCreate();
    request.mutable_tenant()->mutable_quota()->set_storage_bytes(bytes);
    EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("tenant.quota.storage_bytes")) << bytes;
  }
}

TEST(CreateTenantTest, BackupPolicyIsTaken) {
  v1::CreateTenantRequest request = ValidCreate();
  request.mutable_tenant()->mutable_backup_policy()->set_keep(3);
  request.mutable_tenant()->mutable_backup_policy()->mutable_every()->set_seconds(3600);
  request.mutable_tenant()->mutable_backup_policy()->mutable_prove_every()->set_seconds(7200);
  const auto parsed = Parse(request);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->tenant.backups_kept, 3);
  EXPECT_EQ(parsed->tenant.backup_every, absl::Hours(1));
  EXPECT_EQ(parsed->tenant.prove_every, absl::Hours(2));
}

TEST(CreateTenantTest, PatternsOfSkippedRowsAreTakenAsWritten) {
  v1::CreateTenantRequest request = ValidCreate();
  v1::BackupPolicy& policy = *request.mutable_tenant()->mutable_backup_policy();
  policy.add_skip_rows("public.Jobs");
  policy.add_skip_rows("\"Cache\".*");
  ASSERT_TRUE(Parse(request).ok()) << Parse(request).status();
  EXPECT_THAT(Parse(request)->tenant.skip_rows, ElementsAre("public.Jobs", "\"Cache\".*"));

  policy.add_skip_rows("public.Jobs");
  policy.add_skip_rows("*.*");
  EXPECT_THAT(FieldsOf(Parse(request).status()),
              ElementsAre("tenant.backup_policy.skip_rows[2]", "tenant.backup_policy.skip_rows[3]"));
  policy.clear_skip_rows();
  for (int i = 0; i < 101; ++i) policy.add_skip_rows("public.t" + std::to_string(i));
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("tenant.backup_policy.skip_rows"));
}

TEST(CreateTenantTest, BackupPolicyOutOfBoundsIsRefusedByField) {
  const auto refused = [](int64_t seconds, int32_t nanos) {
    v1::CreateTenantRequest request = ValidCreate();
    request.mutable_tenant()->mutable_backup_policy()->mutable_every()->set_seconds(seconds);
    request.mutable_tenant()->mutable_backup_policy()->mutable_every()->set_nanos(nanos);
    return FieldsOf(Parse(request).status());
  };
  EXPECT_THAT(refused(59, 0), ElementsAre("tenant.backup_policy.every"));
  EXPECT_THAT(refused(-3600, 0), ElementsAre("tenant.backup_policy.every"));
  EXPECT_THAT(refused(3600, 5), ElementsAre("tenant.backup_policy.every"));
  EXPECT_THAT(refused(32 * 24 * 3600, 0), ElementsAre("tenant.backup_policy.every"));

  v1::CreateTenantRequest proven = ValidCreate();
  proven.mutable_tenant()->mutable_backup_policy()->mutable_prove_every()->set_seconds(367 * 24 * 3600);
  EXPECT_THAT(FieldsOf(Parse(proven).status()), ElementsAre("tenant.backup_policy.prove_every"));
  EXPECT_THAT(refused(0, 0), ElementsAre());

  v1::CreateTenantRequest elsewhere = ValidCreate();
  auto& labels = *elsewhere.mutable_tenant()->mutable_backup_policy()->mutable_prove_on();
  for (int i = 0; i < 33; ++i) labels[absl::StrCat("l", i)] = "x";
  EXPECT_THAT(FieldsOf(Parse(elsewhere).status()), ElementsAre("tenant.backup_policy.prove_on"));
}

TEST(UpdateTenantTest, StorageQuotaIsTakenWhereTheMaskNamesIt) {
  v1::UpdateTenantRequest request = ValidUpdate({"quota.storage_bytes"});
  request.mutable_tenant()->mutable_quota()->set_storage_bytes(int64_t{1} << 30);
  EXPECT_EQ(QuotaAfter(Parse(request)->update).storage_bytes, int64_t{1} << 30);
  EXPECT_EQ(QuotaAfter(Parse(request)->update).connections, 3);
  *request.mutable_update_mask() = ValidUpdate({"quota"}).update_mask();
  EXPECT_EQ(QuotaAfter(Parse(request)->update).storage_bytes, int64_t{1} << 30);
  *request.mutable_update_mask() = ValidUpdate({"display_name"}).update_mask();
  EXPECT_EQ(QuotaAfter(Parse(request)->update).storage_bytes, 4);
}

TEST(UpdateTenantTest, StorageGraceIsSetAndTakenBack) {
  v1::UpdateTenantRequest request = ValidUpdate({"storage_grace_time"});
  ASSERT_TRUE((Parse(request)->update.Given<&domain::Tenant::storage, &domain::Storage::grace_time>()));
  EXPECT_FALSE(*(Parse(request)->update.Given<&domain::Tenant::storage, &domain::Storage::grace_time>()));
  request.mutable_tenant()->mutable_storage_grace_time()->set_seconds(1'900'000'000);
  EXPECT_EQ(**(Parse(request)->update.Given<&domain::Tenant::storage, &domain::Storage::grace_time>()),
            absl::FromUnixSeconds(1'900'000'000));
  request.mutable_tenant()->mutable_storage_grace_time()->set_nanos(-1);
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("tenant.storage_grace_time"));
}

TEST(UpdateTenantTest, UnknownOrFixedPathsAreRefused) {
  for (const char* path : {"", ".", "labels.", "name", "state", "extensions", "locale", "quota.nothing",
                           "quota.", "display_name.x", "tenant.display_name", "displayName", "labels.b@d",
                           "settings.a b", "labels.a b"}) {
    const absl::Status refused = Parse(ValidUpdate({path})).status();
    EXPECT_THAT(FieldsOf(refused), ElementsAre("update_mask")) << path;
    EXPECT_THAT(DetailsOf(refused).violations.front().description, HasSubstr(path)) << "names the bad path";
  }
  EXPECT_THAT(FieldsOf(Parse(ValidUpdate({"*", "labels"})).status()), ElementsAre("update_mask"));
  EXPECT_THAT(FieldsOf(Parse(ValidUpdate({"quota", "quota.connections"})).status()),
              ElementsAre("update_mask"));
  EXPECT_THAT(FieldsOf(Parse(ValidUpdate({"labels", "labels.a"})).status()), ElementsAre("update_mask"));
  EXPECT_THAT(FieldsOf(Parse(ValidUpdate(std::vector<std::string>(101, "labels"))).status()),
              ElementsAre("update_mask"));
}

TEST(UpdateTenantTest, TextFieldsRefuseBadTexts) {
  using Request = v1::UpdateTenantRequest;
  const Request base = ValidUpdate({"display_name"});
  ExpectBadTextsRefused(base, "tenant.name", kParse,
                        [](Request& r, const std::string& t) { r.mutable_tenant()->set_name(t); });
  ExpectBadTextsRefused(base, "tenant.name", kParse, [](Request& r, const std::string& t) {
    r.mutable_tenant()->set_name("tenants/" + t + "/");
  });
  ExpectBadTextsRefused(base, "tenant.etag", kParse,
                        [](Request& r, const std::string& t) { r.mutable_tenant()->set_etag(t); });
  ExpectBadTextsRefused(base, "update_mask", kParse,
                        [](Request& r, const std::string& t) { r.mutable_update_mask()->set_paths(0, t); });
}

}  // namespace
}  // namespace croft::wire
