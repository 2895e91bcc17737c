#pragma once

#include "controlplane/engine/draft.h"

namespace croft::engine {

// Makes true in the catalog what `step`, just done, has made true on the host. `report` is the agent's.
void Land(Draft& draft, domain::Operation& operation, const domain::Step& step, const TaskReport& report);

// Puts the catalog back as it was before a failed or cancelled operation whose undo steps are through.
void TakeBack(Draft& draft, const domain::Operation& operation);

}  // namespace croft::engine
