#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "controlplane/engine/schedules.h"
#include "tests/controlplane/engine/world.h"

// What tests of schedules share: the engine with a host, and schedules that run when a test says so.
namespace croft::engine {

class Schedules : public ::testing::Test {
 protected:
  Schedules() {
    world.Post(Started{});
    world.Join("h1");
  }

  void CreateExpiring(const std::string& id, absl::Duration life) {
    CreateTenant create = NewTenant(id);
    create.tenant.expire_time = world.now + life;
    world.Begin(create);
    world.Settle();
  }
  static domain::ScheduleKey Expiry(const std::string& id) {
    return {domain::ScheduleKind::kExpire, "tenants/" + id};
  }
  static domain::ScheduleKey PurgeOf(const std::string& id) {
    return {domain::ScheduleKind::kPurge, "tenants/" + id};
  }
  static RequestBody Retirement(const std::string& id) { return NewRetirement(id, "b-" + id); }
  void Run(const domain::ScheduleKey& key, absl::StatusOr<RequestBody> request) {
    world.Post(ScheduleDue{.key = key, .request = std::move(request)});
  }
  std::optional<domain::Schedule> Find(const domain::ScheduleKey& key) {
    return (*world.catalog().Begin())->FindSchedule(key);
  }
  std::vector<std::string> AuditedMethods() {
    std::vector<std::string> methods;
    const std::vector<domain::AuditRow> rows = *world.catalog().ListAudit(0, 1000);
    for (const domain::AuditRow& row : rows) {
      if (row.event.caller == "system") methods.push_back(row.event.method);
    }
    return methods;
  }

  World world;
};

class BackupSchedules : public Schedules {
 protected:
  void CreateBackedUp(const std::string& id, int32_t kept) {
    CreateTenant create = NewTenant(id);
    create.tenant.backup_every = absl::Hours(6);
    create.tenant.backups_kept = kept;
    world.Begin(create);
    world.Settle();
  }
  static domain::ScheduleKey BackupOf(const std::string& id) {
    return {domain::ScheduleKind::kBackUp, "tenants/" + id};
  }
  static domain::ScheduleKey Pruning(const std::string& id) {
    return {domain::ScheduleKind::kPruneBackups, "tenants/" + id};
  }
  void BackUp(const std::string& tenant, const std::string& id) {
    CreateBackup request{
        .operation = "op-" + id, .tenant = tenant, .origin = domain::BackupOrigin::kScheduled};
    request.backup = {.id = id, .tenant_uid = world.Tenant(tenant).uid, .wrapped_key = "k"};
    Run(BackupOf(tenant), RequestBody(request));
  }
  // When its next one is due, until its end.
  void BackUpInTime(const std::string& tenant, const std::string& id) {
    world.Pass(Find(BackupOf(tenant))->next_time - world.now);
    BackUp(tenant, id);
    world.Settle();
  }
  void Prune(const std::string& tenant, const std::string& operation) {
    Run(Pruning(tenant), RequestBody(PruneBackups{.operation = operation, .tenant = tenant}));
  }
};

}  // namespace croft::engine
