// Computes the changes between a tenant as it should be and as the server shows it.

#include "agent/tasks/tenant_shape.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <absl/strings/str_cat.h>

namespace croft::agent {
namespace {

bool Has(const DatabaseState& database, absl::string_view role, DatabasePrivilege privilege) {
  return std::any_of(database.grants.begin(), database.grants.end(), [&](const DatabaseGrant& grant) {
    return grant.role == role && grant.privilege == privilege;
  });
}

bool Contains(const std::vector<std::string>& items, absl::string_view item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

// `role` makes a login act as its group, so that everything it makes has one owner through rotations.
std::map<std::string, std::string> LoginSettings(const std::string& group, bool read_only) {
  std::map<std::string, std::string> settings = {{"role", group}};
  if (read_only) settings["default_transaction_read_only"] = "on";
  return settings;
}

std::string Milliseconds(absl::Duration duration) {
  return absl::StrCat(absl::ToInt64Milliseconds(duration), "ms");
}

}  // namespace

std::vector<Change> WholeRestoreChanges(const TenantObjects& tenant) {
  return {TagDatabase{tenant.database, {tenant.uid, tenant.generation}},
          AllowConnections{tenant.database, false}};
}

bool IsRestoredWhole(const TenantObjects& tenant, const DatabaseState& database) {
  const bool tagged = database.tag == DatabaseTag{tenant.uid, tenant.generation};
  return tagged && !database.allows_connections && !database.invalid;
}

void Append(std::vector<Change>& changes, std::vector<Change> more) {
  changes.insert(changes.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

const RoleState* FindRole(const std::vector<RoleState>& roles, absl::string_view name) {
  const auto found =
      std::find_if(roles.begin(), roles.end(), [&](const RoleState& role) { return role.name == name; });
  return found == roles.end() ? nullptr : &*found;
}

std::vector<RoleState> LoginsOf(const TenantObjects& tenant, const std::vector<RoleState>& observed) {
  std::vector<RoleState> logins;
  std::copy_if(observed.begin(), observed.end(), std::back_inserter(logins), [&](const RoleState& role) {
    return role.name != tenant.owner_role && role.name != tenant.reader_role;
  });
  return logins;
}

bool IsReader(const TenantObjects& tenant, const RoleState& login) {
  return Contains(login.member_of, tenant.reader_role) && !Contains(login.member_of, tenant.owner_role);
}

std::vector<Change> GroupChanges(const TenantObjects& tenant, const std::vector<RoleState>& observed) {
  std::vector<Change> changes;
  for (const std::string& name : {tenant.owner_role, tenant.reader_role}) {
    const RoleState* role = FindRole(observed, name);
    if (role == nullptr) {
      changes.push_back(CreateRole{{.name = name}});
    } else if (role->can_login) {
      changes.push_back(AlterRole{.name = name, .can_login = false});
    }
  }
  return changes;
}

std::vector<Change> LoginChanges(const TenantObjects& tenant, const Login& login, const LoginShape& shape,
                                 const std::vector<RoleState>& observed) {
  const std::string& group = login.read_only ? tenant.reader_role : tenant.owner_role;
  std::map<std::string, std::string> settings = LoginSettings(group, login.read_only);
  const RoleState* role = FindRole(observed, login.name);
  if (role == nullptr) {
    return {CreateRole{{.name = login.name,
                        .can_login = shape.open,
                        .connection_limit = shape.connections,
                        .verifier = login.verifier,
                        .member_of = {group},
                        .settings = std::move(settings)}}};
  }
  std::vector<Change> changes;
  if (!Contains(role->member_of, group)) changes.push_back(GrantMembership{group, login.name});
  AlterRole alter{.name = login.name};
  bool differs = false;
  if (role->inherits) differs = true, alter.inherits = false;
  if (role->can_login != shape.open) differs = true, alter.can_login = shape.open;
  if (role->connection_limit != shape.connections)
    differs = true, alter.connection_limit = shape.connections;
  if (role->shows_password && role->verifier != login.verifier)
    differs = true, alter.verifier = login.verifier;
  // A login's own would win over the database's.
  for (const char* limit :
       {"statement_timeout", "idle_in_transaction_session_timeout", "temp_file_limit"}) {
    if (role->settings.count(limit) == 0) continue;
    differs = true;
    alter.reset_settings.emplace_back(limit);
  }
  // What the tenant or a DBA set beside these is theirs.
  for (const auto& [name, value] : settings) {
    const auto present = role->settings.find(name);
    if (present != role->settings.end() && present->second == value) continue;
    differs = true;
    alter.settings[name] = value;
  }
  if (differs) changes.push_back(std::move(alter));
  return changes;
}

std::vector<Change> DatabaseChanges(const TenantObjects& tenant, const DatabaseLimits& limits,
                                    const TenantDefaults& defaults, bool may_limit_temporary_files,
                                    const DatabaseState& observed) {
  const std::string& name = observed.name;
  std::vector<Change> changes;
  if (std::any_of(observed.grants.begin(), observed.grants.end(),
                  [](const DatabaseGrant& grant) { return grant.role.empty(); })) {
    changes.push_back(RevokePublic{name});
  }
  const DatabaseTag tag{tenant.uid, tenant.generation};
  if (observed.tag != tag) changes.push_back(TagDatabase{name, tag});
  const int32_t connections = limits.connections + kConnectionsForCroft;
  if (observed.connection_limit != connections) changes.push_back(SetConnectionLimit{name, connections});
  std::map<std::string, std::string> settings = {
      {"statement_timeout", Milliseconds(limits.statement_timeout)},
      {"idle_in_transaction_session_timeout", Milliseconds(defaults.idle_in_transaction_timeout)}};
  if (may_limit_temporary_files)
    settings["temp_file_limit"] = absl::StrCat(defaults.temp_file_limit_kb, "kB");
  for (const auto& [setting, value] : settings) {
    const auto present = observed.settings.find(setting);
    if (present == observed.settings.end() || present->second != value) {
      changes.push_back(SetDatabaseSetting{name, setting, value});
    }
  }
  Append(changes, OwnerChanges(tenant, limits.closed_for_growth, observed));
  return changes;
}

std::vector<Change> OwnerChanges(const TenantObjects& tenant, bool closed_for_growth,
                                 const DatabaseState& observed) {
  std::vector<Change> changes;
  for (const DatabasePrivilege privilege : {DatabasePrivilege::kCreate, DatabasePrivilege::kTemporary}) {
    if (closed_for_growth && privilege == DatabasePrivilege::kCreate) continue;
    if (!Has(observed, tenant.owner_role, privilege)) {
      changes.push_back(GrantOnDatabase{observed.name, tenant.owner_role, {privilege}});
    }
  }
  return changes;
}

std::vector<Change> GrowthChanges(const TenantObjects& tenant, bool closed, const DatabaseState& observed) {
  if (MayMakeSchemas(observed, tenant.owner_role) != closed) return {};
  if (closed) return {RevokeOnDatabase{observed.name, tenant.owner_role, {DatabasePrivilege::kCreate}}};
  return {GrantOnDatabase{observed.name, tenant.owner_role, {DatabasePrivilege::kCreate}}};
}

bool MayMakeSchemas(const DatabaseState& database, absl::string_view role) {
  return Has(database, role, DatabasePrivilege::kCreate);
}

std::vector<Change> DoorChanges(const DatabaseState& observed, const std::vector<std::string>& roles) {
  std::vector<Change> changes;
  bool public_seen = false;
  for (const DatabaseGrant& grant : observed.grants) {
    public_seen = public_seen || grant.role.empty();
    if (grant.role.empty() || grant.privilege != DatabasePrivilege::kConnect || Contains(roles, grant.role))
      continue;
    changes.push_back(RevokeOnDatabase{observed.name, grant.role, {DatabasePrivilege::kConnect}});
  }
  if (public_seen) changes.push_back(RevokePublic{observed.name});
  for (const std::string& role : roles) {
    if (MayConnect(observed, role)) continue;
    changes.push_back(GrantOnDatabase{observed.name, role, {DatabasePrivilege::kConnect}});
  }
  return changes;
}

std::vector<std::string> Guests(const TenantObjects& tenant, const std::vector<Login>& logins) {
  std::vector<std::string> guests = {tenant.owner_role, tenant.reader_role};
  for (const Login& login : logins) guests.push_back(login.name);
  return guests;
}

bool MayConnect(const DatabaseState& database, absl::string_view role) {
  return Has(database, role, DatabasePrivilege::kConnect);
}

}  // namespace croft::agent
