// Writes changes of roles, databases and grants as SQL statements.

#include "agent/postgres/changes.h"

#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

namespace croft::agent {
namespace {

constexpr char kTempFileLimit[] = "temp_file_limit";

std::string Number(int64_t number) { return absl::StrCat(number); }

std::string Text(bool value) { return value ? "true" : "false"; }
std::string Text(int32_t value) { return absl::StrCat(value); }
std::string Text(const std::string& value) { return value; }
std::string Text(absl::Time value) {
  return absl::FormatTime(absl::RFC3339_sec, value, absl::UTCTimeZone());
}

// Parameters whose value is a list of names, each quoted where it has to be. As one literal it would be one name.
bool IsList(absl::string_view name) {
  for (const absl::string_view list : {"search_path", "temp_tablespaces", "session_preload_libraries",
                                       "local_preload_libraries", "shared_preload_libraries"}) {
    if (absl::EqualsIgnoreCase(name, list)) return true;
  }
  return false;
}

// The names in such a list, as pg_db_role_setting holds it: `app, "Weird, one"`.
std::vector<std::string> ListItems(absl::string_view value) {
  std::vector<std::string> items;
  std::string item;
  bool quoted = false;
  for (size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '"' && quoted && i + 1 < value.size() && value[i + 1] == '"') {
      item += value[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      items.push_back(std::exchange(item, ""));
    } else if (c != ' ' || quoted) {
      item += c;
    }
  }
  items.push_back(std::move(item));
  return items;
}

// One overload for each kind of change; each appends to `statements`.
class Writer {
 public:
  explicit Writer(const RoleMaker& maker) : maker_(maker) {}

  void operator()(const CreateRole& change) {
    if (by_functions()) return CallCreateRole(change.role);
    const RoleSpec& role = change.role;
    Statement made("CREATE ROLE %I", {role.name});
    Attributes(made, role.can_login, role.inherits, role.connection_limit);
    if (role.bypass_rls && maker_.may_bypass_rls) made.Append(" BYPASSRLS");
    if (role.verifier) made.Append(" PASSWORD %L", {*role.verifier});
    if (role.valid_until) made.Append(" VALID UNTIL %L", {Text(*role.valid_until)});
    for (size_t i = 0; i < role.member_of.size(); ++i) {
      i == 0 ? made.Append(" IN ROLE %I", {role.member_of[i]}) : made.Append(", %I", {role.member_of[i]});
    }
    statements.push_back(std::move(made));
    Settings(role.name, role.settings);
  }

  void operator()(const AlterRole& change) {
    if (by_functions()) return CallAlterRole(change);
    for (const std::string& setting : change.reset_settings)
      Add("ALTER ROLE %I RESET %I", {change.name, setting});
    Settings(change.name, change.settings);
    if (!ChangesAttributes(change)) return;
    Statement altered("ALTER ROLE %I", {change.name});
    Attributes(altered, change.can_login, change.inherits, change.connection_limit);
    if (change.verifier) {
      altered.Append(" PASSWORD %L", {*change.verifier});
    } else if (change.clear_password) {
      altered.Append(" PASSWORD NULL");
    }
    statements.push_back(std::move(altered));
  }

  void operator()(const GrantMembership& change) {
    if (by_functions())
      return Add("SELECT %I.grant_role(%L, %L)", {maker_.role, change.role, change.member});
    Add("GRANT %I TO %I", {change.role, change.member});
  }

  void operator()(const DropRole& change) {
    if (by_functions()) return Add("SELECT %I.drop_role(%L)", {maker_.role, change.name});
    Add("DROP ROLE %I", {change.name});
  }

  void operator()(const RevokePublic& change) {
    Add("REVOKE ALL ON DATABASE %I FROM PUBLIC", {change.database});
  }

  void operator()(const GrantOnDatabase& change) {
    for (const DatabasePrivilege privilege : change.privileges) {
      switch (privilege) {
        case DatabasePrivilege::kConnect:
          Add("GRANT CONNECT ON DATABASE %I TO %I", {change.database, change.role});
          break;
        case DatabasePrivilege::kCreate:
          Add("GRANT CREATE ON DATABASE %I TO %I", {change.database, change.role});
          break;
        case DatabasePrivilege::kTemporary:
          Add("GRANT TEMPORARY ON DATABASE %I TO %I", {change.database, change.role});
          break;
      }
    }
  }

  void operator()(const RevokeOnDatabase& change) {
    for (const DatabasePrivilege privilege : change.privileges) {
      switch (privilege) {
        case DatabasePrivilege::kConnect:
          Add("REVOKE CONNECT ON DATABASE %I FROM %I", {change.database, change.role});
          break;
        case DatabasePrivilege::kCreate:
          Add("REVOKE CREATE ON DATABASE %I FROM %I", {change.database, change.role});
          break;
        case DatabasePrivilege::kTemporary:
          Add("REVOKE TEMPORARY ON DATABASE %I FROM %I", {change.database, change.role});
          break;
      }
    }
  }

  void operator()(const AllowConnections& change) {
    change.allow ? Add("ALTER DATABASE %I ALLOW_CONNECTIONS true", {change.database})
                 : Add("ALTER DATABASE %I ALLOW_CONNECTIONS false", {change.database});
  }

  void operator()(const SetConnectionLimit& change) {
    Add("ALTER DATABASE %I CONNECTION LIMIT %d", {change.database, Number(change.limit)});
  }

  void operator()(const SetDatabaseSetting& change) {
    Set({"ALTER DATABASE %I", {change.database}}, change.name, change.value);
  }

  void operator()(const SetRoleSetting& change) {
    if (by_functions()) BeginAs(change.role);
    Set({"ALTER ROLE %I IN DATABASE %I", {change.role, change.database}}, change.name, change.value);
    if (by_functions()) statements.emplace_back("RESET ROLE");
  }

  void operator()(const TagDatabase& change) {
    Add("COMMENT ON DATABASE %I IS %L", {change.database, FormatDatabaseTag(change.tag)});
  }

  void operator()(const RenameDatabase& change) {
    Add("ALTER DATABASE %I RENAME TO %I", {change.from, change.to});
  }

  std::vector<Statement> statements;

 private:
  template <size_t N>
  void Add(const char (&text)[N], std::vector<std::string> arguments) {
    statements.emplace_back(text, std::move(arguments));
  }
  static void Attributes(Statement& statement, std::optional<bool> can_login, std::optional<bool> inherits,
                         std::optional<int32_t> connection_limit) {
    if (can_login) *can_login ? statement.Append(" LOGIN") : statement.Append(" NOLOGIN");
    if (inherits) *inherits ? statement.Append(" INHERIT") : statement.Append(" NOINHERIT");
    if (connection_limit) statement.Append(" CONNECTION LIMIT %d", {Number(*connection_limit)});
  }
  void Settings(const std::string& role, const std::map<std::string, std::string>& settings) {
    for (const auto& [name, value] : settings) Set({"ALTER ROLE %I", {role}}, name, value);
  }
  void Set(Statement altered, const std::string& name, const std::string& value) {
    altered.Append(" SET %I TO ", {name});
    const std::vector<std::string> items =
        IsList(name) ? ListItems(value) : std::vector<std::string>{value};
    for (size_t i = 0; i < items.size(); ++i) {
      i == 0 ? altered.Append("%L", {items[i]}) : altered.Append(", %L", {items[i]});
    }
    statements.push_back(std::move(altered));
  }

  // --- by the functions of external_setup.cc, whose arguments these are in their order

  bool by_functions() const { return maker_.making == RoleMaking::kByFunctions; }
  static bool ChangesAttributes(const AlterRole& change) {
    return change.can_login || change.inherits || change.connection_limit || change.verifier ||
           change.clear_password;
  }
  template <typename T>
  static void Argument(Statement& call, const std::optional<T>& value) {
    value ? call.Append(", %L", {Text(*value)}) : call.Append(", NULL");
  }
  void CallCreateRole(const RoleSpec& role) {
    Statement call("SELECT %I.create_role(%L, %L, %L, %L, %L",
                   {maker_.role, role.name, Text(role.can_login), Text(role.inherits),
                    Text(role.bypass_rls), Text(role.connection_limit)});
    Argument(call, role.verifier);
    Argument(call, role.valid_until);
    call.Append(", %L)", {TextArray(role.member_of)});
    statements.push_back(std::move(call));
    SettingsAsItself(role.name, {}, role.settings);
  }
  void CallAlterRole(const AlterRole& change) {
    SettingsAsItself(change.name, change.reset_settings, change.settings);
    if (!ChangesAttributes(change)) return;
    Statement call("SELECT %I.alter_role(%L", {maker_.role, change.name});
    Argument(call, change.can_login);
    Argument(call, change.inherits);
    Argument(call, change.connection_limit);
    Argument(call, change.verifier);
    call.Append(", %L)", {Text(change.clear_password)});
    statements.push_back(std::move(call));
  }
  void BeginAs(const std::string& role) {
    Add("SELECT %I.let_act_as(%L)", {maker_.role, role});
    Add("SET LOCAL ROLE %I", {role});
  }
  // A role may set its own defaults, and `role` cannot be set from within a function that runs with another's rights.
  // temp_file_limit takes a right that the tenant's roles do not have.
  void SettingsAsItself(const std::string& role, const std::vector<std::string>& reset,
                        const std::map<std::string, std::string>& settings) {
    if (reset.empty() && settings.empty()) return;
    BeginAs(role);
    for (const std::string& setting : reset) Add("ALTER ROLE %I RESET %I", {role, setting});
    for (const auto& [name, value] : settings) {
      if (name != kTempFileLimit) Set({"ALTER ROLE %I", {role}}, name, value);
    }
    statements.emplace_back("RESET ROLE");
    const auto limit = settings.find(kTempFileLimit);
    if (limit != settings.end())
      Add("SELECT %I.limit_temporary_files(%L, %L)", {maker_.role, role, limit->second});
  }

  const RoleMaker& maker_;
};

}  // namespace

std::vector<Statement> StatementsFor(const std::vector<Change>& changes, Durability durability,
                                     const RoleMaker& maker) {
  Writer writer(maker);
  if (durability == Durability::kWithNext)
    writer.statements.push_back("SET LOCAL synchronous_commit = off");
  for (const Change& change : changes) std::visit(writer, change);
  return std::move(writer.statements);
}

}  // namespace croft::agent
