// The program croft-agent: reads its options and runs the agent or one of its other commands.

#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "agent/session/agent.h"
#include "agent/session/configuration.h"
#include "agent/session/print_setup.h"
#include "common/config/command_line.h"
#include "common/core_dumps.h"
#include "common/log.h"

namespace {

namespace config = croft::config;

constexpr int kError = 1;
constexpr int kUsage = 2;

void AddSetup(CLI::App& command, croft::agent::ExternalSetupOptions& setup, std::string& password_file) {
  command.add_option("--postgres-version", setup.postgres_major, "The server's major version, 15 to 18")
      ->required();
  command.add_option("--role", setup.role, "Name of the agent's role")->capture_default_str();
  command.add_flag("--superuser", setup.superuser, "Make it a superuser");
  command.add_flag("--provider", setup.provider, "For a service whose administrator is no superuser");
  command.add_flag("--revoke-public-connect", setup.revoke_public_connect,
                   "Also close the databases postgres and template1 to roles without a grant of their own");
  command.add_flag("--remove", setup.remove, "Print the SQL that takes all of it back");
  command.add_option(
      "--password-file", password_file,
      "File (0600) with the role's password, made where there is none; only its verifier is printed");
}

using Loaded = croft::config::Loaded<croft::agent::Configuration>;

std::unique_ptr<Loaded> Fresh() {
  return std::make_unique<Loaded>(croft::agent::kVariablePrefix, croft::agent::Describe);
}

void Apply(const croft::agent::Configuration& configuration) {
  croft::log::SetLevel(configuration.log_level);
  croft::log::SetFormat(configuration.log_format);
}

// At SIGHUP.
void Reload(Loaded& running, const config::Sources& sources) {
  const std::unique_ptr<Loaded> next = Fresh();
  config::Problems problems = next->options.Load(sources);
  config::Append(problems, CheckForServing(next->options, next->values));
  config::TakeReloadable(running.options, next->options, problems);
  Apply(running.values);
}

int Report(const absl::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "croft-agent: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? kUsage : kError;
}

int PrintSetup(const croft::agent::ExternalSetupOptions& setup, const std::string& password_file) {
  const absl::StatusOr<std::string> sql = croft::agent::SetupWithPassword(setup, password_file);
  if (!sql.ok()) return Report(sql.status());
  std::fputs(sql->c_str(), stdout);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  croft::ForbidCoreDumps();
  const std::unique_ptr<Loaded> loaded = Fresh();
  config::CommandLine flags(loaded->options, std::string(croft::agent::kConfigurationFile),
                            "CROFT_AGENT_CONFIG");
  CLI::App app("Drives the PostgreSQL server of one host for a Croft control plane.", "croft-agent");
  app.set_version_flag("--version", "croft-agent " CROFT_VERSION);
  app.require_subcommand(0, 1);
  CLI::App& join = *app.add_subcommand("join", "Join a control plane by a token, and end");
  flags.AddTo(join, {"state", "mode", "server", "join-token-file"});
  CLI::App& stop = *app.add_subcommand("stop-postgres", "Stop the managed PostgreSQL server, and end");
  flags.AddTo(stop, {"state", "postgres-user"});
  CLI::App& run_postgres =
      *app.add_subcommand("run-postgres", "Become the managed PostgreSQL server; for its service manager");
  flags.AddTo(run_postgres, {"state", "postgres-user"});
  croft::agent::ExternalSetupOptions setup;
  std::string password_file;
  CLI::App& external_setup = *app.add_subcommand(
      "external-setup",
      "Print the SQL that gives an agent's role its rights on a server that exists, and end");
  AddSetup(external_setup, setup, password_file);
  config::ConfigCommands config_commands(app, flags);
  flags.AddTo(*app.add_option_group("run"));
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::Error& error) {
    std::fprintf(stderr, "croft-agent: %s; see croft-agent --help\n", error.what());
    return kUsage;
  }
  if (external_setup.parsed()) return PrintSetup(setup, password_file);
  const config::Sources sources = flags.ToSources();
  config::Problems problems = loaded->options.Load(sources);
  const bool serves = !join.parsed() && !stop.parsed() && !run_postgres.parsed();
  if (serves) config::Append(problems, CheckForServing(loaded->options, loaded->values));
  if (config_commands.asked())
    return config_commands.Run("croft-agent", loaded->options, sources, problems);
  if (!problems.empty()) {
    config::Print("croft-agent", problems);
    return kUsage;
  }
  Apply(loaded->values);
  croft::agent::AgentOptions& options = loaded->values.options;
  options.version = CROFT_VERSION;
  if (join.parsed()) return Report(JoinOnly(options));
  if (stop.parsed()) return Report(StopPostgres(options));
  if (run_postgres.parsed()) return Report(RunPostgres(options));
  return Report(RunAgent(options, [&] { Reload(*loaded, sources); }));
}
