#include "controlplane/server/configuration.h"

#include <cstdlib>
#include <utility>

#include <absl/strings/str_cat.h>

namespace croft::server {
namespace {

constexpr config::Range kSecondsBetweenChecks{5, 86'400};
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

}  // namespace

void Describe(config::Options& options, Configuration& configuration) {
  ServerOptions& server = configuration.options;
  options.Text("state", server.state_directory, "DIR", "Folder of the control plane's state");
  options.List("server-name", configuration.server_names, "NAME",
               "DNS name or IP address by which this server is reached; several by commas");
  DescribeListening(options, server);
  options.Text("catalog-copies", server.catalog_copies, "DIR",
               "Folder of hourly copies of the catalog; STATE/catalog-copies by default");
  options
      .Seconds("fleet-check-interval", server.fleet_check_interval, kSecondsBetweenChecks,
               "Seconds between two comparisons of a host with the catalog")
      .Reloads();
  DescribeLimits(options, server);
  DescribeLog(options, configuration);
}

config::Problems Load(const config::Sources& sources, config::Options& options,
                      Configuration& configuration) {
  config::Problems problems = options.Load(sources);
  CheckOwnCertificate(options, problems);
  Derive(configuration);
  const auto credentials = sources.environment.find("CREDENTIALS_DIRECTORY");
  if (credentials != sources.environment.end())
    configuration.options.credentials_directory = credentials->second;
  return problems;
}

void Derive(Configuration& configuration) {
  LimitOptions& limits = configuration.options.limits;
  limits.burst = 2 * limits.calls_per_second;
  if (configuration.options.metrics_listen == "off") configuration.options.metrics_listen.clear();
}

config::Problems CheckForServing(const config::Options& options, const Configuration& configuration) {
  const auto advertised = AdvertisedAddress(configuration.options);
  if (advertised.ok()) return {};
  return {{options.Get("listen").place, std::string(advertised.status().message())}};
}

}  // namespace croft::server
