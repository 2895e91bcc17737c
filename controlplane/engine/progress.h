#pragma once

#include <string>

#include "controlplane/engine/draft.h"

// How an operation goes on: from step to step, through retries, to its end or back.
namespace croft::engine {

// Sends the current step if it can be sent now, or sees to it that this is called again when it can, or ends
// the operation when no step is left. Harmless at any time.
void Advance(Draft& draft, domain::Operation& operation);

// Whether the control plane itself does the step, and no agent.
bool IsOwnTask(const domain::Step& step);

// The id of the work of Croft's own that follows from `cause`, if any does.
std::string CleanUpOf(const domain::Operation& cause);

// Sends a step that was sent before once more, in case it was lost. The agent tells repeats apart.
void SendAgain(Draft& draft, domain::Operation& operation);

// The host can be spoken to again: sends again what was sent before, and what waited.
void ResumeHost(Draft& draft, const std::string& host);

// Gives the operation up: takes back what can be taken back, or ends it.
void Fail(Draft& draft, domain::Operation& operation, domain::OperationError error);

// Asks a running operation to stop and undo. One that can only go forward ends as it is: it parks.
void Cancel(Draft& draft, domain::Operation& operation);

void OnReport(Draft& draft, const TaskReport& report);
void OnProgress(Draft& draft, const TaskProgress& progress);
// Message of a step that is done since its host is gone for good.
inline constexpr absl::string_view kHostIsGone = "the host was declared missing";

void OnKeyErased(Draft& draft, const KeyErased& erased);

}  // namespace croft::engine
