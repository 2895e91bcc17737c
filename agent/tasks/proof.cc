// Proves that a tenant's logins get into its database, with a short-lived login of its own.

#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "agent/tasks/sql_task.h"
#include "agent/tasks/tenant_shape.h"
#include "common/crypto/scram.h"
#include "common/errors.h"
#include "common/ids.h"
#include "common/log.h"

namespace croft::agent {
namespace {

constexpr size_t kProbeLetters = 8;
constexpr size_t kSaltBytes = 16;
constexpr absl::Duration kProbeLife = absl::Minutes(10);

// `p` and random letters behind the owner's name.
std::string ProbePrefix(const TenantObjects& tenant) { return absl::StrCat(tenant.owner_role, "_p"); }

std::vector<Change> Removing(const std::string& database, const std::string& probe) {
  return {RevokeOnDatabase{database, probe, {DatabasePrivilege::kConnect}}, DropRole{probe}};
}

absl::Status RemoveEarlierProbes(const SqlTask& task) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, task.ObserveRoles());
  const std::string prefix = ProbePrefix(task.tenant());
  for (const RoleState& role : roles) {
    if (!absl::StartsWith(role.name, prefix) || role.name.size() != prefix.size() + kProbeLetters) continue;
    const absl::Status removed = task.session().Apply(Removing(task.tenant().database, role.name));
    if (!removed.ok()) log::Warning("an earlier probe login stays for now", {{"role", role.name}});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ProveOpen(const SqlTask& task) {
  CROFT_RETURN_IF_ERROR(task.context().KeepGoing());
  task.context().Report("prove that the database lets its tenant in");
  CROFT_RETURN_IF_ERROR(RemoveEarlierProbes(task));
  const TenantObjects& tenant = task.tenant();
  CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
  const std::string password = crypto::NewPassword(task.random());
  const std::string name =
      absl::StrCat(ProbePrefix(tenant), UidFrom(task.random().Bytes(kSaltBytes)).substr(0, kProbeLetters));
  CROFT_RETURN_IF_ERROR(task.session().Apply(
      {CreateRole{{.name = name,
                   .can_login = true,
                   .connection_limit = 1,
                   .verifier = crypto::ScramVerifier(password, task.random().Bytes(kSaltBytes)),
                   .valid_until = absl::Now() + kProbeLife,
                   .member_of = {tenant.owner_role},
                   .settings = {{"role", tenant.owner_role}}}},
       GrantOnDatabase{tenant.database, name, {DatabasePrivilege::kConnect}}},
      Durability::kWithNext));
  // One that is closed for growth takes nothing new.
  const bool writes = MayMakeSchemas(database, tenant.owner_role);
  const absl::Status proven =
      task.cluster().ProveLogin(tenant.database, name, password, writes, task.timeout());
  const absl::Status removed = task.session().Apply(Removing(tenant.database, name));
  if (!proven.ok()) return Annotate(proven, "the tenant's way into its database");
  return removed;
}

}  // namespace croft::agent
