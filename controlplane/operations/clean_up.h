#pragma once

#include <string>
#include <vector>

#include "controlplane/engine/draft.h"

// Work of Croft's own for later: replaced databases are dropped and replaced logins disabled when their time is up.
namespace croft::operations {

// Begins a clean-up that follows from `cause` and waits for the time that its steps name.
void ScheduleCleanUp(engine::Draft& draft, const domain::Operation& cause, const domain::Tenant& tenant,
                     std::vector<domain::Step> steps);

// Begins a clean-up called `id`.
domain::Operation& BeginCleanUp(engine::Draft& draft, const std::string& id, const domain::Tenant& tenant,
                                std::vector<domain::Step> steps);

// Ends the replaced logins at `when`.
std::vector<domain::Step> DisableLogins(const domain::Tenant& tenant,
                                        const std::vector<std::string>& logins, absl::Time when);

// Drops the undo copy `database` of `host` at `when`, with the tenant's roles when it no longer lives on that host.
domain::Step DropCopy(const domain::Tenant& tenant, const std::string& host, const std::string& database,
                      absl::Time when);

}  // namespace croft::operations
