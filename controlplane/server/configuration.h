#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/config/options.h"
#include "common/log_options.h"
#include "controlplane/server/server.h"

// The options of croftd on the command line, in the environment and in its file.
namespace croft::server {

inline constexpr absl::string_view kVariablePrefix = "CROFTD_";
inline constexpr absl::string_view kConfigurationFile = "/etc/croft/croftd.toml";

// All that can be configured of croftd.
struct Configuration {
  ServerOptions options{.state_directory = "/var/lib/croftd", .metrics_listen = "127.0.0.1:7444"};
  std::vector<std::string> server_names;  // of the certificate that `init` makes
  // Of the policy of schedules; 0 days are for ever.
  int64_t keep_operations_days = 90;
  int64_t keep_requests_hours = 25;
  int64_t keep_audit_days = 400;
  int64_t keep_events_days = 30;
  std::string prune_window;
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kAuto;
};

// Binds every option to its member. docs/configuration.md lists them.
void Describe(config::Options& options, Configuration& configuration);

// Loads all and checks what concerns several options.
[[nodiscard]] config::Problems Load(const config::Sources& sources, config::Options& options,
                                    Configuration& configuration);

// Sets what follows from options and is none; once they are loaded, and again when one has changed.
void Derive(Configuration& configuration);

// What keeps `croftd serve` from starting, beside what Load found.
[[nodiscard]] config::Problems CheckForServing(const config::Options& options,
                                               const Configuration& configuration);

}  // namespace croft::server
