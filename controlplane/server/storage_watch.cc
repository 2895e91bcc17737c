// Looks for tenants whose size calls for a judgement.

#include "controlplane/server/storage_watch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/errors.h"
#include "common/ids.h"
#include "common/log.h"
#include "controlplane/domain/storage.h"

namespace croft::server {
namespace {

constexpr int32_t kAtOnce = 256;
constexpr size_t kOperationEntropy = 16;
// A look takes at most a tenth of one core, however many tenants have a quota.
constexpr int kRests = 9;

}  // namespace

StorageWatch::StorageWatch(catalog::Catalog& catalog, SizeOf size_of, engine::EventQueue& event_queue,
                           Random& random, const Clock& clock, absl::Duration interval)
    : catalog_(catalog),
      size_of_(std::move(size_of)),
      event_queue_(event_queue),
      random_(random),
      clock_(clock),
      interval_(interval) {}

StorageWatch::~StorageWatch() { Stop(); }

void StorageWatch::Start() {
  thread_ = std::thread([this] { Run(); });
}

void StorageWatch::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

bool StorageWatch::Rest(absl::Duration time) {
  const MutexLock lock(mutex_);
  if (!stopping_) changed_.WaitFor(mutex_, time);
  return !stopping_;
}

void StorageWatch::Run() {
  while (Rest(interval_)) {
    const absl::StatusOr<int64_t> judged = LookOnce();
    if (!judged.ok() && !std::exchange(failing_, true)) {
      log::Warning("storage quotas are not looked after; it is tried again",
                   {{"error", std::string(judged.status().message())}});
    }
    if (judged.ok() && std::exchange(failing_, false)) log::Info("storage quotas are looked after again");
  }
}

absl::StatusOr<int64_t> StorageWatch::LookOnce() {
  int64_t judged = 0;
  std::string after;
  while (true) {
    const absl::Time start = clock_.Now();
    CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Tenant> tenants,
                           catalog_.ListStorageLimited(after, kAtOnce));
    for (const domain::Tenant& tenant : tenants) {
      CROFT_ASSIGN_OR_RETURN(const bool told, Judge(tenant));
      judged += told ? 1 : 0;
    }
    if (tenants.size() < static_cast<size_t>(kAtOnce)) return judged;
    after = tenants.back().id;
    if (!Rest((clock_.Now() - start) * kRests)) return judged;
  }
}

absl::StatusOr<bool> StorageWatch::Judge(const domain::Tenant& tenant) {
  if (tenant.state != domain::TenantState::kReady) return false;
  Size size{.generation = tenant.placement.generation};
  // Without a quota it is opened, whatever its size.
  if (tenant.quota.storage_bytes > 0) {
    CROFT_ASSIGN_OR_RETURN(const std::optional<Size> measured, size_of_(tenant.uid, tenant.placement.host));
    if (!measured || measured->generation != size.generation) return false;
    size = *measured;
  }
  if (!domain::CallsForJudgement(tenant, size.bytes, clock_.Now())) return false;
  event_queue_.Post(engine::StorageMeasured{{.operation = OperationIdFrom(random_.Bytes(kOperationEntropy)),
                                             .tenant = tenant.id,
                                             .generation = size.generation,
                                             .size_bytes = size.bytes}});
  return true;
}

}  // namespace croft::server
