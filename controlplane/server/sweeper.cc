#include "controlplane/server/sweeper.h"

#include <vector>

#include "common/errors.h"
#include "common/log.h"

namespace croft::server {
namespace {

constexpr int32_t kAtOnce = 10'000;

engine::Caller System(const char* method) { return {.name = "system", .peer = "local", .method = method}; }

}  // namespace

Sweeper::Sweeper(catalog::Catalog& catalog, engine::EventQueue& event_queue,
                 const handlers::SecretMaker& secrets, const Clock& clock)
    : catalog_(catalog), event_queue_(event_queue), secrets_(secrets), clock_(clock) {}

Sweeper::~Sweeper() { Stop(); }

void Sweeper::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Sweeper::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void Sweeper::Run() {
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (!stopping_) changed_.WaitFor(mutex_, kInterval);
      if (stopping_) return;
    }
    SweepOnce();
  }
}

void Sweeper::SweepOnce() {
  const auto due = catalog_.DueTenants(clock_.Now(), kAtOnce);
  if (!due.ok()) {
    log::Error("the tenants that are due cannot be read", {{"error", log::Text(due.status())}});
    return;
  }
  for (const domain::Tenant& tenant : *due) {
    const absl::Status status = Sweep(tenant);
    if (status.ok() || status.code() == absl::StatusCode::kCancelled) continue;
    if (!said_.emplace(tenant.uid, DetailsOf(status).reason).second) continue;
    log::Warning("a tenant that is due has to wait",
                 {{"tenant", tenant.id}, {"error", std::string(status.message())}});
  }
}

absl::Status Sweeper::Sweep(const domain::Tenant& tenant) {
  if (!tenant.current_operation.empty()) return absl::OkStatus();
  switch (tenant.state) {
    case domain::TenantState::kReady:
    case domain::TenantState::kSuspended: return Retire(tenant);
    case domain::TenantState::kFailed: return Purge(tenant);
    case domain::TenantState::kRetired:
      return tenant.purge_time && *tenant.purge_time <= clock_.Now() ? Purge(tenant) : absl::OkStatus();
    case domain::TenantState::kCreating:
    case domain::TenantState::kPurged: break;
  }
  return absl::OkStatus();
}

absl::Status Sweeper::Retire(const domain::Tenant& tenant) {
  engine::RetireTenant request{.operation = secrets_.NewOperationId(), .tenant = tenant.id};
  CROFT_ASSIGN_OR_RETURN(request.final_backup, secrets_.PrepareBackup(tenant.uid));
  return event_queue_.Call(System("TenantService/RetireTenant"), std::move(request)).status();
}

absl::Status Sweeper::Purge(const domain::Tenant& tenant) {
  engine::PurgeTenant request{
      .operation = secrets_.NewOperationId(), .tenant = tenant.id, .confirmed = true};
  return event_queue_.Call(System("TenantService/PurgeTenant"), std::move(request)).status();
}

}  // namespace croft::server
