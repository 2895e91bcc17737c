// Decides which parameters of ALTER DATABASE and ALTER ROLE a restore sets again.

#include "agent/tasks/kept_settings.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "agent/dump_format/scanner.h"
#include "agent/postgres/sql_error.h"

namespace croft::agent {
namespace {

// A superuser of one server could by them run a program on another.
bool LoadsCode(absl::string_view name) {
  return absl::EndsWithIgnoreCase(name, "_preload_libraries") ||
         absl::EqualsIgnoreCase(name, "dynamic_library_path");
}

// What Croft gives its logins itself.
bool IsCrofts(absl::string_view name) {
  return name == "role" || name == "default_transaction_read_only" || name == "statement_timeout" ||
         name == "idle_in_transaction_session_timeout" || name == "temp_file_limit";
}

// What the roles of the backup are called now.
std::vector<std::string> RolesFor(const SettingFact& setting, const ReplayRoles& roles,
                                  const std::vector<Login>& logins) {
  if (setting.role == roles.old_owner) return {roles.new_owner};
  if (setting.role == roles.old_reader) return {roles.new_reader};
  std::vector<std::string> names;
  for (const Login& login : logins) {
    if (login.read_only == setting.read_only_login) names.push_back(login.name);
  }
  return names;
}

Change One(const SettingFact& setting, const std::string& database, const std::string& role) {
  if (setting.role.empty()) return SetDatabaseSetting{database, setting.name, setting.value};
  if (setting.in_database) return SetRoleSetting{database, role, setting.name, setting.value};
  return AlterRole{.name = role, .settings = {{setting.name, setting.value}}};
}

std::vector<Change> ChangesFor(const SettingFact& setting, const std::string& database,
                               const ReplayRoles& roles, const std::vector<Login>& logins) {
  if (LoadsCode(setting.name)) return {};
  if (setting.role.empty()) return {One(setting, database, "")};
  std::vector<Change> changes;
  for (const std::string& role : RolesFor(setting, roles, logins))
    changes.push_back(One(setting, database, role));
  return changes;
}

Finding NotKept(const SettingFact& setting, const std::string& database, std::string said) {
  const std::string of = setting.role.empty() ? absl::StrCat("DATABASE ", QuoteName(database))
                                              : absl::StrCat("ROLE ", QuoteName(setting.role));
  return {
      .severity = Severity::kNote,
      .reason = "SETTING_NOT_KEPT",
      .object = of,
      .message = absl::StrCat("The parameter ", setting.name, " = ", setting.value, " is not set here."),
      .postgres_message = std::move(said),
      .remedy = absl::StrCat("have a superuser run ALTER ", of, " SET ", setting.name, " = …;")};
}

}  // namespace

std::vector<Change> KeptSettings(const std::vector<SettingFact>& settings, const std::string& database,
                                 const ReplayRoles& roles, const std::vector<Login>& logins) {
  std::vector<Change> changes;
  for (const SettingFact& setting : settings) {
    for (Change& change : ChangesFor(setting, database, roles, logins))
      changes.push_back(std::move(change));
  }
  return changes;
}

absl::StatusOr<std::vector<Finding>> KeepSettings(ClusterSession& session,
                                                  const std::vector<SettingFact>& settings,
                                                  const std::string& database, const ReplayRoles& roles,
                                                  const std::vector<Login>& logins) {
  std::vector<Finding> findings;
  for (const SettingFact& setting : settings) {
    if (LoadsCode(setting.name)) {
      findings.push_back(NotKept(setting, database, ""));
      continue;
    }
    const std::vector<Change> changes = ChangesFor(setting, database, roles, logins);
    if (changes.empty()) continue;
    const absl::Status kept = session.Apply(changes, Durability::kWithNext);
    if (absl::IsUnavailable(kept) || absl::IsCancelled(kept) || absl::IsDeadlineExceeded(kept)) return kept;
    if (!kept.ok()) findings.push_back(NotKept(setting, database, PostgresMessageOf(kept)));
  }
  return findings;
}

std::vector<Change> TakenOver(const RoleState* replaced, const RoleState* login,
                              const std::string& replaced_name, const std::string& login_name,
                              const DatabaseState& database) {
  std::vector<Change> changes;
  AlterRole alter{.name = login_name};
  if (replaced != nullptr) {
    for (const auto& [name, value] : replaced->settings) {
      if (IsCrofts(name)) continue;
      const bool there = login != nullptr && login->settings.count(name) > 0;
      if (!there) alter.settings[name] = value;
    }
  }
  if (!alter.settings.empty()) changes.push_back(std::move(alter));
  const auto of_replaced = database.role_settings.find(replaced_name);
  if (of_replaced == database.role_settings.end()) return changes;
  const auto of_login = database.role_settings.find(login_name);
  for (const auto& [name, value] : of_replaced->second) {
    const bool there = of_login != database.role_settings.end() && of_login->second.count(name) > 0;
    if (!there) changes.push_back(SetRoleSetting{database.name, login_name, name, value});
  }
  return changes;
}

std::string TenantsSearchPath(const std::vector<SettingFact>& settings, const std::string& owner) {
  std::string path;
  for (const SettingFact& setting : settings) {
    if (setting.role.empty() || setting.read_only_login || setting.name != "search_path") continue;
    // An application logs in as a login and never as the owner.
    if (setting.role != owner || path.empty()) path = setting.value;
  }
  return path;
}

}  // namespace croft::agent
