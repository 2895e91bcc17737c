// Unfence: opens a sealed database, or one freshly restored, to the published logins alone.
//
// Why this order: name, limits, logins and doors change in one transaction, so that there is no moment in which
// the database can be entered by a login that was not to get in, or only by some. The proof comes after, since
// a login can only be tried at an open door; when it fails the task fails, and fencing is the way back. What readers
// lack inside comes last: it is no reason to keep the tenant out.

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/tasks/proto_parts.h"
#include "agent/tasks/sql_task.h"
#include "agent/tasks/tenant_shape.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {
namespace {

absl::StatusOr<std::vector<Change>> WhatKeepsItClosed(const SqlTask& task, const UnfenceWork& work) {
  const TenantObjects& tenant = task.tenant();
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, task.ObserveRoles(work.logins));
  CROFT_ASSIGN_OR_RETURN(DatabaseState database, task.NeedDatabase());
  const std::vector<std::string> guests = Guests(tenant, work.logins);
  std::vector<Change> changes = GroupChanges(tenant, roles);
  // A replaced login that was made here anew loses its password, too: by that a later fence knows its readers.
  for (const RoleState& login : LoginsOf(tenant, roles)) {
    const bool published = std::find(guests.begin(), guests.end(), login.name) != guests.end();
    const bool shown = login.shows_password && login.verifier.has_value();
    if (published || !(login.can_login || shown)) continue;
    changes.push_back(AlterRole{.name = login.name, .can_login = false, .clear_password = true});
  }
  for (const Login& login : work.logins) {
    Append(changes, LoginChanges(tenant, login, {.connections = work.limits.connections}, roles));
  }
  if (task.IsSealed(database)) {
    changes.push_back(RenameDatabase{database.name, tenant.database});
    database.name = tenant.database;
  }
  Append(changes, DatabaseChanges(tenant, work.limits, task.defaults(),
                                  task.session().MayLimitTemporaryFiles(), database));
  Append(changes, DoorChanges(database, guests));
  if (!database.allows_connections) changes.push_back(AllowConnections{database.name, true});
  return changes;
}

// Where the server does not show whether a password is left, no look could tell that it is gone.
absl::Status ClearHiddenPasswords(const SqlTask& task, const UnfenceWork& work) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, task.ObserveRoles(work.logins));
  const std::vector<std::string> guests = Guests(task.tenant(), work.logins);
  std::vector<Change> changes;
  for (const RoleState& login : LoginsOf(task.tenant(), roles)) {
    const bool published = std::find(guests.begin(), guests.end(), login.name) != guests.end();
    if (published || login.shows_password) continue;
    changes.push_back(AlterRole{.name = login.name, .can_login = false, .clear_password = true});
  }
  return changes.empty() ? absl::OkStatus() : task.session().Apply(changes);
}

// A tenant can take it away, by DROP OWNED for example, and nobody but readers misses it.
void GiveReadersRightsBack(const SqlTask& task) {
  const TenantObjects& tenant = task.tenant();
  const absl::StatusOr<bool> complete = task.session().ReaderHasRights(tenant.database, tenant.reader_role);
  if (complete.ok() && *complete) return;
  const absl::Status given =
      complete.ok() ? task.session().GrantReader(tenant.database, tenant.owner_role, tenant.reader_role)
                    : complete.status();
  if (given.ok()) return;
  task.context().Report(absl::StrCat("the rights of readers are not given back: ", given.message()));
}

}  // namespace

UnfenceWork UnfenceWork::FromProto(const v1::Task& task) {
  return {.logins = agent::FromProto(task.unfence().logins()),
          .limits = agent::FromProto(task.unfence().limits())};
}

absl::StatusOr<Outcome> Run(const SqlTask& task, const UnfenceWork& work) {
  CROFT_RETURN_IF_ERROR(CheckLogins(task.tenant(), work.logins));
  CROFT_RETURN_IF_ERROR(task.SetHiddenVerifiers(work.logins));
  CROFT_RETURN_IF_ERROR(ClearHiddenPasswords(task, work));
  CROFT_RETURN_IF_ERROR(
      RunSteps({task.Applying("open it to its logins", [&] { return WhatKeepsItClosed(task, work); })},
               task.context()));
  CROFT_RETURN_IF_ERROR(ProveOpen(task));
  GiveReadersRightsBack(task);
  return Done{"the database is open to its logins alone, and a login like theirs wrote into it"};
}

}  // namespace croft::agent
