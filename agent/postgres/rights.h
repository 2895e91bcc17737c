#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/postgres/connection.h"

// What the agent's role may do on a server that somebody else keeps.
namespace croft::agent {

// A right that the agent's role needs and does not have.
struct MissingRight {
  std::string right;                    // such as `pg_signal_backend`
  std::string consequence;              // what does not work without it; a sentence
  std::string remedy;                   // SQL that gives it, for a superuser
  std::vector<std::string> task_kinds;  // those that fail; none: Croft works, and `consequence` says how

  friend bool operator==(const MissingRight&, const MissingRight&) = default;
};

// How the agent's role makes, changes and drops roles.
enum class RoleMaking {
  kDirectly,     // a superuser, or CREATEROLE
  kByFunctions,  // the functions that external-setup makes on PostgreSQL 15, in a schema called like the role
};

// What decides how the agent's role works.
struct SessionRights {
  bool shows_passwords = false;            // pg_authid can be read
  bool may_limit_temporary_files = false;  // temp_file_limit can be set
  bool joins_what_it_makes = false;        // no superuser, before 16: must be in a role to act as it
  bool may_bypass_rls = false;             // roles that it makes can have BYPASSRLS
  RoleMaking making = RoleMaking::kDirectly;
  std::string role;  // the agent's own
};

// Of the role that `connection`, one to the maintenance database, is logged in as, at this moment: rights change while
// a connection is open. One statement, of catalogs only.
[[nodiscard]] absl::StatusOr<SessionRights> FindSessionRights(Connection& connection);

// In the order in which they are best given; none for a superuser. Reads catalogs only.
[[nodiscard]] absl::StatusOr<std::vector<MissingRight>> FindMissingRights(Connection& connection);

// The right to be let into the maintenance database, and the right to learn which cluster this is. Without them nothing
// else can be asked.
[[nodiscard]] MissingRight MissingConnect(absl::string_view database, absl::string_view role);
[[nodiscard]] MissingRight MissingControlData(absl::string_view role);

}  // namespace croft::agent
