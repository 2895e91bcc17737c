#pragma once

#include <string>
#include <vector>

#include "agent/postgres/cluster.h"
#include "agent/postgres/connection.h"
#include "agent/postgres/rights.h"

// Changes of roles, databases and grants, as SQL.
namespace croft::agent {

// Who carries out changes of roles, and how.
struct RoleMaker {
  RoleMaking making = RoleMaking::kDirectly;
  std::string role = {};  // the agent's own
  // Without it roles are made without `bypass_rls`: what they may not read they then refuse to read in part.
  bool may_bypass_rls = true;
};

// The statements that carry out `changes`, to be executed together.
[[nodiscard]] std::vector<Statement> StatementsFor(const std::vector<Change>& changes,
                                                   Durability durability, const RoleMaker& maker);

}  // namespace croft::agent
