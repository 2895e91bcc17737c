#pragma once

#include <vector>

#include "agent/postgres/cluster.h"
#include "agent/postgres/connection.h"

namespace croft::agent {

// The statements that carry out `changes`, to be executed together.
[[nodiscard]] std::vector<Statement> StatementsFor(const std::vector<Change>& changes,
                                                   Durability durability);

}  // namespace croft::agent
