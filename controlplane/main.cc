#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/strings/str_cat.h>
#include <absl/synchronization/mutex.h>

#include "common/core_dumps.h"
#include "common/errors.h"
#include "common/log.h"
#include "common/memory.h"
#include "controlplane/server/catalog_commands.h"
#include "controlplane/server/keyring_commands.h"
#include "controlplane/server/rebuild_command.h"
#include "controlplane/server/server.h"
#include "controlplane/server/state_directory.h"

namespace {

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

absl::Status Serve(const ServerOptions& options) {
  const sigset_t signals = OwnSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  auto server = croft::server::Server::Start(options);
  if (!server.ok()) return server.status();
  croft::log::Info("croftd ready", {{"address", (*server)->address()}, {"version", options.version}});
  int signal = 0;
  while (sigwait(&signals, &signal) != 0 || signal == SIGHUP) {
    if (signal == SIGHUP) (*server)->Reload();
  }
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // a second one ends it at once
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

void SetLevel(const std::string& name) {
  using croft::log::Level;
  const std::map<std::string, Level> levels = {{"debug", Level::kDebug},
                                               {"info", Level::kInfo},
                                               {"warning", Level::kWarning},
                                               {"error", Level::kError}};
  croft::log::SetLevel(levels.at(name));
}

}  // namespace

int main(int argc, char** argv) {
  croft::ForbidCoreDumps();
  croft::KeepFreedMemory();
  // Debian's Abseil looks for cycles at every lock that gRPC takes: a fifth of the time of a lookup.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  CLI::App app("croftd, the control plane of Croft");
  app.set_version_flag("--version", "croftd " CROFT_VERSION);
  app.require_subcommand(1);
  ServerOptions options{.metrics_listen = "127.0.0.1:7444", .version = CROFT_VERSION};
  std::vector<std::string> server_names;
  std::string level = "info";
  std::string file;
  std::string sha256;
  std::vector<std::string> hosts;
  bool without_key_store = false;

  const auto with_state = [&](CLI::App* command) {
    command->add_option("--state", options.state_directory, "Folder of the control plane's state")
        ->required();
    return command;
  };
  CLI::App* init = with_state(app.add_subcommand("init", "Make keyring, authority and certificates"));
  init->add_option("--server-name", server_names, "DNS name or IP address by which this server is reached");

  const auto with_port = [&](CLI::App* command) {
    command->add_option("--listen", options.listen, "host:port")->capture_default_str();
    auto& own = options.own_certificate;
    auto* certificate =
        command->add_option("--tls-cert", own.certificate, "Certificate of your own authority, PEM");
    auto* key = command->add_option("--tls-key", own.key, "Its key");
    auto* authority = command->add_option("--tls-ca", own.authority, "Its authority, for agents to trust");
    for (auto* option : {certificate, key, authority}) option->needs(certificate, key, authority);
    return command;
  };
  CLI::App* serve = with_port(with_state(app.add_subcommand(
      "serve", "Serve until SIGTERM or SIGINT; SIGHUP has it read its certificates again")));
  serve->add_option("--advertise", options.advertise, "host:port for agents; that of --listen by default");
  serve->add_option("--catalog-copies", options.catalog_copies,
                    "Folder of hourly copies of the catalog; STATE/catalog-copies by default");
  serve
      ->add_option_function<int>(
          "--fleet-check-interval",
          [&](int seconds) { options.fleet_check_interval = absl::Seconds(seconds); },
          "Seconds between two comparisons of a host with the catalog")
      ->check(CLI::Range(5, 86'400))
      ->default_str("300");
  serve
      ->add_option_function<std::string>(
          "--metrics-listen",
          [&](const std::string& address) { options.metrics_listen = address == "off" ? "" : address; },
          "host:port of the HTTP server of metrics, or off; beyond loopback it takes TLS and a token")
      ->default_str(options.metrics_listen);
  serve->add_flag("--take-over", options.take_over, "End the control plane that holds the catalog");
  serve
      ->add_option("--calls-per-second", options.limits.calls_per_second,
                   "Calls that one identity may make, and twice as many at once")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  serve->add_option("--streams-per-identity", options.limits.streams, "Streams that it may hold open")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  serve->add_option("--log-level", level)
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();

  CLI::App* restore = with_state(app.add_subcommand(
      "restore-catalog", "Put a copy in the place of a catalog that was lost, while croftd is stopped"));
  restore->add_option("FILE", file, "Copy, of croftctl admin backup-catalog or the folder of copies")
      ->required();
  restore->add_option("--sha256", sha256, "Its digest; that of FILE.sha256 by default");

  CLI::App* rebuild = with_port(with_state(app.add_subcommand(
      "rebuild-catalog", "Make a catalog anew of what agents find, when no copy is left")));
  rebuild->add_option("--host", hosts, "Host that the catalog had; once for each, all of them")->required();
  rebuild->add_flag("--without-key-store", without_key_store,
                    "Take data keys from beside the backups, since keys.db was lost too");

  CLI::App* keyring = app.add_subcommand("keyring", "Look after the keys that seal all secrets");
  keyring->require_subcommand(1);
  CLI::App* export_keys = with_state(keyring->add_subcommand("export", "Write a copy to keep elsewhere"));
  export_keys->add_option("--to", file, "New file, of mode 0600")->required();
  CLI::App* rotate =
      with_state(keyring->add_subcommand("rotate", "Add a key, which is used from the next start"));

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  SetLevel(level);
  options.limits.burst = 2 * options.limits.calls_per_second;
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  options.credentials_directory = credentials == nullptr ? "" : credentials;

  absl::Status status;
  const StateDirectory state(options.state_directory);
  if (*init) status = Init(state, server_names);
  if (*serve) status = Serve(options);
  if (*restore) status = Print(croft::server::RestoreCatalog(state, file, sha256));
  if (*rebuild) status = Print(Rebuild(options, hosts, without_key_store));
  if (*export_keys) status = croft::server::ExportKeyring(state, options.credentials_directory, file);
  if (*rotate) status = croft::server::RotateKeyring(state);
  if (status.ok()) return 0;
  std::cerr << "croftd: " << status.message() << "\n";
  return 1;
}
