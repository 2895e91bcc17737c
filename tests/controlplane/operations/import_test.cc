#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

using domain::TenantState;

class Imports : public ::testing::Test {
 protected:
  Imports() { world.Join("h1"); }
  World world;
};

TEST_F(Imports, AnImportIsATenantWithABackupThatItIsRestoredFrom) {
  domain::HostReport report = world.Report();
  report.task_kinds = {"restore", "unfence", "drop"};
  world.Post(HostSeen{.host = "h1", .report = report});
  ImportTenant import{.operation = "op-i", .tenant = NewTenant("brought").tenant, .host = "h1"};
  import.backup = {.id = "b9", .store = "s1", .size_bytes = 7, .sha256 = "ab", .generation = 1};
  EXPECT_EQ(world.Refusal(import), "NO_HOST_FITS") << "its agent takes no uploads";
  report.task_kinds.emplace_back("upload");
  world.Post(HostSeen{.host = "h1", .report = report});
  world.Begin(import);
  EXPECT_EQ(world.Tenant("brought").state, TenantState::kCreating);
  EXPECT_EQ(world.Refusal(DeleteBackup{.operation = "op-d", .tenant = "brought", .backup = "b9"}),
            "TENANT_BUSY");
  EXPECT_EQ(KindOf(world.sent.front()), domain::TaskKind::kRestore);
  world.Settle();
  EXPECT_EQ(world.Tenant("brought").state, TenantState::kReady);
  EXPECT_EQ(world.Tenant("brought").last_backup, "b9");
  EXPECT_EQ(world.Backup("brought", "b9").tenant_uid, world.Tenant("brought").uid);
  import.operation = "op-j";
  EXPECT_EQ(world.Refusal(import), "TENANT_EXISTS");
}

TEST_F(Imports, AnImportWhoseRestoreFailsKeepsItsBackupAndNoRoom) {
  const domain::Host before = world.Host("h1");
  ImportTenant import{.operation = "op-i", .tenant = NewTenant("brought").tenant, .host = "h1"};
  import.backup = {.id = "b9", .store = "s1", .generation = 1};
  world.Begin(import);
  world.Fails(world.TakeSent(), "EXTENSION_NOT_ALLOWED", false);
  world.Settle();
  EXPECT_EQ(world.Tenant("brought").state, TenantState::kFailed);
  EXPECT_EQ(world.Host("h1").databases_reserved, before.databases_reserved);
  EXPECT_EQ(world.Backup("brought", "b9").state, domain::BackupState::kAvailable);
  world.Begin(RestoreTenant{
      .operation = "op-r", .tenant = "brought", .backup = "b9", .as_new = NewTenant("again").tenant});
  world.Settle();
  EXPECT_EQ(world.Tenant("again").state, TenantState::kReady);
  world.Begin(PurgeTenant{.operation = "op-p", .tenant = "brought", .confirmed = true});
  world.Settle();
  EXPECT_EQ(world.Tenant("brought").state, TenantState::kPurged);
}

}  // namespace
}  // namespace croft::engine
