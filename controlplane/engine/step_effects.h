#pragma once

#include <string>

#include "controlplane/engine/draft.h"

namespace croft::engine {

// Makes true in the catalog what `step`, just done, has made true on the host. `report` is the agent's.
void ApplyStepEffect(Draft& draft, domain::Operation& operation, const domain::Step& step,
                     const TaskReport& report);

// Puts the catalog back as it was before a failed or cancelled operation whose undo steps are through.
void Revert(Draft& draft, const domain::Operation& operation);

// The id of the work of Croft's own that follows from `cause`, if any does.
std::string CleanUpOf(const domain::Operation& cause);

}  // namespace croft::engine
