#include "controlplane/server/affected_tenants.h"

#include <map>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "croft/v1/backup.pb.h"
#include "croft/v1/host.pb.h"
#include "croft/v1/lookup.pb.h"
#include "croft/v1/operation.pb.h"
#include "croft/v1/tenant.pb.h"

namespace croft::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// `acme`, also called shop.acme.com, carries app=shop; op-1 is about it and its source.
class Facts final : public TenantFacts {
 public:
  std::optional<Known> Find(absl::string_view name) const override {
    if (name != "acme" && name != "shop.acme.com") return std::nullopt;
    return Known{"acme", {{"app", "shop"}}};
  }
  absl::StatusOr<std::vector<std::string>> OfOperation(absl::string_view operation) const override {
    return operation == "op-1" ? std::vector<std::string>{"acme", "source"} : std::vector<std::string>();
  }
};

// `ID:label=value,…` each, `ID` for one that is not there.
std::vector<std::string> Touching(const google::protobuf::Message& request) {
  std::vector<std::string> lines;
  const auto touched = AffectedTenants(request, Facts());
  EXPECT_TRUE(touched.ok()) << touched.status();
  for (const AffectedTenant& one : *touched) {
    std::string line = one.tenant;
    if (one.labels) line += ":";
    if (one.labels) {
      for (const auto& [key, value] : *one.labels) absl::StrAppend(&line, key, "=", value, ",");
    }
    lines.push_back(line);
  }
  return lines;
}

TEST(AffectedTenants, NamesLeadToTheTenantAsItIs) {
  v1::GetTenantRequest get;
  get.set_name("tenants/acme");
  EXPECT_THAT(Touching(get), ElementsAre("acme:app=shop,"));
  v1::GetBackupRequest backup;
  backup.set_name("tenants/acme/backups/b1");
  EXPECT_THAT(Touching(backup), ElementsAre("acme:app=shop,"));
  v1::LookupRequest lookup;
  lookup.set_tenant("Shop.Acme.com");
  EXPECT_THAT(Touching(lookup), ElementsAre("acme:app=shop,"));
  lookup.set_tenant("nobody");
  EXPECT_THAT(Touching(lookup), ElementsAre("nobody"));
}

TEST(AffectedTenants, RowsOfManyAndHostsTouchNone) {
  v1::ListBackupsRequest list;
  list.set_parent("tenants/-");
  EXPECT_THAT(Touching(list), IsEmpty());
  EXPECT_THAT(Touching(v1::ListTenantsRequest()), IsEmpty());
  v1::GetHostRequest host;
  host.set_name("hosts/acme");
  EXPECT_THAT(Touching(host), IsEmpty());
}

TEST(AffectedTenants, OperationsTouchAllOfTheirTenants) {
  v1::GetOperationRequest request;
  request.set_name("operations/op-1");
  EXPECT_THAT(Touching(request), ElementsAre("acme:app=shop,", "source"));
  request.set_name("operations/op-2");
  EXPECT_THAT(Touching(request), IsEmpty());
}

TEST(AffectedTenants, ANewTenantIsJudgedByTheLabelsItGets) {
  v1::CreateTenantRequest request;
  request.set_tenant_id("new");
  (*request.mutable_tenant()->mutable_labels())["app"] = "bank";
  EXPECT_THAT(Touching(request), ElementsAre("new:app=bank,"));
  request.set_tenant_id("acme");
  EXPECT_THAT(Touching(request), ElementsAre("acme:app=shop,", "acme:app=bank,"));
}

TEST(AffectedTenants, AnUpdateOfLabelsIsJudgedBeforeAndAfter) {
  v1::UpdateTenantRequest request;
  request.mutable_tenant()->set_name("tenants/acme");
  (*request.mutable_tenant()->mutable_labels())["tier"] = "gold";
  EXPECT_THAT(Touching(request), ElementsAre("acme:app=shop,", "acme:tier=gold,")) << "an empty mask";
  request.mutable_update_mask()->add_paths("display_name");
  EXPECT_THAT(Touching(request), ElementsAre("acme:app=shop,", "acme:app=shop,"));
  request.mutable_update_mask()->add_paths("labels.tier");
  EXPECT_THAT(Touching(request), ElementsAre("acme:app=shop,", "acme:app=shop,tier=gold,"));
  request.mutable_update_mask()->add_paths("labels.app");
  EXPECT_THAT(Touching(request), ElementsAre("acme:app=shop,", "acme:tier=gold,")) << "taken away";
  request.mutable_update_mask()->add_paths("labels");
  EXPECT_THAT(Touching(request), ElementsAre("acme:app=shop,", "acme:tier=gold,"));
}

TEST(AffectedTenants, ARestoreAsNewTouchesBoth) {
  v1::RestoreTenantRequest request;
  request.set_name("tenants/acme");
  EXPECT_THAT(Touching(request), ElementsAre("acme:app=shop,"));
  request.set_new_tenant_id("copy");
  EXPECT_THAT(Touching(request), ElementsAre("acme:app=shop,", "copy:app=shop,"));
}

}  // namespace
}  // namespace croft::server
