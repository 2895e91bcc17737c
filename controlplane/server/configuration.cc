// Declares the options of croftd.

#include "controlplane/server/configuration.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

namespace croft::server {
namespace {

constexpr config::Range kSecondsBetweenChecks{5, 86'400};
constexpr config::Range kSecondsBetweenUsage{0, 3'600};
constexpr config::Range kHoursOfRequests{24, 14 * 24};
constexpr config::Range kDaysOfOperations{0, 36'500};
constexpr config::Range kDaysOfAudit{0, 36'500};
constexpr config::Range kDaysOfEvents{0, 36'500};
constexpr config::Range kBackupsAtOnce{1, 10'000};
constexpr config::Range kRates{1, 1'000'000'000};

void DescribeListening(config::Options& options, ServerOptions& server) {
  options.Address("listen", server.listen, "Where to listen");
  options.Text("advertise", server.advertise, "HOST:PORT",
               "Address for agents; that of --listen by default");
  options.Text(
      "metrics-listen", server.metrics_listen, "HOST:PORT",
      "Where the HTTP server of metrics listens, or off; beyond loopback it takes TLS and a token");
  options.Text("tls-cert", server.own_certificate.certificate, "FILE",
               "Certificate of your own authority, PEM; needs --tls-key and --tls-ca");
  options.Text("tls-key", server.own_certificate.key, "FILE", "Its key");
  options.Text("tls-ca", server.own_certificate.authority, "FILE", "Its authority, for agents to trust");
}

void DescribeLimits(config::Options& options, ServerOptions& server) {
  options
      .Whole("calls-per-second", server.limits.calls_per_second, kRates,
             "Calls that one identity may make, and twice as many at once")
      .Reloads();
  options.Whole("streams-per-identity", server.limits.streams, kRates, "Streams that it may hold open")
      .Reloads();
}

void DescribeLog(config::Options& options, Configuration& configuration) {
  options.Choice("log-level", configuration.log_level, log::Levels(), "Least level of lines to log")
      .Reloads();
  options
      .Choice("log-format", configuration.log_format, log::Formats(),
              "auto is text on a terminal, else JSON")
      .Reloads();
}

// One of three files without the others serves nothing.
void CheckOwnCertificate(const config::Options& options, config::Problems& problems) {
  const char* const names[] = {"tls-cert", "tls-key", "tls-ca"};
  const config::Option* given = nullptr;
  for (const char* name : names) {
    const config::Option& option = options.Get(name);
    if (!option.values.front().empty()) given = &option;
  }
  if (given == nullptr) return;
  for (const char* name : names) {
    const config::Option& option = options.Get(name);
    if (!option.values.front().empty()) continue;
    problems.push_back(
        {given->place, absl::StrCat(given->key(), " needs ", option.key(), ", which is not set")});
  }
}

void DescribeSchedules(config::Options& options, Configuration& configuration) {
  domain::SchedulePolicy& schedules = configuration.options.schedules;
  options
      .Whole("backups-per-host", schedules.backups_per_host, kBackupsAtOnce,
             "Scheduled backups and proofs that a host makes at once; final backups go before them")
      .Reloads();
  options
      .Whole("backups-per-store", schedules.backups_per_store, kBackupsAtOnce,
             "Backups at once into one store at which scheduled ones wait")
      .Reloads();
  options
      .Seconds("fleet-check-interval", configuration.options.schedules.compare_every, kSecondsBetweenChecks,
               "Seconds between two comparisons of a host with the catalog")
      .Reloads();
  options
      .Whole("keep-operations", configuration.keep_operations_days, kDaysOfOperations,
             "Days that operations are kept after their end; 0 is for ever")
      .Reloads();
  options
      .Whole("keep-requests", configuration.keep_requests_hours, kHoursOfRequests,
             "Hours in which a request id that comes again is answered as before")
      .Reloads();
  options
      .Whole("keep-audit", configuration.keep_audit_days, kDaysOfAudit,
             "Days that rows of the audit are kept; 0 is for ever")
      .Reloads();
  options
      .Whole("keep-events", configuration.keep_events_days, kDaysOfEvents,
             "Days that events are kept; 0 is for ever")
      .Reloads();
  options
      .Text("prune-window", configuration.prune_window, "HH:MM-HH:MM",
            "Part of the day, in UTC, in which old records are pruned; all day by default")
      .Reloads();
}

absl::Duration DaysOrForEver(int64_t days) {
  return days == 0 ? absl::InfiniteDuration() : absl::Hours(24 * days);
}

void CheckWindow(const config::Options& options, const Configuration& configuration,
                 config::Problems& problems) {
  if (configuration.prune_window.empty() || domain::ParseWindow(configuration.prune_window)) return;
  const config::Option& option = options.Get("prune-window");
  problems.push_back(
      {option.place, absl::StrCat(option.key(), " is not HH:MM-HH:MM, such as 02:00-05:30")});
}

}  // namespace

void Describe(config::Options& options, Configuration& configuration) {
  ServerOptions& server = configuration.options;
  options.Text("state", server.state_directory, "DIR", "Folder of the control plane's state");
  options.List("server-name", configuration.server_names, "NAME",
               "DNS name or IP address by which this server is reached; several by commas");
  DescribeListening(options, server);
  options.Seconds("usage-interval", server.usage_interval, kSecondsBetweenUsage,
                  "Seconds between two looks at what tenants use; 0 is never");
  options.Text("catalog-copies", server.catalog_copies, "DIR",
               "Folder of hourly copies of the catalog; STATE/catalog-copies by default");
  DescribeSchedules(options, configuration);
  DescribeLimits(options, server);
  DescribeLog(options, configuration);
}

config::Problems Load(const config::Sources& sources, config::Options& options,
                      Configuration& configuration) {
  config::Problems problems = options.Load(sources);
  CheckOwnCertificate(options, problems);
  CheckWindow(options, configuration, problems);
  Derive(configuration);
  const auto credentials = sources.environment.find("CREDENTIALS_DIRECTORY");
  if (credentials != sources.environment.end())
    configuration.options.credentials_directory = credentials->second;
  return problems;
}

void Derive(Configuration& configuration) {
  LimitOptions& limits = configuration.options.limits;
  limits.burst = 2 * limits.calls_per_second;
  domain::SchedulePolicy& schedules = configuration.options.schedules;
  schedules.keep_requests = absl::Hours(configuration.keep_requests_hours);
  // Request ids are answered with operations, which are kept longer, if only by a day.
  schedules.keep_operations = std::max(DaysOrForEver(configuration.keep_operations_days),
                                       schedules.keep_requests + absl::Hours(24));
  schedules.keep_audit = DaysOrForEver(configuration.keep_audit_days);
  schedules.keep_events = DaysOrForEver(configuration.keep_events_days);
  schedules.prune_window = domain::ParseWindow(configuration.prune_window);
  if (configuration.options.metrics_listen == "off") configuration.options.metrics_listen.clear();
}

config::Problems CheckForServing(const config::Options& options, const Configuration& configuration) {
  const auto advertised = AdvertisedAddress(configuration.options);
  if (advertised.ok()) return {};
  return {{options.Get("listen").place, std::string(advertised.status().message())}};
}

}  // namespace croft::server
