#pragma once

#include <optional>

#include "controlplane/engine/draft.h"

// Backup policies: what they mean for a tenant, and how schedules follow them. Their requests are in requests.h.
namespace croft::engine {

// The policy that is in force for the tenant.
domain::PolicyInForce InForce(catalog::Facts& facts, const domain::Tenant& tenant);
// The same with the policies as the draft has them.
domain::PolicyInForce InForce(Draft& draft, const domain::Tenant& tenant);

// What becomes of a row of BACK_UP or PROVE that was made by another policy than the one that is in force; nullopt where it
// is right, and for rows of other kinds.
std::optional<catalog::Change> Realigned(const domain::Schedule& row, catalog::Facts& facts,
                                         const Moment& moment);

// After `update` was applied to `tenant`: of `every` and `cron` the one that was set stays alone, a part of which something
// was set is not off, and one that was set to off says nothing any more.
void SettleRules(const domain::TenantUpdate& update, domain::Tenant& tenant);

}  // namespace croft::engine
