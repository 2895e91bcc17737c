#pragma once

#include "agent/session/agent.h"
#include "common/config/options.h"
#include "common/log_options.h"

// The options of croft-agent on the command line, in the environment and in its file.
namespace croft::agent {

inline constexpr absl::string_view kVariablePrefix = "CROFT_AGENT_";
inline constexpr absl::string_view kConfigurationFile = "/etc/croft/croft-agent.toml";

// All that can be configured of croft-agent.
struct Configuration {
  AgentOptions options{.state_directory = "/var/lib/croft-agent"};
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kAuto;
};

// Binds every option to its member. docs/configuration.md lists them.
void Describe(config::Options& options, Configuration& configuration);

// What keeps an agent with these options from serving, beside what loading them found.
[[nodiscard]] config::Problems CheckForServing(const config::Options& options,
                                               const Configuration& configuration);

}  // namespace croft::agent
