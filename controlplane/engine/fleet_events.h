#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <absl/time/time.h>

#include "controlplane/domain/backup.h"
#include "controlplane/domain/backup_policy.h"
#include "controlplane/domain/fleet_event.h"
#include "controlplane/domain/host.h"
#include "controlplane/domain/operation.h"
#include "controlplane/domain/tenant.h"

// Makes the events of a decision, by comparing what each resource is with what it was: whoever changes one does not have
// to think of them. Pure.
namespace croft::engine {

// What becomes of one resource; no `before`: it is new, no `after`: it is removed. Not owned.
template <typename T>
struct Changed {
  const T* before = nullptr;
  const T* after = nullptr;
};
template <typename T>
Changed(T*, T*) -> Changed<T>;

// Collects events. Call it in the order in which readers are to hear of them.
class FleetEvents {
 public:
  // `find_tenant` answers the tenant of an id, as it is after the decision, or nullptr.
  using FindTenant = std::function<const domain::Tenant*(const std::string& id)>;

  FleetEvents(absl::Time now, FindTenant find_tenant) : now_(now), find_tenant_(std::move(find_tenant)) {}

  void AddStart(const Changed<domain::Operation>& operation);
  void Add(const Changed<domain::Tenant>& tenant);
  void Add(const Changed<domain::Host>& host);
  void Add(const Changed<domain::Backup>& backup);
  void Add(const Changed<domain::BackupPolicy>& policy);
  // How the operation goes on or ends; its start is AddStart's.
  void Add(const Changed<domain::Operation>& operation);

  std::vector<domain::FleetEvent> Take() { return std::move(events_); }

 private:
  using Data = std::map<std::string, std::string>;

  void AddStorage(const domain::Tenant& before, const domain::Tenant& now);
  void AddCopies(const Changed<domain::Backup>& changed);
  void Say(const domain::Tenant& tenant, const char* what, Data data);
  void Say(const domain::Host& host, const std::string& what, Data data = {});
  void Say(const domain::Operation& operation, const std::string& what, Data data);
  void Say(const domain::Backup& backup, const std::string& what, Data data);
  // Fills in the tenant and its host, where the event has none yet.
  void OfTenant(const std::string& id, domain::FleetEvent& event) const;

  const absl::Time now_;
  const FindTenant find_tenant_;
  std::vector<domain::FleetEvent> events_;
};

}  // namespace croft::engine
