#pragma once

#include <functional>
#include <memory>

#include "agent/postgres/access.h"
#include "agent/postgres/cluster.h"

namespace croft::agent {

// A Cluster over libpq. Keeps idle connections to the maintenance database for the next task; a connection
// that was lost is made again. `access` is asked before each connection, so that a server may move.
std::unique_ptr<Cluster> NewLibpqCluster(std::function<ServerAccess()> access);

}  // namespace croft::agent
