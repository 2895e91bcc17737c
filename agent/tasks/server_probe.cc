// Finds out whether a failure is the server's or the tenant's, and whether the disk has enough free space.

#include "agent/tasks/server_probe.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <sys/statvfs.h>

#include "agent/backup/failure.h"
#include "agent/postgres/sql_error.h"
#include "common/errors.h"
#include "common/sync.h"

namespace croft::agent {
namespace {

constexpr absl::Duration kProbeTime = absl::Seconds(10);
// With less, PostgreSQL is about to stop.
constexpr int64_t kLeastRoom = int64_t{32} << 20;
// For write-ahead log and sorting, beside the data.
constexpr int64_t kBesideTheData = int64_t{64} << 20;

// Free bytes of the server's disk, where it is this machine's.
std::optional<int64_t> FreeBytes(const BackupJob& job) {
  const std::string& folder = job.access().data_directory;
  struct statvfs disk {};
  if (folder.empty() || statvfs(folder.c_str(), &disk) != 0) return std::nullopt;
  return static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize);
}

std::string Megabytes(int64_t bytes) { return absl::StrCat((bytes + (1 << 20) - 1) >> 20, " MB"); }

absl::Status DiskFullError(absl::string_view message) {
  return WithCause(MakeError(absl::StatusCode::kResourceExhausted, message, {.reason = "DISK_FULL"}),
                   Cause::kResource);
}

// Whether it comes from a session that a tenant's code may have touched, or from a program that ran in one.
bool IsTenantsToForge(const absl::Status& status) {
  if (!SqlStateOf(status).empty()) return true;
  const std::string reason = DetailsOf(status).reason;
  return reason == "POSTGRES_UNAVAILABLE" || reason == "POSTGRES_DEADLINE" || reason == "DUMP_FAILED" ||
         reason == "UNEXPECTED_RESULT";
}

}  // namespace

absl::Status ProbeServer(const BackupJob& job, ClusterSession& standing) {
  const Timeout timeout{.deadline = absl::Now() + kProbeTime};
  // A server that has restarted since answers a new session alone.
  absl::Status answered = standing.ObserveDatabase(job.access().maintenance_database).status();
  absl::StatusOr<Connection> own = job.OpenMaintenance(timeout);
  if (answered.ok()) answered = own.status();
  if (answered.ok()) answered = own->Execute("SELECT 1");
  if (!answered.ok()) return WithCause(PostgresUnavailable(answered.message()), Cause::kOutage);
  const std::optional<int64_t> free = FreeBytes(job);
  if (free && *free < kLeastRoom) {
    return DiskFullError(
        absl::StrCat("the server's disk is full: ", Megabytes(*free), " are free; make room on the host"));
  }
  return absl::OkStatus();
}

ServerProbe ProbeOf(const BackupJob& job, ClusterSession& standing) {
  // Two sessions of a restore may ask at once.
  auto one_at_a_time = std::make_shared<Mutex>();
  return {.check = [&job, &standing, one_at_a_time] {
    MutexLock lock(*one_at_a_time);
    return ProbeServer(job, standing);
  }};
}

absl::Status Blamed(const BackupJob& job, ClusterSession& standing, const absl::Status& status) {
  const bool stopped = absl::IsCancelled(status) || !CheckTimeout(job.timeout()).ok();
  if (status.ok() || stopped || !IsTenantsToForge(status)) return status;
  if (HasCause(status)) return status;
  CROFT_RETURN_IF_ERROR(ProbeServer(job, standing));
  return WithCause(status, Cause::kRefusal);
}

absl::Status CheckRoom(const BackupJob& job, int64_t database_bytes) {
  const std::optional<int64_t> free = FreeBytes(job);
  const int64_t needed = database_bytes + database_bytes / 10 + kBesideTheData;
  if (!free || *free >= needed) return absl::OkStatus();
  return DiskFullError(absl::StrCat("restoring takes ", Megabytes(needed), " and the server's disk has ",
                                    Megabytes(*free), " free; make room on the host, or use another"));
}

}  // namespace croft::agent
