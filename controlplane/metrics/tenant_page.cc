// Writes the figures of one tenant in Prometheus' text format.

#include "controlplane/metrics/tenant_page.h"

#include "common/enums.h"
#include "common/metrics/text_page.h"

namespace croft::metrics {
namespace {

void WriteUsage(const TenantFigures& figures, TextPage& page) {
  if (figures.size_bytes) {
    page.Gauge("croft_tenant_size_bytes", "Bytes on disk, as last measured.",
               static_cast<double>(*figures.size_bytes));
  }
  page.Gauge("croft_tenant_connections", "Sessions of clients, Croft's own left out.", figures.connections);
  page.Gauge("croft_tenant_transactions_per_second", "Commits and rollbacks between the last two looks.",
             figures.transactions_per_second);
  page.Age("croft_tenant_measure_age_seconds", "How long ago its agent told what it uses.",
           figures.measure_time, figures.now);
}

void WriteDay(const TenantDay& day, TextPage& page) {
  const auto add = [&page](const std::string& name, const std::string& help, int64_t value) {
    page.Gauge("croft_tenant_day_" + name, help + " in the last 24 hours.", static_cast<double>(value));
  };
  add("commits", "Transactions that were committed", day.commits);
  add("rollbacks", "Transactions that were rolled back", day.rollbacks);
  add("blocks_read", "Blocks of 8 KiB that were not in PostgreSQL's cache", day.blocks_read);
  add("blocks_hit", "Blocks of 8 KiB that were in PostgreSQL's cache", day.blocks_hit);
  add("rows_read", "Rows that were read", day.rows_read);
  add("rows_written", "Rows that were inserted, updated or deleted", day.rows_written);
  add("deadlocks", "Deadlocks", day.deadlocks);
  add("temporary_bytes", "Bytes written to temporary files", day.temporary_bytes);
}

void WriteLimits(const domain::Quota& quota, TextPage& page) {
  page.Gauge("croft_tenant_connections_limit", "Sessions that its logins may open.", quota.connections);
  if (quota.storage_bytes > 0) {
    page.Gauge("croft_tenant_storage_limit_bytes", "Bytes on disk that it may take.",
               static_cast<double>(quota.storage_bytes));
  }
}

void WriteBackups(const TenantFigures& figures, TextPage& page) {
  if (figures.usable_backup) {
    page.Age("croft_tenant_backup_age_seconds", "Age of its newest usable backup.", figures.usable_backup,
             figures.now);
  }
  if (figures.proven_backup) {
    page.Age("croft_tenant_proven_backup_age_seconds", "Age of its newest proven backup.",
             figures.proven_backup, figures.now);
  }
}

}  // namespace

std::string WriteTenantPage(const TenantFigures& figures) {
  TextPage page;
  page.BeginGauge("croft_tenant_state", "1 for the state that the tenant is in.");
  for (const domain::TenantState state : AllOf<domain::TenantState>()) {
    page.Add({{"state", NameOf(state)}}, state == figures.tenant.state ? 1 : 0);
  }
  page.BeginGauge("croft_tenant_info", "1, with the host that the tenant lives on.");
  page.Add({{"host", figures.tenant.placement.host}}, 1);
  page.Gauge("croft_tenant_generation", "The generation of its placement.",
             static_cast<double>(figures.tenant.placement.generation));
  WriteLimits(figures.tenant.quota, page);
  if (figures.measure_time) {
    WriteUsage(figures, page);
    WriteDay(figures.day, page);
  }
  WriteBackups(figures, page);
  return page.Text();
}

}  // namespace croft::metrics
