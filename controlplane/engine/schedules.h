#pragma once

#include <optional>

#include "controlplane/engine/draft.h"

// When schedules run, and what becomes of them. What they ask for is a request like any other, of the caller `system`:
// checked, recorded and audited by the same code.
namespace croft::engine {

// By whom the control plane itself asks.
inline constexpr char kSystem[] = "system";

Caller CallerOf(domain::ScheduleKind kind);

// Why the schedule, which is due, does not run now: the same one with a later time. Its window is closed, or its host
// has enough of this to do.
std::optional<domain::Schedule> PutOff(const domain::Schedule& due, catalog::Facts& facts,
                                       const Moment& moment);

// The schedule after its request was done.
domain::Schedule AfterRun(const domain::Schedule& ran, catalog::Facts& facts, const Moment& moment);
// The schedule after its request was refused: tried again, ever more rarely.
domain::Schedule AfterRefusal(const domain::Schedule& refused, const absl::Status& why,
                              const Moment& moment);

// The next backup of a tenant that makes them by itself, and the next proof of one, by the policy that is in force for it.
std::optional<domain::Schedule> BackupOf(const domain::Tenant& tenant, const domain::PolicyInForce& policy,
                                         const Moment& moment);
std::optional<domain::Schedule> ProofOf(const domain::Tenant& tenant, const domain::PolicyInForce& policy,
                                        const Moment& moment);
// Of the tenant's scheduled backups; there from each of them on until nothing is left to be deleted.
domain::ScheduleKey PruningOf(const std::string& tenant);
// Of the tenant's backups, to the further stores that its policy names; there while one is missing.
domain::ScheduleKey CopyingOf(const std::string& tenant);
// The regular comparison of a host that there is.
std::optional<domain::Schedule> ComparisonOf(const domain::Host& host, const Moment& moment);

// Schedules of hosts and of the fleet as the policy wants them, which may be another than the last process had.
void EnsureSchedules(Draft& draft);

}  // namespace croft::engine
