// Writes the figures in Prometheus' text format.

#include "controlplane/metrics/exposition.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/string_view.h>
#include <nlohmann/json.hpp>

#include "common/enums.h"
#include "common/metrics/text_page.h"

namespace croft::metrics {
namespace {

double Seconds(absl::Time time) { return absl::ToDoubleSeconds(time - absl::UnixEpoch()); }

void WriteProcess(const Figures& figures, TextPage& page) {
  page.BeginGauge("croft_build_info", "1, with the version that runs.");
  page.Add({{"version", figures.version}}, 1);
  page.Gauge("croft_start_time_seconds", "When this control plane started, as a Unix time.",
             Seconds(figures.start_time));
  page.Gauge("croft_catalog_epoch", "The catalog's epoch: it rises with each take-over and restore.",
             static_cast<double>(figures.epoch));
  page.BeginGauge("croft_certificate_expiry_seconds", "Seconds until a certificate ends.");
  for (const CertificateFigures& certificate : figures.certificates) {
    page.Add({{"certificate", certificate.name}},
             absl::ToDoubleSeconds(certificate.expire_time - figures.now));
  }
}

void WriteCalls(const Figures& figures, TextPage& page) {
  page.BeginCounter("croft_calls_total", "Calls that have ended, by method and code.");
  for (const CallFigures& call : figures.calls) {
    for (const auto& [code, count] : call.ended) {
      page.Add({{"method", call.method}, {"code", absl::StatusCodeToString(code)}},
               static_cast<double>(count));
    }
  }
  page.BeginHistogram("croft_call_seconds",
                      "How long calls took, from their first byte to the last of the answer.");
  for (const CallFigures& call : figures.calls) {
    if (call.took) page.Add({{"method", call.method}}, *call.took);
  }
  page.BeginGauge("croft_streams", "Streams that are open, by method.");
  for (const CallFigures& call : figures.calls) {
    if (!call.took) page.Add({{"method", call.method}}, static_cast<double>(call.open));
  }
}

void WriteOperations(const Figures& figures, TextPage& page) {
  const OperationFigures& operations = figures.operations;
  page.BeginGauge("croft_operations", "Operations that have not ended, by kind and state.");
  for (const auto& [key, count] : operations.running) {
    page.Add({{"kind", NameOf(key.first)}, {"state", NameOf(key.second)}}, static_cast<double>(count));
  }
  page.BeginCounter("croft_operations_ended_total", "Operations that have ended, by kind and outcome.");
  // A series that begins with its first failure would hide it: Prometheus counts from a series' first value.
  for (const domain::OperationKind kind : AllOf<domain::OperationKind>()) {
    for (const Outcome outcome : AllOf<Outcome>()) {
      if (outcome == Outcome::kBadBackup && kind != domain::OperationKind::kVerify) continue;
      const auto ended = operations.ended.find({kind, outcome});
      page.Add({{"kind", NameOf(kind)}, {"outcome", NameOf(outcome)}},
               ended == operations.ended.end() ? 0 : static_cast<double>(ended->second));
    }
  }
  page.BeginHistogram("croft_operation_seconds",
                      "How long operations took, from the request to their end.");
  for (const auto& [kind, took] : operations.took) page.Add({{"kind", NameOf(kind)}}, took);
  page.Gauge("croft_operations_waiting", "Operations whose step is due and not sent to a host yet.",
             static_cast<double>(operations.waiting));
  page.Gauge("croft_operations_working", "Operations whose step a host works on.",
             static_cast<double>(operations.working));
  page.Age("croft_operations_waiting_oldest_seconds", "How long the oldest of those that wait has waited.",
           operations.waiting_since, figures.now);
  page.Age("croft_operations_oldest_seconds", "Age of the oldest operation that has not ended.",
           operations.running_since, figures.now);
}

void WriteSchedules(const Figures& figures, TextPage& page) {
  std::map<domain::ScheduleKind, int64_t> late;
  for (const domain::Schedule& schedule : figures.late_schedules) ++late[schedule.key.kind];
  page.BeginGauge(
      "croft_schedules_late",
      "Schedules that have waited or been refused for more than ten minutes, by kind; counted up "
      "to 100.");
  for (const domain::ScheduleKind kind : AllOf<domain::ScheduleKind>()) {
    page.Add({{"kind", NameOf(kind)}}, static_cast<double>(late[kind]));
  }
}

void WriteTenants(const Figures& figures, TextPage& page) {
  page.BeginGauge("croft_tenants", "Tenants by state; purged ones left out.");
  for (const auto& [state, count] : figures.tenants) {
    page.Add({{"state", NameOf(state)}}, static_cast<double>(count));
  }
  page.Gauge("croft_tenants_closed_for_growth",
             "Tenants at their storage quota, whose new rows are refused.",
             static_cast<double>(figures.tenants_closed_for_growth));
}

void WriteBackups(const Figures& figures, TextPage& page) {
  if (!figures.backups) return;
  const BackupFigures& backups = *figures.backups;
  page.BeginGauge("croft_backups", "Backups by state.");
  for (const auto& [state, count] : backups.stored) {
    page.Add({{"state", NameOf(state)}}, static_cast<double>(count));
  }
  page.Gauge("croft_tenants_without_backup", "Open tenants that no backup could restore.",
             static_cast<double>(backups.tenants_without_backup));
  page.Gauge("croft_tenants_without_proven_backup",
             "Open tenants of which no backup was proven by a restore.",
             static_cast<double>(backups.tenants_without_proven_backup));
  if (backups.oldest_proven) {
    page.Age("croft_backup_oldest_proven_seconds",
             "Of the open tenants' newest proven backups, the age of the oldest.", backups.oldest_proven,
             figures.now);
  }
  page.Age("croft_data_at_risk_seconds",
           "What would be lost now, in seconds, of the open tenant that would lose most: the age of its "
           "newest usable "
           "backup, or its own where it has none.",
           backups.oldest_restorable, figures.now);
}

// One gauge of all hosts.
template <typename Value>
void OfHosts(const Figures& figures, TextPage& page, const std::string& name, const std::string& help,
             Value value) {
  page.BeginGauge(name, help);
  for (const HostFigures& host : figures.hosts) {
    const std::optional<double> read = value(host);
    if (read) page.Add({{"host", host.host.id}}, *read);
  }
}

void WriteHosts(const Figures& figures, TextPage& page) {
  page.BeginGauge("croft_host_state", "1 for the state that a host is in.");
  for (const HostFigures& host : figures.hosts) {
    page.Add({{"host", host.host.id}, {"state", NameOf(domain::StateOf(host.host))}}, 1);
  }
  page.BeginGauge("croft_host_info", "1, with the versions of a host's agent and PostgreSQL server.");
  for (const HostFigures& host : figures.hosts) {
    const domain::HostReport& report = host.host.report;
    page.Add({{"host", host.host.id},
              {"agent_version", report.agent_version},
              {"postgres_version", report.postgres_version},
              {"mode", report.managed ? "managed" : "external"}},
             1);
  }
  using Figure = std::optional<double>;
  OfHosts(
      figures, page, "croft_host_postgres_up", "Whether the host's PostgreSQL server answers its agent.",
      [](const HostFigures& one) -> Figure { return one.host.up && one.host.report.postgres_up ? 1 : 0; });
  OfHosts(figures, page, "croft_host_cordoned",
          "Whether the host takes no new tenants by order of an operator.",
          [](const HostFigures& one) -> Figure { return one.host.cordoned ? 1 : 0; });
  OfHosts(figures, page, "croft_host_heartbeat_age_seconds", "How long ago the host's agent was heard.",
          [&](const HostFigures& one) -> Figure {
            const std::optional<absl::Time> heard =
                one.last_heard ? one.last_heard : one.host.last_seen_time;
            if (!heard || one.host.missing) return std::nullopt;
            return std::max(0.0, absl::ToDoubleSeconds(figures.now - *heard));
          });
  OfHosts(figures, page, "croft_host_free_bytes",
          "Free bytes of the disk that the host's server writes to.", [](const HostFigures& one) -> Figure {
            if (one.host.report.free_bytes_unknown) return std::nullopt;
            return static_cast<double>(one.host.report.free_bytes);
          });
  OfHosts(
      figures, page, "croft_host_reserve_bytes", "Free bytes below which the host takes no new tenants.",
      [](const HostFigures& one) -> Figure { return static_cast<double>(one.host.limits.reserve_bytes); });
  OfHosts(figures, page, "croft_host_databases", "Tenants' databases that the host has, or keeps room for.",
          [](const HostFigures& one) -> Figure { return one.host.databases_reserved; });
  OfHosts(figures, page, "croft_host_databases_limit", "Tenants' databases that the host may have.",
          [](const HostFigures& one) -> Figure { return one.host.limits.databases; });
  OfHosts(figures, page, "croft_host_connections_reserved", "Connections that the host's tenants may open.",
          [](const HostFigures& one) -> Figure { return one.host.connections_reserved; });
  OfHosts(figures, page, "croft_host_max_connections", "Connections that the host's server takes.",
          [](const HostFigures& one) -> Figure {
            if (one.host.report.max_connections == 0) return std::nullopt;
            return one.host.report.max_connections;
          });
  OfHosts(figures, page, "croft_host_missing_rights", "Rights that the agent's role lacks on its server.",
          [](const HostFigures& one) -> Figure {
            return static_cast<double>(one.host.report.missing_rights.size());
          });
}

void WriteCatalog(const Figures& figures, TextPage& page) {
  page.BeginHistogram("croft_catalog_commit_seconds",
                      "How long commits of the catalog took, with their fsync.");
  page.Add({}, figures.commits);
  page.Gauge("croft_catalog_revision", "Commits that the catalog has seen.",
             static_cast<double>(figures.revision));
  page.Gauge("croft_catalog_bytes", "Size of the catalog's file.",
             static_cast<double>(figures.catalog_bytes));
  page.Gauge("croft_catalog_wal_bytes", "Size of the catalog's write-ahead log.",
             static_cast<double>(figures.wal_bytes));
  page.Gauge("croft_catalog_disk_free_bytes", "Free bytes of the disk that the catalog lies on.",
             static_cast<double>(figures.disk_free_bytes));
  if (figures.newest_copy) {
    page.Age("croft_catalog_copy_age_seconds", "Age of the newest copy of the catalog.",
             figures.newest_copy, figures.now);
  }
  page.Gauge("croft_events_waiting", "Requests and reports that wait to be written.",
             static_cast<double>(figures.events_waiting));
  page.Age("croft_events_waiting_oldest_seconds", "How long the oldest of them has waited.",
           figures.event_waiting_since, figures.now);
}

void WriteWatchers(const Figures& figures, TextPage& page) {
  page.Gauge("croft_watchers", "Subscribers of placements.", static_cast<double>(figures.watchers));
  page.Age("croft_watchers_lag_seconds",
           "For how long the subscriber that is furthest behind has not been told all there is.",
           figures.watcher_behind_since, figures.now);
}

}  // namespace

std::string WriteExposition(const Figures& figures) {
  TextPage page;
  WriteProcess(figures, page);
  WriteCalls(figures, page);
  WriteOperations(figures, page);
  WriteSchedules(figures, page);
  WriteTenants(figures, page);
  WriteBackups(figures, page);
  WriteHosts(figures, page);
  WriteCatalog(figures, page);
  WriteWatchers(figures, page);
  return page.Text();
}

std::string WriteDiscovery(const std::string& metrics_address, const Figures& figures) {
  nlohmann::json groups = nlohmann::json::array();
  groups.push_back({{"targets", {metrics_address}}, {"labels", {{"__meta_croft_kind", "controlplane"}}}});
  for (const HostFigures& host : figures.hosts) {
    const domain::HostReport& report = host.host.report;
    if (host.host.missing || report.advertise_endpoints.empty()) continue;
    groups.push_back({{"targets", report.advertise_endpoints},
                      {"labels",
                       {{"__meta_croft_kind", "postgres"},
                        {"__meta_croft_host", host.host.id},
                        {"__meta_croft_mode", report.managed ? "managed" : "external"},
                        {"__meta_croft_postgres_version", report.postgres_version}}}});
  }
  return groups.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace croft::metrics
