#pragma once

#include <optional>

#include "controlplane/engine/draft.h"
#include "controlplane/engine/event.h"

// What backups, proofs and restores say of a backup, and what becomes of it.
namespace croft::engine {

// Takes what the report found into the operation's warnings and onto the backup that `step` makes, reads or proves.
// Returns the error that the operation ends with when the task succeeded and reports that the backup is no good.
std::optional<domain::OperationError> TakeFindings(Draft& draft, domain::Operation& operation,
                                                   const domain::Step& step, const TaskReport& report);

// Sets which backup of the tenant's is the latest that can be used.
void ChooseLastBackup(Draft& draft, domain::Tenant& tenant);

// The tenant's backups as this draft has them, newest first.
[[nodiscard]] std::vector<domain::Backup> BackupsOf(Draft& draft, const domain::Tenant& tenant);

}  // namespace croft::engine
