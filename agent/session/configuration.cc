// Declares the options of croft-agent.

#include "agent/session/configuration.h"

#include <set>

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include "agent/session/agent_figures.h"
#include "agent/store/open_store.h"

namespace croft::agent {
namespace {

constexpr config::Range kPorts{1, 65'535};

void DescribeJoining(config::Options& options, AgentOptions& agent) {
  options.Choice<ServerMode>(
      "mode", agent.mode, {{"managed", ServerMode::kManaged}, {"external", ServerMode::kExternal}},
      "managed: run a PostgreSQL server of one's own; external: use one that exists");
  options.List("server", agent.servers, "HOST:PORT",
               "Control planes, instead of the join token's; several by commas");
  options.Text("join-token-file", agent.join_token_file, "FILE",
               "File with the token of `croftctl host create-join-token`; needed once");
}

void DescribeExternal(config::Options& options, AgentOptions& agent) {
  options.Text("conninfo-file", agent.conninfo_file, "FILE",
               "External mode: file (0600) with the connection string of the agent's role");
  options.Text("postgres-authority-file", agent.postgres_authority_file, "FILE",
               "External mode: certificate authority (PEM) of the server, for applications, if not the "
               "conninfo's sslrootcert");
}

void DescribeManaged(config::Options& options, AgentOptions& agent) {
  options.List("listen", agent.listen_addresses, "ADDRESS",
               "Managed mode: addresses PostgreSQL listens on; several by commas");
  options.Whole("port", agent.port, kPorts, "Managed mode: port PostgreSQL listens on");
  options.Text("postgres-user", agent.postgres_user, "USER",
               "Managed mode, started as root: the user that PostgreSQL runs as");
  options.Text(
      "postgres-start-file", agent.postgres_start_file, "FILE",
      "Managed mode: file that the service manager watches to start PostgreSQL as a unit of its own; "
      "without it the agent starts PostgreSQL");
  options.List(
      "extensions", agent.extensions, "NAME",
      "Managed mode: extensions that tenants may install, instead of PostgreSQL's own trusted ones");
  options.List("restore-extensions", agent.restore_extensions, "NAME",
               "Managed mode: extensions that a restore brings back although tenants may not install them");
}

// Empty when each store has a name of its own, or none.
std::string NameGivenTwice(const std::vector<std::string>& stores) {
  std::set<std::string> names;
  for (const std::string& store : stores) {
    std::string name = ParseNamedStore(store).name;
    if (!name.empty() && !names.insert(name).second) return name;
  }
  return "";
}

}  // namespace

void Describe(config::Options& options, Configuration& configuration) {
  AgentOptions& agent = configuration.options;
  options.Text("state", agent.state_directory, "DIR", "Folder that holds everything of this agent");
  DescribeJoining(options, agent);
  options.List(
      "store", agent.stores, "[NAME=]URL",
      "Where backups lie, as file:///FOLDER or s3://BUCKET/PREFIX?endpoint=URL; several by commas, the "
      "first is written to; NAME is what copies and policies call it");
  options.Text("client-programs", agent.client_programs, "DIR",
               "Folder with PostgreSQL's client programs of each version, as N/bin/pg_dump");
  DescribeExternal(options, agent);
  DescribeManaged(options, agent);
  options.List("advertise", agent.advertise, "HOST:PORT",
               "Where applications reach PostgreSQL, if not where it listens; several by commas");
  options.Text("metrics-listen", agent.metrics_listen, "HOST:PORT",
               "Where an HTTP server of this agent's own metrics listens, on loopback, or off");
  options.Choice("log-level", configuration.log_level, log::Levels(), "Least level of lines to log")
      .Reloads();
  options
      .Choice("log-format", configuration.log_format, log::Formats(),
              "auto is text on a terminal, else JSON")
      .Reloads();
}

config::Problems CheckForServing(const config::Options& options, const Configuration& configuration) {
  const AgentOptions& agent = configuration.options;
  config::Problems problems;
  if (agent.mode == ServerMode::kExternal && agent.conninfo_file.empty()) {
    problems.push_back({options.Get("mode").place, "mode: external needs conninfo_file, which is not set"});
  }
  if (agent.mode == ServerMode::kManaged && !agent.conninfo_file.empty()) {
    problems.push_back({options.Get("conninfo-file").place,
                        "conninfo_file: is for mode external, and the mode is managed"});
  }
  if (agent.metrics_listen != "off") {
    const absl::Status address = CheckFigureAddress(agent.metrics_listen);
    if (!address.ok())
      problems.push_back({options.Get("metrics-listen").place, std::string(address.message())});
  }
  for (const std::string& store : agent.stores) {
    const absl::Status status = CheckStoreUrl(ParseNamedStore(store).url);
    if (status.ok()) continue;
    problems.push_back({options.Get("store").place, std::string(status.message())});
  }
  if (const std::string twice = NameGivenTwice(agent.stores); !twice.empty()) {
    problems.push_back({options.Get("store").place, absl::StrCat("store: two stores are called ", twice)});
  }
  return problems;
}

}  // namespace croft::agent
