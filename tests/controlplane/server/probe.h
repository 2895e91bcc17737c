#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <absl/status/statusor.h>

#include "common/sync.h"
#include "controlplane/handlers/service.h"
#include "croft/v1/operation.pb.h"
#include "croft/v1/tenant.pb.h"

namespace croft::server {

// Something that happens once.
class Event {
 public:
  void Set() {
    const MutexLock lock(mutex_);
    set_ = true;
    changed_.NotifyAll();
  }
  void Wait() {
    const MutexLock lock(mutex_);
    while (!set_) changed_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool set_ ABSL_GUARDED_BY(mutex_) = false;
};

// Handlers that do what a test says.
class Probe {
 public:
  using Context = handlers::RequestContext;
  std::function<absl::StatusOr<v1::Tenant>(const Context&)> get = [](const Context&) {
    return v1::Tenant();
  };
  std::function<absl::StatusOr<v1::Operation>(const Context&)> create = [](const Context&) {
    return v1::Operation();
  };
  std::function<void(const Context&, handlers::Respond<v1::Operation>)> wait;
  std::function<std::unique_ptr<handlers::Feed<v1::Operation>>(const Context&, handlers::Wake)> watch;

  std::vector<handlers::Service> services() {
    handlers::Service tenants("croft.v1.TenantService");
    tenants.Unary("GetTenant", *this, &Probe::GetTenant);
    tenants.Unary("CreateTenant", *this, &Probe::CreateTenant, handlers::Runs::kInline);
    handlers::Service operations("croft.v1.OperationService");
    operations.DeferredUnary("WaitOperation", *this, &Probe::WaitOperation);
    operations.ServerStream("WatchOperation", *this, &Probe::WatchOperation);
    return {std::move(tenants), std::move(operations)};
  }

 private:
  absl::StatusOr<v1::Tenant> GetTenant(const Context& context, const v1::GetTenantRequest&) {
    return get(context);
  }
  absl::StatusOr<v1::Operation> CreateTenant(const Context& context, const v1::CreateTenantRequest&) {
    return create(context);
  }
  void WaitOperation(const Context& context, const v1::WaitOperationRequest&,
                     handlers::Respond<v1::Operation> respond) {
    wait(context, std::move(respond));
  }
  absl::StatusOr<std::unique_ptr<handlers::Feed<v1::Operation>>> WatchOperation(
      const Context& context, const v1::WatchOperationRequest&, handlers::Wake wake) {
    return watch(context, std::move(wake));
  }
};

}  // namespace croft::server
