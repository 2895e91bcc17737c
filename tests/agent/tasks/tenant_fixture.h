#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/store/store.h"
#include "agent/tasks/inventory.h"
#include "agent/tasks/sql_tasks.h"
#include "agent/tasks/task_runner.h"
#include "common/crypto/scram.h"
#include "common/errors.h"
#include "common/ids.h"
#include "common/random.h"
#include "tests/agent/support/postgres_fixture.h"

namespace croft::agent {

// A context that never stops a task, or stops it from the `stop_at`th ask on, counted from 0.
class CountingContext final : public TaskContext {
 public:
  explicit CountingContext(int stop_at = -1) : stop_at_(stop_at) {}

  void Report(absl::string_view) override {}
  void HandOver(InventoryTaken part) override { parts.push_back(std::move(part)); }
  // As in an agent: may be asked from several threads, and what was cut stays cut.
  absl::Status KeepGoing() const override {
    if (stop_at_ < 0 || asked_++ < stop_at_) return absl::OkStatus();
    return MakeError(absl::StatusCode::kCancelled, "stopped by the test", {.reason = "CANCELLED"});
  }

  std::vector<InventoryTaken> parts;

 private:
  const int stop_at_;
  mutable std::atomic<int> asked_{0};
};

// A tenant as a control plane would name it, with the passwords of its logins.
struct TestTenant {
  TenantObjects objects;
  std::string password;
  std::vector<Login> logins;

  std::string a() const { return objects.owner_role + "_a"; }
  std::string b() const { return objects.owner_role + "_b"; }
  std::string ra() const { return objects.owner_role + "_ra"; }
};

// Tasks on the shared server, or one of the test's own; every tenant made is dropped at the test's end.
class TenantTest : public ::testing::Test {
 protected:
  TenantTest() : TenantTest(TestPostgres::Shared()) {}
  explicit TenantTest(TestPostgres& postgres) : TenantTest(postgres, postgres.cluster()) {}
  TenantTest(TestPostgres& postgres, Cluster& cluster) : postgres_(postgres) {
    RegisterSqlTasks(runner_, cluster, random_);
    RegisterInventoryTask(runner_, cluster, stores_);
  }
  ~TenantTest() override;

  TestTenant NewTenant(const std::string& id = "acme");
  Login LoginFor(const std::string& name, const std::string& password, bool read_only = false);

  absl::StatusOr<Outcome> Run(const TestTenant& tenant, Work work, int stop_at = -1);
  // OK, or the failure; for tasks that answer Done.
  absl::Status RunDone(const TestTenant& tenant, Work work, int stop_at = -1);
  // Stops the task at its first ask, then at its second, and so on until it ends untouched; then once more.
  void RunCutEverywhere(const TestTenant& tenant, const Work& work);

  CreateWork CreateOf(const TestTenant& tenant) const {
    return {.limits = limits_, .logins = tenant.logins};
  }
  UnfenceWork UnfenceOf(const TestTenant& tenant) const {
    return {.logins = tenant.logins, .limits = limits_};
  }
  TestTenant MadeTenant(const std::string& id = "acme");

  // A statement over the way applications take, as the login `_a`.
  absl::Status Sql(const TestTenant& tenant, const std::string& user, const Statement& statement);
  bool CanLogIn(const TestTenant& tenant, const std::string& user, const std::string& database = "");
  int64_t Count(const std::string& like);  // roles and databases whose name begins so

  TestPostgres& postgres_;
  SystemRandom random_;
  std::vector<std::unique_ptr<Store>> stores_;
  TaskRunner runner_;
  DatabaseLimits limits_{.connections = 20, .statement_timeout = absl::Seconds(30)};

 private:
  std::vector<TestTenant> made_;
};

}  // namespace croft::agent
