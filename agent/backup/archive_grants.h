#pragma once

#include <map>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>

namespace croft::agent {

struct GrantStatement {
  std::string text;     // one GRANT, REVOKE or ALTER DEFAULT PRIVILEGES, without its semicolon
  std::string grantee;  // the role it gives to or takes from; empty is PUBLIC

  friend bool operator==(const GrantStatement&, const GrantStatement&) = default;
};

// The statements in the script that pg_restore writes for grants alone, with roles called by their new names.
// All identifiers are quoted, as `pg_dump --quote-all-identifiers` leaves them. Anything else in the script is
// passed over.
[[nodiscard]] std::vector<GrantStatement> ReadGrants(absl::string_view script,
                                                     const std::map<std::string, std::string>& new_names);

}  // namespace croft::agent
