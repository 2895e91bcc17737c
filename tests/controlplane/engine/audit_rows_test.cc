#include "controlplane/engine/audit_rows.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>

#include "controlplane/catalog/audit_chain.h"
#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

using testing::ElementsAre;
using testing::IsSupersetOf;

class AuditRowsTest : public testing::Test {
 protected:
  AuditRowsTest() {
    world.Join("h1");
    world.Begin(NewTenant("acme"));
    world.Settle();
  }

  std::vector<domain::AuditRow> Rows() { return *world.catalog().ListAudit(0, 10'000); }

  // Names in the newest row.
  std::vector<std::string> Resources() {
    return absl::StrSplit(Rows().back().event.resource, ' ', absl::SkipEmpty());
  }

  // Methods of the rows that name `resource`.
  std::vector<std::string> LifeOf(const std::string& resource) {
    std::vector<std::string> methods;
    for (const domain::AuditRow& row : Rows()) {
      const std::vector<std::string> names = absl::StrSplit(row.event.resource, ' ');
      if (std::find(names.begin(), names.end(), resource) != names.end()) {
        methods.push_back(row.event.method);
      }
    }
    return methods;
  }

  static std::string Method(const RequestBody& body) { return absl::StrCat("m", body.index()); }

  World world;
};

TEST_F(AuditRowsTest, ATenantsWholeLifeIsFoundUnderItsName) {
  const RotateCredentials rotation = NewRotation("acme", "r1");
  const std::vector<RequestBody> life = {
      NewBackup("acme", "b1"),
      VerifyBackup{.operation = "op-verify", .tenant = "acme", .backup = "b1"},
      UpdateTenant{.tenant = "acme", .update = With<&domain::Tenant::display_name>("Acme")},
      SuspendTenant{.operation = "op-suspend", .tenant = "acme"},
      ResumeTenant{.operation = "op-resume", .tenant = "acme"},
      rotation,
      DeleteBackup{.operation = "op-delete", .tenant = "acme", .backup = "b1"},
      NewRetirement("acme", "b2"),
      UndeleteTenant{.operation = "op-undelete", .tenant = "acme"},
      NewRetirement("acme", "b3"),
      PurgeTenant{.operation = "op-purge", .tenant = "acme", .confirmed = true},
  };
  std::vector<std::string> wanted = {Method(NewTenant("acme"))};
  for (const RequestBody& body : life) {
    const auto answer = world.Call(body);
    ASSERT_TRUE(answer.ok()) << Method(body) << ": " << answer.status();
    world.Settle();
    world.Pass(absl::Hours(1));
    world.Settle();
    wanted.push_back(Method(body));
  }
  EXPECT_EQ(world.Tenant("acme").state, domain::TenantState::kPurged);
  EXPECT_EQ(LifeOf("tenants/acme"), wanted);
  EXPECT_TRUE(catalog::VerifyAuditChain(world.catalog(), {}, [] { return false; }).ok());
}

TEST_F(AuditRowsTest, ABackupIsFoundUnderItsTenantAndItsHost) {
  world.Begin(NewBackup("acme", "b1"));
  EXPECT_THAT(Resources(), ElementsAre("operations/op-backup-b1", "tenants/acme", "tenants/acme/backups/b1",
                                       "hosts/h1"));
}

TEST_F(AuditRowsTest, ARestoreAsNewNamesBothTenants) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  RestoreTenant restore{.operation = "op-restore", .tenant = "acme", .backup = "b1"};
  restore.as_new = NewTenant("copy").tenant;
  world.Begin(restore);
  EXPECT_EQ(Resources().front(), "operations/op-restore");
  EXPECT_THAT(Resources(),
              IsSupersetOf({"tenants/copy", "tenants/acme", "tenants/acme/backups/b1", "hosts/h1"}));
}

TEST_F(AuditRowsTest, AWithdrawnOperationIsFoundUnderItsTenant) {
  world.Begin(NewBackup("acme", "b1"));
  ASSERT_TRUE(world.Call(CancelOperation{"op-backup-b1"}).ok());
  EXPECT_THAT(Resources(), IsSupersetOf({"operations/op-backup-b1", "tenants/acme"}));
}

TEST_F(AuditRowsTest, ARemovedHostIsNamed) {
  world.Join("h2");
  ASSERT_TRUE(world.Call(RemoveHost{.host = "h2"}).ok());
  EXPECT_THAT(Resources(), ElementsAre("hosts/h2"));
}

TEST_F(AuditRowsTest, ABindingNamesTheTenantsThatItReaches) {
  ASSERT_TRUE(world.Call(CreatePrincipal{.principal = "ci", .uid = "u1"}).ok());
  ASSERT_TRUE(world.Call(BindRole{"ci", {domain::Role::kViewer, domain::NamedTenants{{"acme"}}}}).ok());
  EXPECT_THAT(Resources(), ElementsAre("principals/ci", "tenants/acme"));
}

TEST_F(AuditRowsTest, ACallThatTouchesManyIsSeveralRows) {
  for (int i = 0; i < 60; ++i) {
    world.Begin(NewTenant(absl::StrCat("t", i)));
    world.Settle();
  }
  for (int i = 0; i < 60; ++i) world.Begin(NewBackup(absl::StrCat("t", i), absl::StrCat("b", i)));
  world.Post(HostLost{"h1"});
  const size_t before = Rows().size();
  ASSERT_TRUE(world.Call(AcceptMissingHost{"h1"}).ok());
  const std::vector<domain::AuditRow> rows = Rows();
  ASSERT_EQ(rows.size(), before + 2) << rows.back().event.resource;
  EXPECT_EQ(rows[before].event.method, rows[before + 1].event.method);
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(LifeOf(absl::StrCat("tenants/t", i)).back(), rows.back().event.method) << i;
  }
}

}  // namespace
}  // namespace croft::engine
