// The program croftd: reads its options and serves, or runs one of its other commands.

#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/strings/str_cat.h>
#include <absl/synchronization/mutex.h>

#include "common/config/command_line.h"
#include "common/core_dumps.h"
#include "common/errors.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/service_manager.h"
#include "controlplane/server/catalog_commands.h"
#include "controlplane/server/configuration.h"
#include "controlplane/server/keyring_commands.h"
#include "controlplane/server/rebuild_command.h"
#include "controlplane/server/server.h"
#include "controlplane/server/state_directory.h"

namespace {

namespace config = croft::config;
using croft::server::Server;
using croft::server::ServerOptions;
using croft::server::StateDirectory;

constexpr int kUsage = 2;

// Blocked before there is any thread, so that only Serve gets them.
sigset_t OwnSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

using Loaded = config::Loaded<croft::server::Configuration>;

std::unique_ptr<Loaded> Fresh() {
  auto loaded = std::make_unique<Loaded>(croft::server::kVariablePrefix, croft::server::Describe);
  loaded->values.options.version = CROFT_VERSION;
  return loaded;
}

void Apply(const croft::server::Configuration& configuration) {
  croft::log::SetLevel(configuration.log_level);
  croft::log::SetFormat(configuration.log_format);
}

// At SIGHUP.
void Reload(Server& server, Loaded& running, const config::Sources& sources) {
  const std::unique_ptr<Loaded> next = Fresh();
  config::Problems problems = Load(sources, next->options, next->values);
  config::Append(problems, CheckForServing(next->options, next->values));
  config::TakeReloadable(running.options, next->options, problems);
  Derive(running.values);
  Apply(running.values);
  server.Reload(running.values.options);
}

absl::Status Serve(Loaded& loaded, bool take_over, const config::Sources& sources) {
  ServerOptions options = loaded.values.options;
  options.take_over = take_over;
  const sigset_t signals = OwnSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  auto server = Server::Start(options);
  if (!server.ok()) return server.status();
  croft::log::Info("croftd ready", {{"address", (*server)->address()}, {"version", options.version}});
  croft::NotifyServiceManager(absl::StrCat("READY=1\nSTATUS=serving on ", (*server)->address()));
  const croft::Watchdog watchdog([&server = **server] { return server.IsWell(); });
  int signal = 0;
  while (sigwait(&signals, &signal) != 0 || signal == SIGHUP) {
    if (signal == SIGHUP) Reload(**server, loaded, sources);
  }
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // a second one ends it at once
  croft::NotifyServiceManager("STOPPING=1");
  croft::log::Info("croftd is ending", {{"signal", std::to_string(signal)}});
  (*server)->Stop();
  croft::log::Info("croftd has ended");
  return absl::OkStatus();
}

// What to do after `init`, with the paths and names that were given.
absl::StatusOr<std::string> NextSteps(const StateDirectory& state) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> names, croft::server::ReadServerNames(state));
  const std::string server = absl::StrCat(names.front(), ":7443");
  return absl::StrCat(
      "The keys and certificates of a new control plane are in ", state.folder, ". Next:\n\n",
      "1. Start it, as the user who ran this:\n", "     croftd serve --state ", state.folder,
      " --listen 0.0.0.0:7443 --advertise ", server, "\n",
      "2. Where you work, with ca.crt, admin.crt and admin.key from ", state.tls, ":\n",
      "     croftctl config set main --server ", server, " --ca ca.crt --cert admin.crt --key admin.key\n",
      "     croftctl status\n", "3. For each database host, make a token and bring it there:\n",
      "     croftctl host create-join-token db1 --server-name DB1.EXAMPLE.COM --out db1.token\n",
      "   On that host, as root:\n", "     croft-agent --state /var/lib/croft-agent --server ", server,
      " --join-token-file db1.token \\\n       --store file:///mnt/backups --listen ADDRESS\n",
      "4. Create a tenant:\n", "     croftctl tenant create acme\n\n",
      "Without its keyring nothing sealed can be read again. Keep a copy elsewhere:\n",
      "     croftd keyring export --state ", state.folder, " --to FILE\n");
}

absl::Status Init(const StateDirectory& state, const std::vector<std::string>& server_names) {
  CROFT_RETURN_IF_ERROR(croft::server::InitStateDirectory(state, server_names));
  CROFT_ASSIGN_OR_RETURN(const std::string steps, NextSteps(state));
  std::cout << steps << std::flush;
  return absl::OkStatus();
}

absl::Status Print(const absl::StatusOr<std::string>& told) {
  if (told.ok()) std::cout << *told << std::flush;
  return told.status();
}

absl::StatusOr<std::string> Rebuild(const ServerOptions& options, std::vector<std::string> hosts,
                                    bool without_key_store) {
  const auto rebuild =
      croft::server::CatalogRebuild::Start({.state_directory = options.state_directory,
                                            .listen = options.listen,
                                            .own_certificate = options.own_certificate,
                                            .credentials_directory = options.credentials_directory,
                                            .hosts = std::move(hosts),
                                            .without_key_store = without_key_store});
  if (!rebuild.ok()) return rebuild.status();
  croft::log::Info("waiting for agents", {{"address", (*rebuild)->address()}});
  return (*rebuild)->Finish();
}

}  // namespace

int main(int argc, char** argv) {
  croft::ForbidCoreDumps();
  croft::KeepFreedMemory();
  // Debian's Abseil looks for cycles at every lock that gRPC takes: a fifth of the time of a lookup.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const std::unique_ptr<Loaded> loaded = Fresh();
  config::CommandLine flags(loaded->options, std::string(croft::server::kConfigurationFile),
                            "CROFTD_CONFIG");
  CLI::App app("Control plane of Croft: knows where each tenant lives, and drives the agents.", "croftd");
  app.set_version_flag("--version", "croftd " CROFT_VERSION);
  app.require_subcommand(0, 1);
  std::string file;
  std::string sha256;
  std::vector<std::string> hosts;
  bool without_key_store = false;
  bool take_over = false;

  CLI::App* init = app.add_subcommand("init", "Make keyring, authority and certificates");
  flags.AddTo(*init, {"state", "server-name"});
  CLI::App* serve = app.add_subcommand(
      "serve",
      "Serve until SIGTERM or SIGINT; SIGHUP has it read its configuration and certificates again");
  flags.AddTo(*serve);
  serve->add_flag("--take-over", take_over, "End the control plane that holds the catalog");

  CLI::App* restore = app.add_subcommand(
      "restore-catalog", "Put a copy in the place of a catalog that was lost, while croftd is stopped");
  flags.AddTo(*restore, {"state"});
  restore->add_option("FILE", file, "Copy, of croftctl admin backup-catalog or the folder of copies")
      ->required();
  restore->add_option("--sha256", sha256, "Its digest; that of FILE.sha256 by default");

  CLI::App* rebuild = app.add_subcommand("rebuild-catalog",
                                         "Make a catalog anew of what agents find, when no copy is left");
  flags.AddTo(*rebuild, {"state", "listen", "tls-cert", "tls-key", "tls-ca"});
  rebuild->add_option("--host", hosts, "Host that the catalog had; once for each, all of them")->required();
  rebuild->add_flag("--without-key-store", without_key_store,
                    "Take data keys from beside the backups, since keys.db was lost too");

  CLI::App* keyring = app.add_subcommand("keyring", "Look after the keys that seal all secrets");
  keyring->require_subcommand(1);
  CLI::App* export_keys = keyring->add_subcommand("export", "Write a copy to keep elsewhere");
  flags.AddTo(*export_keys, {"state"});
  export_keys->add_option("--to", file, "New file, of mode 0600")->required();
  CLI::App* rotate = keyring->add_subcommand("rotate", "Add a key, which is used from the next start");
  flags.AddTo(*rotate, {"state"});

  config::ConfigCommands config_commands(app, flags);
  flags.AddTo(app, {});
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  const config::Sources sources = flags.ToSources();
  config::Problems problems = Load(sources, loaded->options, loaded->values);
  if (*serve || config_commands.asked()) {
    config::Append(problems, CheckForServing(loaded->options, loaded->values));
  }
  if (config_commands.asked()) return config_commands.Run("croftd", loaded->options, sources, problems);
  if (app.get_subcommands().empty()) {
    std::cerr << "croftd: a command is missing; see croftd --help\n";
    return kUsage;
  }
  if (!problems.empty()) {
    config::Print("croftd", problems);
    return kUsage;
  }
  Apply(loaded->values);

  absl::Status status;
  const ServerOptions& options = loaded->values.options;
  const StateDirectory state(options.state_directory);
  if (*init) status = Init(state, loaded->values.server_names);
  if (*serve) status = Serve(*loaded, take_over, sources);
  if (*restore) status = Print(croft::server::RestoreCatalog(state, file, sha256));
  if (*rebuild) status = Print(Rebuild(options, hosts, without_key_store));
  if (*export_keys) status = croft::server::ExportKeyring(state, options.credentials_directory, file);
  if (*rotate) status = croft::server::RotateKeyring(state);
  if (status.ok()) return 0;
  std::cerr << "croftd: " << status.message() << "\n";
  return 1;
}
