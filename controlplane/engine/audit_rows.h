#pragma once

#include <string>
#include <vector>

#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/draft.h"
#include "controlplane/engine/event.h"
#include "controlplane/engine/requests.h"

namespace croft::engine {

// The audit rows of a request that was decided on `draft` and leads to `changes`: together they name `subject`, what the
// operation of that name works on, and every resource that is changed or removed, each once and `subject` first. One row
// unless there are more than a hundred names.
std::vector<catalog::AppendAudit> AuditRows(Draft& draft, const Caller& caller, const RequestBody& body,
                                            const Subject& subject,
                                            const std::vector<catalog::Change>& changes);

}  // namespace croft::engine
