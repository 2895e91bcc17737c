#include <cstdio>
#include <map>
#include <string>

#include <CLI/CLI.hpp>

#include "agent/session/agent.h"
#include "agent/session/print_setup.h"
#include "common/core_dumps.h"
#include "common/log.h"

namespace {

using croft::agent::AgentOptions;
using croft::agent::ServerMode;

constexpr int kError = 1;
constexpr int kUsage = 2;

void AddState(CLI::App& command, AgentOptions& options) {
  command.add_option("--state", options.state_directory, "Folder that holds everything of this agent");
}

void AddMode(CLI::App& command, AgentOptions& options) {
  static const std::map<std::string, ServerMode> kModes{{"managed", ServerMode::kManaged},
                                                        {"external", ServerMode::kExternal}};
  command
      .add_option("--mode", options.mode,
                  "managed: run a PostgreSQL server of one's own; external: use one that exists")
      ->transform(CLI::CheckedTransformer(kModes).description("managed|external"))
      ->option_text("managed|external");
}

void AddJoin(CLI::App& command, AgentOptions& options) {
  AddMode(command, options);
  command
      .add_option("--server", options.servers,
                  "HOST:PORT of the control plane, instead of the join token's; several by commas")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--join-token-file", options.join_token_file,
                     "File with the token of `croftctl host create-join-token`; needed once");
}

void AddPostgres(CLI::App& command, AgentOptions& options) {
  command.add_option("--store", options.stores, "Where backups lie, as file:///FOLDER")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--conninfo-file", options.conninfo_file,
                     "External mode: file (0600) with the connection string of the agent's role");
  command.add_option(
      "--postgres-authority-file", options.postgres_authority_file,
      "External mode: certificate authority (PEM) of the server, for applications, if not the "
      "conninfo's sslrootcert");
  command
      .add_option("--client-programs", options.client_programs,
                  "Folder with PostgreSQL's client programs of each version, as N/bin/pg_dump")
      ->capture_default_str();
  command.add_option("--listen", options.listen_addresses, "Managed mode: addresses PostgreSQL listens on")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--port", options.port, "Managed mode: port PostgreSQL listens on")
      ->check(CLI::Range(1, 65535));
  command.add_option("--postgres-user", options.postgres_user,
                     "Managed mode, started as root: the user that PostgreSQL runs as");
  command
      .add_option(
          "--extensions", options.extensions,
          "Managed mode: extensions that tenants may install, instead of PostgreSQL's own trusted ones")
      ->delimiter(',')
      ->allow_extra_args(false);
  command
      .add_option(
          "--restore-extensions", options.restore_extensions,
          "Managed mode: extensions that a restore brings back although tenants may not install them")
      ->delimiter(',')
      ->allow_extra_args(false);
  command
      .add_option("--advertise", options.advertise,
                  "HOST:PORT where applications reach PostgreSQL, if not where it listens")
      ->delimiter(',')
      ->allow_extra_args(false);
}

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

void AddLogLevel(CLI::App& command) {
  static const std::map<std::string, croft::log::Level> kLevels{{"debug", croft::log::Level::kDebug},
                                                                {"info", croft::log::Level::kInfo},
                                                                {"warning", croft::log::Level::kWarning},
                                                                {"error", croft::log::Level::kError}};
  command
      .add_option_function<std::string>(
          "--log-level", [](const std::string& name) { croft::log::SetLevel(kLevels.at(name)); },
          "Least level of lines to log")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->default_str("info");
}

// What the options cannot check one by one; empty when all is well.
std::string Contradiction(const AgentOptions& options, bool runs) {
  if (options.state_directory.empty()) return "--state is required";
  if (!runs) return "";
  if (options.mode == ServerMode::kExternal && options.conninfo_file.empty()) {
    return "--mode external needs --conninfo-file";
  }
  if (options.mode == ServerMode::kManaged && !options.conninfo_file.empty()) {
    return "--conninfo-file is for --mode external";
  }
  return "";
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
  AgentOptions options{.version = CROFT_VERSION};
  CLI::App app("Drives the PostgreSQL server of one host for a Croft control plane.", "croft-agent");
  app.set_version_flag("--version", "croft-agent " CROFT_VERSION);
  app.require_subcommand(0, 1);
  CLI::App& join = *app.add_subcommand("join", "Join a control plane by a token, and end");
  CLI::App& stop = *app.add_subcommand("stop-postgres", "Stop the managed PostgreSQL server, and end");
  AddState(join, options);
  AddJoin(join, options);
  AddState(stop, options);
  stop.add_option("--postgres-user", options.postgres_user, "The user that PostgreSQL runs as");
  croft::agent::ExternalSetupOptions setup;
  std::string password_file;
  CLI::App& external_setup = *app.add_subcommand(
      "external-setup",
      "Print the SQL that gives an agent's role its rights on a server that exists, and end");
  AddSetup(external_setup, setup, password_file);
  CLI::App& run = *app.add_option_group("run");
  AddState(run, options);
  AddJoin(run, options);
  AddPostgres(run, options);
  AddLogLevel(run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::Error& error) {
    std::fprintf(stderr, "croft-agent: %s; see croft-agent --help\n", error.what());
    return kUsage;
  }
  if (external_setup.parsed()) return PrintSetup(setup, password_file);
  if (const std::string wrong = Contradiction(options, !join.parsed() && !stop.parsed()); !wrong.empty()) {
    std::fprintf(stderr, "croft-agent: %s; see croft-agent --help\n", wrong.c_str());
    return kUsage;
  }
  if (join.parsed()) return Report(JoinOnly(options));
  if (stop.parsed()) return Report(StopPostgres(options));
  return Report(RunAgent(options));
}
