#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

namespace croft::agent {

// Connection parameters by libpq's keywords, such as {"host", "/tmp/s"}. Values are taken as they are: a
// dbname that looks like a connection string is the name of a database.
using Conninfo = std::map<std::string, std::string>;

// From libpq's own form, a string of keywords and values or a URI. INVALID_ARGUMENT when it does not parse.
[[nodiscard]] absl::StatusOr<Conninfo> ParseConninfo(absl::string_view text);

// How to reach one PostgreSQL service. Holds secrets in external mode: never log it.
struct ServerAccess {
  // As the agent's own role, without dbname.
  Conninfo agent;
  // The way applications take, without dbname, user and password.
  Conninfo tenants;
  // Where statements about the whole server run, and where advisory locks live.
  std::string maintenance_database = "postgres";
  // The extensions that tenants may install; nothing: those that the server trusts them with. To narrow them the
  // agent must be a superuser.
  std::optional<std::vector<std::string>> extensions;
  // Those that a restore may bring back although the server does not trust tenants with them: the agent makes them,
  // while the database holds no tenant's code.
  std::vector<std::string> restore_extensions;
  // Where its files lie, on this machine; empty elsewhere.
  std::string data_directory;
  // Nobody else has databases on it, so that all its files are the agent's to judge.
  bool own_server = false;
  // Whom client programs run as; nothing when the agent's own user will do.
  std::optional<uint32_t> program_uid;
  std::optional<uint32_t> program_gid;
};

// `access.tenants` completed for one login of one database.
[[nodiscard]] inline Conninfo TenantConninfo(const ServerAccess& access, absl::string_view database,
                                             absl::string_view user, absl::string_view password) {
  Conninfo conninfo = access.tenants;
  conninfo["dbname"] = std::string(database);
  conninfo["user"] = std::string(user);
  conninfo["password"] = std::string(password);
  return conninfo;
}

}  // namespace croft::agent
