// Reads what is told of one tenant from the catalog and from what tenants use.

#include "controlplane/server/tenant_figures.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/errors.h"

namespace croft::server {
namespace {

// The newest are enough: only their ages are told.
constexpr int32_t kBackupsLookedAt = 200;

void Latest(absl::Time time, std::optional<absl::Time>& latest) {
  if (!latest || time > *latest) latest = time;
}

absl::Status ReadBackups(catalog::Catalog& catalog, metrics::TenantFigures& figures) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Backup> backups,
                         catalog.ListBackups(figures.tenant.id, {}, kBackupsLookedAt));
  for (const domain::Backup& backup : backups) {
    if (domain::Usable(backup)) Latest(backup.create_time, figures.usable_backup);
    if (domain::Proven(backup)) Latest(backup.create_time, figures.proven_backup);
  }
  return absl::OkStatus();
}

void Add(const usage::Counts& counts, metrics::TenantDay& day) {
  day.commits += counts.commits;
  day.rollbacks += counts.rollbacks;
  day.blocks_read += counts.blocks_read;
  day.blocks_hit += counts.blocks_hit;
  day.rows_read += counts.rows_returned;
  day.rows_written += counts.rows_inserted + counts.rows_updated + counts.rows_deleted;
  day.deadlocks += counts.deadlocks;
  day.temporary_bytes += counts.temporary_bytes;
}

absl::Status ReadUsage(usage::UsageKeeper& usage, metrics::TenantFigures& figures) {
  const domain::Tenant& tenant = figures.tenant;
  CROFT_ASSIGN_OR_RETURN(const std::optional<usage::Usage> measured,
                         usage.Find(tenant.uid, tenant.placement.host));
  if (!measured) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(const std::vector<usage::Hour> hours,
                         usage.Hours(measured->id, figures.now - absl::Hours(24)));
  figures.measure_time = measured->look_time;
  figures.size_bytes = measured->size_bytes;
  figures.connections = measured->connections;
  figures.transactions_per_second = measured->transactions_per_second;
  for (const usage::Hour& hour : hours) Add(hour.counts, figures.day);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<metrics::TenantFigures> ReadTenantFigures(const domain::Tenant& tenant,
                                                         catalog::Catalog& catalog,
                                                         usage::UsageKeeper& usage, absl::Time now) {
  metrics::TenantFigures figures{.tenant = tenant, .now = now};
  CROFT_RETURN_IF_ERROR(ReadBackups(catalog, figures));
  // Its file may be out of order for a while, and says so itself.
  ReadUsage(usage, figures).IgnoreError();
  return figures;
}

}  // namespace croft::server
