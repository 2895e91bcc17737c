#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/sync.h"
#include "tests/tools/croftctl/control_plane.h"
#include "tests/tools/croftctl/terminal_program.h"

// apply, diff and export against a control plane that keeps tenants.
namespace croft::ctl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Json = nlohmann::ordered_json;

class Apply : public ::testing::Test, protected Pair {
 protected:
  Apply() {
    server.list_tenants.Answers([this](const v1::ListTenantsRequest&, v1::ListTenantsResponse& response) {
      MutexLock lock(mutex_);
      for (const auto& [name, tenant] : tenants_) *response.add_tenants() = tenant;
      return grpc::Status::OK;
    });
    server.get_tenant.Answers([this](const v1::GetTenantRequest& request, v1::Tenant& tenant) {
      MutexLock lock(mutex_);
      if (between_) between_(tenants_.at(request.name()));
      tenant = tenants_.at(request.name());
      return grpc::Status::OK;
    });
    server.create_tenant.Answers([this](const v1::CreateTenantRequest& request, v1::Operation& operation) {
      MutexLock lock(mutex_);
      v1::Tenant tenant = request.tenant();
      tenant.MergeFrom(ReadyTenant(request.tenant_id()));
      tenants_[tenant.name()] = tenant;
      operation = Succeeded(Running(absl::StrCat("op-", request.tenant_id()), tenant.name()));
      return grpc::Status::OK;
    });
    server.update_tenant.Answers([this](const v1::UpdateTenantRequest& request, v1::Tenant& tenant) {
      MutexLock lock(mutex_);
      v1::Tenant& present = tenants_.at(request.tenant().name());
      if (lost_updates_ > 0) {
        --lost_updates_;
        present.set_etag(absl::StrCat("raced", lost_updates_));
      }
      if (request.tenant().etag() != present.etag())
        return GrpcError(absl::StatusCode::kAborted, "changed", {.reason = "ETAG_MISMATCH"});
      for (const std::string& path : request.update_mask().paths()) {
        if (path == "labels") *present.mutable_labels() = request.tenant().labels();
        if (path == "labels.managed-by")
          (*present.mutable_labels())["managed-by"] = request.tenant().labels().at("managed-by");
        if (path == "display_name") present.set_display_name(request.tenant().display_name());
      }
      tenant = present;
      return grpc::Status::OK;
    });
    server.retire_tenant.Answers([this](const v1::RetireTenantRequest& request, v1::Operation& operation) {
      MutexLock lock(mutex_);
      tenants_.at(request.name()).set_state(v1::Tenant::STATE_RETIRED);
      operation = Succeeded(Running("op-retire", request.name()));
      return grpc::Status::OK;
    });
  }

  v1::Tenant& Has(const std::string& id, const std::string& owner) {
    v1::Tenant& tenant = tenants_[absl::StrCat("tenants/", id)] = ReadyTenant(id);
    if (!owner.empty()) (*tenant.mutable_labels())["managed-by"] = owner;
    return tenant;
  }
  std::string File(const std::string& tenants) const {
    const std::string path = desk.folder().File("tenants.yaml");
    std::ofstream(path) << "owner: shop\ntenants:\n" << tenants;
    return path;
  }
  v1::Tenant Of(const std::string& id) {
    MutexLock lock(mutex_);
    return tenants_.at(absl::StrCat("tenants/", id));
  }

  Mutex mutex_;
  std::map<std::string, v1::Tenant> tenants_;
  int lost_updates_ = 0;                      // so often somebody else is faster
  std::function<void(v1::Tenant&)> between_;  // what somebody else does between the plan and the change
};

TEST_F(Apply, TenantsBecomeWhatTheFileDeclaresAndThenNothingDiffers) {
  v1::Tenant& globex = Has("globex", "shop");
  (*globex.mutable_labels())["tier"] = "silver";
  globex.set_display_name("Globex");
  Has("others", "somebody");
  const std::string file = File("  acme: {labels: {app: shop}}\n  globex: {labels: {tier: gold}}\n");
  const Ran diff = desk.Run({"diff", "-f", file});
  EXPECT_EQ(diff.exit_code, 9);
  EXPECT_THAT(diff.out, AllOf(HasSubstr("create  acme"),
                              HasSubstr("update  globex  labels.tier: \"silver\" -> \"gold\""),
                              Not(HasSubstr("others"))));
  EXPECT_THAT(diff.err, HasSubstr("1 to create, 1 to update; 0 are as declared"));
  EXPECT_THAT(server.update_tenant.asked(), IsEmpty());

  const Ran ran = desk.Run({"apply", "-f", file});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, diff.out) << "the plan is shown";
  EXPECT_EQ(Of("acme").labels().at("managed-by"), "shop");
  EXPECT_EQ(Of("globex").labels().at("tier"), "gold");
  EXPECT_EQ(Of("globex").display_name(), "Globex") << "what is not named is left alone";
  EXPECT_THAT(server.update_tenant.asked().at(0).update_mask().paths(), ElementsAre("labels"));

  const Ran again = desk.Run({"diff", "-f", file});
  EXPECT_EQ(again.exit_code, 0) << again.out;
  EXPECT_EQ(again.out, "");
  EXPECT_THAT(again.err, HasSubstr("2 are as declared"));
  desk.Run({"apply", "-f", file});
  EXPECT_THAT(server.create_tenant.asked(), SizeIs(1));
  EXPECT_THAT(server.update_tenant.asked(), SizeIs(1));
}

TEST_F(Apply, ThePlanAsJsonHasEveryField) {
  (*Has("globex", "shop").mutable_labels())["tier"] = "silver";
  const Ran ran = desk.Run({"diff", "-o", "json", "-f", File("  globex: {labels: {}}\n")});
  EXPECT_EQ(Json::parse(ran.out), Json::parse(R"({"changes": [{"change": "update", "tenant": "globex",
    "fields": [{"field": "labels.tier", "from": "silver", "to": null}]}]})"));
}

TEST_F(Apply, ADryRunRunsEveryCheckAndChangesNothing) {
  const Ran ran = desk.Run({"apply", "--dry-run", "-f", File("  acme:\n")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(server.create_tenant.asked().at(0).validate_only());
}

TEST_F(Apply, WhatBelongsToNobodyIsTakenOnlyWithLeave) {
  Has("acme", "");
  const std::string file = File("  acme:\n  new:\n");
  const Ran refused = desk.Run({"apply", "-f", file});
  EXPECT_EQ(refused.exit_code, 5);
  EXPECT_THAT(refused.out,
              HasSubstr("blocked  acme    it is there and has no owner; --adopt makes it shop's"));
  EXPECT_THAT(refused.err, HasSubstr("1 tenant cannot be as the file declares; nothing was changed"));
  EXPECT_THAT(server.create_tenant.asked(), IsEmpty());
  // The others are done when that is asked for, and the failure is still told.
  const Ran others = desk.Run({"apply", "--max-failures", "2", "-f", file});
  EXPECT_EQ(others.exit_code, 5);
  EXPECT_THAT(others.err, HasSubstr("left out, since they cannot be as the file declares: acme"));
  EXPECT_THAT(server.create_tenant.asked(), SizeIs(1));
  EXPECT_EQ(desk.Run({"apply", "--adopt", "-f", file}).exit_code, 0);
  EXPECT_EQ(Of("acme").labels().at("managed-by"), "shop");
  EXPECT_THAT(server.update_tenant.asked().at(0).update_mask().paths(), ElementsAre("labels.managed-by"));
}

TEST_F(Apply, WhatBelongsToAnotherFileIsNeverTaken) {
  Has("acme", "other");
  const Ran ran = desk.Run({"apply", "--adopt", "-f", File("  acme:\n")});
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(ran.out, HasSubstr("it belongs to other"));
}

TEST_F(Apply, TenantsThatCannotBeAsDeclaredSayWhatToDo) {
  Has("retired", "shop").set_state(v1::Tenant::STATE_RETIRED);
  Has("failed", "shop").set_state(v1::Tenant::STATE_FAILED);
  Has("fixed", "shop").set_locale("C");
  const Ran ran = desk.Run({"diff", "-f", File("  retired:\n  failed:\n  fixed: {locale: C.UTF-8}\n")});
  EXPECT_THAT(ran.out, AllOf(HasSubstr("croftctl tenant undelete retired"),
                             HasSubstr("croftctl tenant purge failed, then apply again"),
                             HasSubstr("locale is fixed when a tenant is created")));
}

TEST_F(Apply, WhatIsNotDeclaredIsRetiredOnlyByPruneAndAfterAQuestion) {
  Has("old", "shop");
  Has("others", "somebody");
  Has("gone", "shop").set_state(v1::Tenant::STATE_RETIRED);
  const std::string file = File("  acme:\n");
  EXPECT_EQ(desk.Run({"apply", "-f", file}).exit_code, 0);
  const Ran diff = desk.Run({"diff", "-f", file});
  EXPECT_EQ(diff.exit_code, 9);
  EXPECT_THAT(diff.out, AllOf(HasSubstr("undeclared  old     it is not declared; apply --prune retires it"),
                              Not(HasSubstr("others")), Not(HasSubstr("gone"))));
  // Nobody can be asked.
  const Ran unasked = desk.Run({"apply", "--prune", "-f", file});
  EXPECT_EQ(unasked.exit_code, 2);
  EXPECT_THAT(server.retire_tenant.asked(), IsEmpty());

  TerminalProgram program(desk.CommandFor({"apply", "--prune", "-f", file}));
  EXPECT_TRUE(program.ShowsEventually("retires 1 of shop's tenants"));
  EXPECT_THAT(server.retire_tenant.asked(), IsEmpty());
  program.Type("1\n");
  EXPECT_EQ(program.Finish().exit_code, 0);
  ASSERT_THAT(server.retire_tenant.asked(), SizeIs(1));
  EXPECT_EQ(server.retire_tenant.asked().at(0).name(), "tenants/old");
  EXPECT_EQ(desk.Run({"diff", "--prune", "-f", file}).exit_code, 0);
}

TEST_F(Apply, WhoChangesADeclaredFieldMeanwhileIsNotOverruled) {
  Has("acme", "shop");
  between_ = [](v1::Tenant& tenant) { tenant.set_display_name("theirs"); };
  const Ran ran = desk.Run({"apply", "-f", File("  acme: {displayName: ours}\n")});
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(ran.err,
              AllOf(HasSubstr("CHANGED_MEANWHILE"),
                    HasSubstr("tenants/acme: somebody else changed display_name after the plan was made"),
                    HasSubstr("apply again")));
  EXPECT_THAT(server.update_tenant.asked(), IsEmpty());
}

TEST_F(Apply, WhoChangesOtherFieldsMeanwhileIsNoObstacle) {
  Has("acme", "shop");
  lost_updates_ = 2;
  const Ran ran = desk.Run({"apply", "-f", File("  acme: {displayName: ours}\n")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(Of("acme").display_name(), "ours");
  EXPECT_THAT(server.update_tenant.asked(), SizeIs(3));
}

TEST_F(Apply, WhoCreatesADeclaredTenantMeanwhileIsNamed) {
  server.create_tenant.Answers([](const v1::CreateTenantRequest&, v1::Operation&) {
    return GrpcError(absl::StatusCode::kAlreadyExists, "exists", {.reason = "TENANT_EXISTS"});
  });
  const Ran ran = desk.Run({"apply", "-f", File("  acme:\n")});
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(ran.err, HasSubstr("tenants/acme: somebody else created it after the plan was made"));
}

TEST_F(Apply, ATenantThatIsBeingCreatedIsWaitedFor) {
  v1::Tenant& acme = Has("acme", "shop");
  acme.set_state(v1::Tenant::STATE_CREATING);
  acme.set_current_operation("operations/op-1");
  server.Watches([this](const auto& send, const auto&) {
    MutexLock lock(mutex_);
    tenants_.at("tenants/acme").set_state(v1::Tenant::STATE_READY);
    send(Succeeded(Running("op-1", "tenants/acme")));
    return grpc::Status::OK;
  });
  const std::string file = File("  acme:\n");
  EXPECT_THAT(desk.Run({"diff", "-f", file}).out, HasSubstr("await   acme"));
  EXPECT_EQ(desk.Run({"apply", "-f", file}).exit_code, 0);
  EXPECT_EQ(desk.Run({"diff", "-f", file}).exit_code, 0);
}

TEST_F(Apply, AnExportDeclaresTenantsAsTheyAre) {
  v1::Tenant& acme = Has("acme", "");
  acme.set_display_name("Acme: \"Ltd\"\n");
  acme.add_aliases("shop.acme.com");
  (*acme.mutable_labels())["release"] = "1.10";
  acme.mutable_quota()->set_connections(20);
  acme.mutable_quota()->mutable_statement_timeout()->set_nanos(500'000'000);
  acme.mutable_quota()->set_storage_bytes((int64_t{10} << 30) + 1);
  acme.mutable_backup_policy()->mutable_every()->set_seconds(90);
  acme.mutable_backup_policy()->set_keep(3);
  acme.mutable_backup_policy()->mutable_prove_every()->set_seconds(7200);
  (*acme.mutable_backup_policy()->mutable_prove_on())["role"] = "proof";
  acme.mutable_backup_policy()->set_window("22:00-05:00");
  acme.mutable_backup_policy()->mutable_jitter()->set_seconds(0);
  acme.mutable_backup_policy()->mutable_keep_within()->set_seconds(7200);
  acme.mutable_backup_policy()->set_keep_weekly(4);
  Has("nightly", "shop").mutable_backup_policy()->set_cron("30 2 * * 1-5");
  acme.mutable_backup_policy()->add_skip_rows("public.jobs");
  (*acme.mutable_settings()->mutable_fields())["zip"].set_string_value("01234");
  (*acme.mutable_features())["beta"].set_bool_value(true);
  acme.mutable_expire_time()->set_seconds(1896112800);
  acme.set_delete_protection(true);
  acme.add_extensions("pg_trgm");
  acme.set_locale("C.UTF-8");
  Has("globex", "shop");
  Has("failed", "shop").set_state(v1::Tenant::STATE_FAILED);
  Has("others", "other");
  for (const char* format : {"yaml", "json"}) {
    const Ran ran = desk.Run({"export", "--owner", "shop", "-o", format});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_THAT(ran.err, AllOf(HasSubstr("tenants/others is left out: it belongs to other"),
                               HasSubstr("tenants/failed is left out: it could not be created")));
    EXPECT_THAT(ran.out, Not(HasSubstr("managed-by")));
    const std::string path = desk.folder().File("exported");
    std::ofstream(path) << ran.out;
    const Ran diff = desk.Run({"diff", "--adopt", "-f", path});
    EXPECT_THAT(diff.out, AllOf(HasSubstr("update      acme    labels.managed-by: none -> \"shop\"\n"),
                                Not(HasSubstr("globex")), Not(HasSubstr("nightly"))))
        << ran.out << diff.err;
  }
}

TEST_F(Apply, WrongFilesAreUsageErrorsBeforeAnyCall) {
  const Ran twice = desk.Run({"apply", "-f", File("  acme:\n  acme:\n")});
  EXPECT_EQ(twice.exit_code, 2);
  EXPECT_THAT(twice.err, HasSubstr("line 4: acme is there twice; first on line 3"));
  EXPECT_EQ(desk.Run({"apply", "-f", "/nowhere/tenants.yaml"}).exit_code, 2);
  EXPECT_EQ(desk.Run({"apply"}).exit_code, 2);
  EXPECT_EQ(desk.Run({"export"}).exit_code, 2);
  EXPECT_THAT(server.list_tenants.asked(), IsEmpty());
}

TEST_F(Apply, FiftyThousandTenantsAreCompared) {
  std::string text;
  std::vector<v1::Tenant> tenants;
  for (int i = 0; i < 50'000; ++i) {
    const std::string id = absl::StrCat("t", i);
    absl::StrAppend(&text, "  ", id, ": {displayName: Tenant ", i, ", labels: {app: shop, tier: gold}}\n");
    tenants.push_back(ReadyTenant(id));
    tenants.back().set_display_name(absl::StrCat("Tenant ", i));
    auto& labels = *tenants.back().mutable_labels();
    labels["app"] = "shop";
    labels["tier"] = i == 77 ? "silver" : "gold";
    labels["managed-by"] = "shop";
  }
  // In pages, as croftd sends them.
  server.list_tenants.Answers(
      [&](const v1::ListTenantsRequest& request, v1::ListTenantsResponse& response) {
        const size_t begin = request.page_token().empty() ? 0 : std::stoul(request.page_token());
        const size_t end = std::min(tenants.size(), begin + 1000);
        for (size_t i = begin; i < end; ++i) *response.add_tenants() = tenants[i];
        if (end < tenants.size()) response.set_next_page_token(absl::StrCat(end));
        return grpc::Status::OK;
      });
  const Ran ran = desk.Run({"diff", "-f", File(text)});
  EXPECT_EQ(ran.exit_code, 9);
  EXPECT_THAT(ran.out, HasSubstr("update  t77     labels.tier: \"silver\" -> \"gold\""));
  EXPECT_THAT(ran.err, HasSubstr("1 to update; 49999 are as declared"));
}

}  // namespace
}  // namespace croft::ctl
