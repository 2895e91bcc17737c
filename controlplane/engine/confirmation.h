#pragma once

#include "controlplane/engine/draft.h"
#include "controlplane/engine/event.h"

// After the catalog was restored from a copy, or rebuilt.
namespace croft::engine {

// Raises the counters of tenants above all that the host has seen, so that none is given out twice; confirms the
// tenants that it shows as the catalog says; moves those that it holds in a later generation than the catalog knows;
// and lets work on the host go on.
void OnFound(Draft& draft, const HostFound& found);

}  // namespace croft::engine
