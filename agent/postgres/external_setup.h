#pragma once

#include <optional>
#include <string>

#include <absl/status/statusor.h>

// The SQL that prepares somebody else's server for an agent.
namespace croft::agent {

// For whom and what the SQL of ExternalSetup is.
struct ExternalSetupOptions {
  int postgres_major = 0;      // 15 to 18
  std::string role = "croft";  // the agent's, and on 15 the schema of its functions
  // The role becomes a superuser.
  bool superuser = false;
  // Whoever runs the SQL is no superuser, as with most providers.
  bool provider = false;
  // Closes `postgres` and `template1` to all roles that have no CONNECT of their own there, tenants' among them.
  bool revoke_public_connect = false;
  // Takes everything back instead.
  bool remove = false;
  std::optional<std::string> verifier;  // SCRAM-SHA-256, for the role's password
};

// SQL that gives the agent's role its rights on a server that somebody else keeps, with comments for whoever runs it.
// Running it again changes nothing. INVALID_ARGUMENT for a version that is not supported, a name that is not made of
// small letters, digits and `_`, and options that exclude each other.
[[nodiscard]] absl::StatusOr<std::string> ExternalSetup(const ExternalSetupOptions& options);

}  // namespace croft::agent
