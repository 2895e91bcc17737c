#include "agent/postgres/changes.h"

#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

namespace croft::agent {
namespace {

std::string Number(int64_t number) { return absl::StrCat(number); }

// One overload for each kind of change; each appends to `statements`.
class Writer {
 public:
  void operator()(const CreateRole& change) {
    const RoleSpec& role = change.role;
    Add("CREATE ROLE %I NOLOGIN NOINHERIT", {role.name});
    if (role.inherits) Add("ALTER ROLE %I INHERIT", {role.name});
    if (role.bypass_rls) Add("ALTER ROLE %I BYPASSRLS", {role.name});
    if (role.connection_limit >= 0) Limit(role.name, role.connection_limit);
    if (role.verifier) Add("ALTER ROLE %I PASSWORD %L", {role.name, *role.verifier});
    if (role.valid_until) {
      const std::string until = absl::FormatTime(absl::RFC3339_sec, *role.valid_until, absl::UTCTimeZone());
      Add("ALTER ROLE %I VALID UNTIL %L", {role.name, until});
    }
    for (const std::string& group : role.member_of) Add("GRANT %I TO %I", {group, role.name});
    Settings(role.name, role.settings);
    if (role.can_login) Add("ALTER ROLE %I LOGIN", {role.name});
  }

  void operator()(const AlterRole& change) {
    if (change.inherits) {
      *change.inherits ? Add("ALTER ROLE %I INHERIT", {change.name})
                       : Add("ALTER ROLE %I NOINHERIT", {change.name});
    }
    if (change.connection_limit) Limit(change.name, *change.connection_limit);
    if (change.clear_password) Add("ALTER ROLE %I PASSWORD NULL", {change.name});
    if (change.verifier) Add("ALTER ROLE %I PASSWORD %L", {change.name, *change.verifier});
    for (const std::string& setting : change.reset_settings)
      Add("ALTER ROLE %I RESET %I", {change.name, setting});
    Settings(change.name, change.settings);
    if (change.can_login) {
      *change.can_login ? Add("ALTER ROLE %I LOGIN", {change.name})
                        : Add("ALTER ROLE %I NOLOGIN", {change.name});
    }
  }

  void operator()(const GrantMembership& change) { Add("GRANT %I TO %I", {change.role, change.member}); }

  void operator()(const DropRole& change) { Add("DROP ROLE %I", {change.name}); }

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
    Add("ALTER DATABASE %I SET %I TO %L", {change.database, change.name, change.value});
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
  void Limit(const std::string& role, int32_t limit) {
    Add("ALTER ROLE %I CONNECTION LIMIT %d", {role, Number(limit)});
  }
  void Settings(const std::string& role, const std::map<std::string, std::string>& settings) {
    for (const auto& [name, value] : settings) Add("ALTER ROLE %I SET %I TO %L", {role, name, value});
  }
};

}  // namespace

std::vector<Statement> StatementsFor(const std::vector<Change>& changes) {
  Writer writer;
  for (const Change& change : changes) std::visit(writer, change);
  return std::move(writer.statements);
}

}  // namespace croft::agent
