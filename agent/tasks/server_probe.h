#pragma once

#include <absl/status/status.h>

#include "agent/backup/replay_session.h"
#include "agent/tasks/backup_job.h"

// Telling a tenant's failures from the server's. While a tenant's code can run, it can raise any error, with any SQLSTATE
// and any words, and can end its own session; so none of that is believed.
namespace croft::agent {

// Looks with sessions of the agent's own, `standing` that was there before and a new one, and at the server's disk where
// that is this machine's. UNAVAILABLE (POSTGRES_UNAVAILABLE) with Cause::kOutage, RESOURCE_EXHAUSTED (DISK_FULL) with
// Cause::kResource.
[[nodiscard]] absl::Status ProbeServer(const BackupJob& job, ClusterSession& standing);
[[nodiscard]] ServerProbe ProbeOf(const BackupJob& job, ClusterSession& standing);

// What an error of a dump, a restore or a comparison is to be told as: what the probe finds, else a refusal. An error of
// the agent's own files and stores, and one of running out of time or being stopped, stays what it is.
[[nodiscard]] absl::Status Blamed(const BackupJob& job, ClusterSession& standing,
                                  const absl::Status& status);

// RESOURCE_EXHAUSTED (DISK_FULL), with figures, when the server's disk has no room for a database of that size.
[[nodiscard]] absl::Status CheckRoom(const BackupJob& job, int64_t database_bytes);

}  // namespace croft::agent
