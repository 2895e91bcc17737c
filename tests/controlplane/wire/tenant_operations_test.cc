// Requests that begin operations on tenants which exist.

#include "controlplane/wire/fields.h"
#include "controlplane/wire/tenant_requests.h"
#include "tests/controlplane/wire/corpus.h"

namespace croft::wire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kParse = [](const auto& request) { return Parse(request).status(); };

template <typename Request>
Request Named() {
  Request request;
  request.set_name("tenants/acme");
  return request;
}

template <typename Request>
void ExpectCommonFieldsChecked() {
  const Request base = Named<Request>();
  ExpectBadTextsRefused(base, "name", kParse, [](Request& r, const std::string& t) { r.set_name(t); });
  ExpectBadTextsRefused(base, "etag", kParse, [](Request& r, const std::string& t) { r.set_etag(t); });
  ExpectBadTextsRefused(base, "request_id", kParse,
                        [](Request& r, const std::string& t) { r.set_request_id(t); });
}

TEST(TenantOperationsTest, CommonFieldsRefuseBadTexts) {
  ExpectCommonFieldsChecked<v1::SuspendTenantRequest>();
  ExpectCommonFieldsChecked<v1::ResumeTenantRequest>();
  ExpectCommonFieldsChecked<v1::RetireTenantRequest>();
  ExpectCommonFieldsChecked<v1::UndeleteTenantRequest>();
  ExpectCommonFieldsChecked<v1::PurgeTenantRequest>();
  ExpectCommonFieldsChecked<v1::RotateCredentialsRequest>();
}

TEST(TenantOperationsTest, SuspendModes) {
  auto request = Named<v1::SuspendTenantRequest>();
  EXPECT_EQ(Parse(request)->mode, domain::SuspendMode::kBlocked);
  request.set_mode(v1::SUSPEND_MODE_READ_ONLY);
  EXPECT_EQ(Parse(request)->mode, domain::SuspendMode::kReadOnly);
  request.set_mode(static_cast<v1::SuspendMode>(77));
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("mode"));
}

TEST(TenantOperationsTest, GraceAndOverlapHaveDefaultsAndLimits) {
  auto retire = Named<v1::RetireTenantRequest>();
  EXPECT_EQ(Parse(retire)->grace, absl::Hours(7 * 24));
  retire.mutable_grace();
  EXPECT_EQ(Parse(retire)->grace, absl::ZeroDuration());
  retire.mutable_grace()->set_seconds(int64_t{3651} * 86400);
  EXPECT_THAT(FieldsOf(Parse(retire).status()), ElementsAre("grace"));
  auto rotate = Named<v1::RotateCredentialsRequest>();
  EXPECT_EQ(Parse(rotate)->overlap, absl::Minutes(5));
  rotate.mutable_overlap()->set_seconds(-1);
  EXPECT_THAT(FieldsOf(Parse(rotate).status()), ElementsAre("overlap"));
}

TEST(TenantOperationsTest, RestoreNamesABackupOfTheTenant) {
  auto request = Named<v1::RestoreTenantRequest>();
  request.set_backup("tenants/acme/backups/b1");
  ASSERT_TRUE(Parse(request).ok());
  EXPECT_EQ(Parse(request)->backup, "b1");
  EXPECT_FALSE(Parse(request)->as_new);
  using Request = v1::RestoreTenantRequest;
  ExpectBadTextsRefused(request, "backup", kParse,
                        [](Request& r, const std::string& t) { r.set_backup(t); });
  ExpectBadTextsRefused(request, "host", kParse, [](Request& r, const std::string& t) { r.set_host(t); });
  ExpectBadTextsRefused(
      request, "new_tenant_id", kParse, [](Request& r, const std::string& t) { r.set_new_tenant_id(t); },
      IdsOnly());
  request.set_new_tenant_id("acme");
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("new_tenant_id"));
  request.set_new_tenant_id("acme-copy");
  EXPECT_EQ(Parse(request)->as_new->id, "acme-copy");
  request.add_only("billing.*");
  EXPECT_THAT(Parse(request)->only, ElementsAre("billing.*"));
  request.add_only("orders");
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("only[1]"));
  request.mutable_only()->RemoveLast();
  request.clear_new_tenant_id();
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("only")) << "never in place";
  request.clear_only();
  request.set_backup("tenants/globex/backups/b1");
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("backup"));
}

TEST(TenantOperationsTest, ConfirmIsTheNameOfTheTenantOrEmpty) {
  auto retire = Named<v1::RetireTenantRequest>();
  auto purge = Named<v1::PurgeTenantRequest>();
  v1::UpdateTenantRequest update;
  update.mutable_tenant()->set_name("tenants/acme");
  update.mutable_update_mask()->add_paths("labels");
  EXPECT_FALSE(Parse(retire)->confirmed);
  EXPECT_FALSE(Parse(purge)->confirmed);
  EXPECT_FALSE(Parse(update)->confirmed);
  retire.set_confirm("tenants/acme");
  purge.set_confirm("tenants/acme");
  update.set_confirm("tenants/acme");
  EXPECT_TRUE(Parse(retire)->confirmed);
  EXPECT_TRUE(Parse(purge)->confirmed);
  EXPECT_TRUE(Parse(update)->confirmed);
  for (const char* wrong : {"acme", "tenants/globex", "yes"}) {
    retire.set_confirm(wrong);
    purge.set_confirm(wrong);
    update.set_confirm(wrong);
    EXPECT_THAT(FieldsOf(Parse(retire).status()), ElementsAre("confirm"));
    EXPECT_THAT(FieldsOf(Parse(purge).status()), ElementsAre("confirm"));
    EXPECT_THAT(FieldsOf(Parse(update).status()), ElementsAre("confirm"));
  }
}

TEST(TenantOperationsTest, PurgeAcceptsABackupOfTheTenantAlone) {
  auto purge = Named<v1::PurgeTenantRequest>();
  purge.set_accept_incomplete_backup("tenants/acme/backups/b1");
  EXPECT_EQ(Parse(purge)->accepted_backup, "b1");
  purge.set_accept_incomplete_backup("tenants/globex/backups/b1");
  EXPECT_THAT(FieldsOf(Parse(purge).status()), ElementsAre("accept_incomplete_backup"));
  purge.set_accept_incomplete_backup("b1");
  EXPECT_THAT(FieldsOf(Parse(purge).status()), testing::Contains("accept_incomplete_backup"));
}

TEST(TenantOperationsTest, WaiverIsOneLineForPeople) {
  auto request = Named<v1::PurgeTenantRequest>();
  request.set_waive_backup_reason("the customer asked, ticket #7 „sofort“");
  EXPECT_TRUE(Parse(request).ok());
  request.set_waive_backup_reason("two\nlines");
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("waive_backup_reason"));
  request.set_waive_backup_reason(std::string(513, 'x'));
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("waive_backup_reason"));
}

TEST(UndoRestoreTest, TheDatabaseIsOptional) {
  v1::UndoRestoreRequest request;
  request.set_name("tenants/acme");
  EXPECT_EQ(Parse(request)->tenant, "acme");
  EXPECT_EQ(Parse(request)->database, "");
  request.set_database("t_acme_u_g1");
  EXPECT_EQ(Parse(request)->database, "t_acme_u_g1");
  request.set_database(std::string(65, 'x'));
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("database"));
}

TEST(CampaignTest, WhatIsLeftOutHasADefault) {
  v1::StartCampaignRequest request;
  request.set_kind(v1::Operation::KIND_VERIFY);
  const auto fleet = Parse(request);
  ASSERT_TRUE(fleet.ok()) << fleet.status();
  EXPECT_EQ(fleet->child_kind, domain::OperationKind::kVerify);
  EXPECT_EQ(fleet->host, "");
  EXPECT_EQ(fleet->width, 4);
  EXPECT_EQ(fleet->max_failures, 1);
  request.set_resource("hosts/h1");
  request.set_filter("labels.app = shop");
  request.set_width(64);
  request.set_max_failures(20);
  const auto of_host = Parse(request);
  ASSERT_TRUE(of_host.ok()) << of_host.status();
  EXPECT_EQ(of_host->host, "h1");
  EXPECT_EQ(of_host->filter, "labels.app = shop");
  EXPECT_EQ(of_host->width, 64);
  EXPECT_EQ(of_host->max_failures, 20);
}

TEST(CampaignTest, WhatItDoesNotTakeIsNamed) {
  v1::StartCampaignRequest request;
  request.set_kind(v1::Operation::KIND_PURGE);
  request.set_resource("tenants/acme");
  request.set_filter("color = red");
  request.set_width(65);
  request.set_max_failures(-1);
  request.mutable_overlap()->set_seconds(60);
  EXPECT_THAT(
      FieldsOf(Parse(request).status()),
      testing::UnorderedElementsAre("kind", "resource", "filter", "width", "max_failures", "overlap"));
}

}  // namespace
}  // namespace croft::wire
