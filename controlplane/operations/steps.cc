// Makes steps that several kinds of operations have.

#include "controlplane/operations/steps.h"

#include <utility>

namespace croft::operations {
namespace {

using domain::LoginRole;
using domain::Placement;
using domain::Step;
using domain::SuspendMode;
using domain::Tenant;

std::vector<std::string> OpenLogins(const Tenant& tenant, SuspendMode mode) {
  std::vector<std::string> logins;
  for (const domain::Credential& credential : tenant.credentials) {
    if (mode == SuspendMode::kNone ||
        (mode == SuspendMode::kReadOnly && credential.role == LoginRole::kReadOnly)) {
      logins.push_back(credential.login);
    }
  }
  return logins;
}

}  // namespace

Step On(const Placement& placement, domain::Task task) {
  return {.task = std::move(task),
          .host = placement.host,
          .generation = placement.generation,
          .database = placement.database};
}

Step Fence(const Tenant& tenant, bool allow_readers) {
  return On(tenant.placement, domain::FenceTask{allow_readers});
}

Step Open(const Tenant& tenant, const Placement& placement, SuspendMode mode) {
  return On(placement, domain::UnfenceTask{OpenLogins(tenant, mode)});
}

Step Configure(const Tenant& tenant) { return On(tenant.placement, domain::ConfigureTask()); }

Step LimitGrowth(const Tenant& tenant, bool closed) {
  return On(tenant.placement, domain::LimitGrowthTask{closed});
}

Step DropDatabase(const Placement& placement, bool roles) {
  return On(placement, domain::DropTask{.databases = {placement.database}, .roles = roles});
}

std::vector<Step> SuspendSteps(const Tenant& tenant) {
  const bool readers = tenant.suspend_mode == SuspendMode::kReadOnly;
  // A blocked tenant that readers may enter again is opened to them; everything else is a fence.
  std::vector<Step> steps = {Fence(tenant, readers)};
  if (readers) steps.push_back(Open(tenant, tenant.placement, SuspendMode::kReadOnly));
  return steps;
}

domain::BackupRef RefTo(const domain::Backup& backup) { return {.tenant = backup.tenant, .id = backup.id}; }

}  // namespace croft::operations
