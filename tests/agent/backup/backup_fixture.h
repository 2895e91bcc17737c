#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/store/file_store.h"
#include "agent/tasks/backup_tasks.h"
#include "tests/agent/tasks/tenant_fixture.h"

namespace croft::agent {

// Backups of tenants on the shared server, in a store of the test's own.
class BackupTest : public TenantTest {
 protected:
  BackupTest();
  ~BackupTest() override;

  BackUpWork BackUpOf(const std::string& backup = "20261123t031100z-abcd", bool sealed = false);
  BackupSource SourceOf(const TestTenant& tenant, const BackUpWork& work, const BackedUp& made);

  // Both fail the test when the task fails.
  BackedUp MakeBackup(const TestTenant& tenant, const BackUpWork& work);
  void ExpectVerified(const TestTenant& tenant, const BackupSource& source);

  // The tenant's next generation, and the same logins.
  TestTenant NextGeneration(const TestTenant& tenant);
  absl::Status Restore(const TestTenant& target, const BackupSource& source);
  absl::Status Unfence(const TestTenant& target) { return RunDone(target, UnfenceOf(target)); }

  // Statements as the tenant's login.
  void Fill(const TestTenant& tenant, const std::vector<Statement>& statements);
  template <typename T>
  T Ask(const TestTenant& tenant, const Statement& statement) {
    auto connection = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
    EXPECT_TRUE(connection.ok()) << connection.status();
    if (!connection.ok()) return T();
    auto value = connection->Value<T>(statement);
    EXPECT_TRUE(value.ok()) << value.status();
    return value.value_or(T());
  }

  // Short-lived logins, scratch databases and private files.
  void ExpectNothingLeft(const TestTenant& tenant);
  std::string StorePath(const std::string& name) const { return folder_.path() + "/store/" + name; }

  ServerAccess access_;  // what the tasks use
  TestFolder folder_;
  SystemClock clock_;
  ClientProgramFinder programs_;
  std::vector<TestTenant> restored_;
};

}  // namespace croft::agent
