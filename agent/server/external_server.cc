// A PostgreSQL server that somebody else runs: reports on it and takes up a new conninfo.

#include "agent/server/external_server.h"

#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "agent/postgres/libpq_cluster.h"
#include "agent/postgres/sql_error.h"
#include "agent/server/files.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

constexpr absl::string_view kDefaultPort = "5432";

struct HostAndPort {
  std::string host;
  std::string port;
};

// `host:port` or `[v6]:port`.
absl::StatusOr<HostAndPort> ParseEndpoint(absl::string_view endpoint) {
  const size_t colon = endpoint.rfind(':');
  int port = 0;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(endpoint.substr(colon + 1), &port)) {
    return InvalidField("advertise_endpoints",
                        absl::StrCat("\"", endpoint, "\" is not of the form host:port"));
  }
  absl::string_view host = endpoint.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return HostAndPort{std::string(host), absl::StrCat(port)};
}

std::string ValueOr(const Conninfo& conninfo, const std::string& keyword, absl::string_view otherwise) {
  const auto found = conninfo.find(keyword);
  return found == conninfo.end() ? std::string(otherwise) : found->second;
}

bool IsSocketFolder(absl::string_view host) {
  return !host.empty() && (host.front() == '/' || host.front() == '@');
}

// The way applications take: the first endpoint, with the connection's own TLS settings.
Conninfo TenantsWay(const Conninfo& agent, const HostAndPort& first, const std::string& authority) {
  Conninfo tenants = agent;
  for (const char* own : {"user", "password", "passfile", "hostaddr", "options", "sslcert", "sslkey",
                          "sslpassword", "target_session_attrs"}) {
    tenants.erase(own);
  }
  tenants["host"] = first.host;
  tenants["port"] = first.port;
  if (!authority.empty()) {
    tenants["sslrootcert"] = authority;
    tenants["sslmode"] = "verify-full";
  }
  return tenants;
}

}  // namespace

absl::StatusOr<ExternalServer::Settings> ExternalServer::SettingsFrom(ExternalServerOptions options) {
  CROFT_ASSIGN_OR_RETURN(Conninfo agent, ParseConninfo(options.conninfo));
  ServerAccess access;
  access.maintenance_database = ValueOr(agent, "dbname", "postgres");
  agent.erase("dbname");
  const std::string host = ValueOr(agent, "host", "");
  std::vector<std::string> endpoints = std::move(options.advertise_endpoints);
  HostAndPort first{host, ValueOr(agent, "port", kDefaultPort)};
  if (endpoints.empty()) {
    if (host.empty() || IsSocketFolder(host) || host.find(',') != std::string::npos) {
      return InvalidField("advertise_endpoints",
                          "must say where applications connect, since the conninfo names no single host");
    }
    endpoints.push_back(absl::StrCat(host, ":", first.port));
  } else {
    CROFT_ASSIGN_OR_RETURN(first, ParseEndpoint(endpoints.front()));
  }
  std::string root_certificate;
  // What the agent itself verifies the server by.
  if (options.authority.empty() && ValueOr(agent, "sslmode", "") == "verify-full" &&
      ValueOr(agent, "sslrootcert", "system") != "system") {
    options.authority = agent["sslrootcert"];
  }
  if (!options.authority.empty()) {
    CROFT_ASSIGN_OR_RETURN(root_certificate, ReadFile(options.authority));
  }
  access.tenants = TenantsWay(agent, first, options.authority);
  access.agent = std::move(agent);
  return Settings{std::move(access), std::move(endpoints), std::move(root_certificate)};
}

absl::StatusOr<std::unique_ptr<ExternalServer>> ExternalServer::New(ExternalServerOptions options) {
  CROFT_ASSIGN_OR_RETURN(Settings settings, SettingsFrom(std::move(options)));
  return std::unique_ptr<ExternalServer>(new ExternalServer(std::move(settings)));
}

ExternalServer::ExternalServer(Settings settings)
    : settings_(std::move(settings)), cluster_(NewLibpqCluster([this] { return access(); })) {}

absl::Status ExternalServer::Reload(ExternalServerOptions options) {
  CROFT_ASSIGN_OR_RETURN(Settings settings, SettingsFrom(std::move(options)));
  const MutexLock lock(settings_mutex_);
  settings_ = std::move(settings);
  return absl::OkStatus();
}

ExternalServer::Settings ExternalServer::settings() const {
  const MutexLock lock(settings_mutex_);
  return settings_;
}

ServerAccess ExternalServer::access() const { return settings().access; }

absl::Status ExternalServer::EnsureRunning(const Timeout& timeout) {
  return cluster_->Identify(timeout).status();
}

namespace {

// The right whose lack made a look at the server fail with `status`.
std::optional<MissingRight> RightToLookAround(const absl::Status& status, const ServerAccess& access) {
  if (SqlStateOf(status) != sqlstate::kInsufficientPrivilege) return std::nullopt;
  const std::string role = ValueOr(access.agent, "user", "");
  if (absl::StrContains(status.message(), "pg_control_")) return MissingControlData(role);
  if (absl::StrContains(status.message(), "permission denied for database")) {
    return MissingConnect(access.maintenance_database, role);
  }
  return std::nullopt;
}

}  // namespace

ServerReport ExternalServer::Report(const Timeout& timeout) {
  const Settings now = settings();
  ServerReport report{.endpoints = now.endpoints, .root_certificate = now.root_certificate};
  const absl::Status looked = Look(now.access, timeout, report);
  if (!looked.ok()) {
    report.problem = std::string(looked.message());
    if (std::optional<MissingRight> missing = RightToLookAround(looked, now.access)) {
      report.problem = absl::StrCat(report.problem, "; ", missing->remedy);
      report.missing_rights.push_back(*std::move(missing));
    }
  }
  return report;
}

// A standby takes no changes, so it is not up; its timeline says nothing yet.
absl::Status ExternalServer::Look(const ServerAccess& access, const Timeout& timeout,
                                  ServerReport& report) {
  CROFT_ASSIGN_OR_RETURN(const ServerFacts facts, cluster_->Identify(timeout));
  Conninfo conninfo = access.agent;
  conninfo["dbname"] = access.maintenance_database;
  const MutexLock lock(mutex_);
  if (!looking_ || !looking_->usable() || looking_by_ != conninfo) {
    looking_.reset();
    CROFT_ASSIGN_OR_RETURN(looking_, Connection::Open(conninfo, Trust::kPrivileged, timeout));
    looking_by_ = std::move(conninfo);
  }
  looking_->SetTimeout(timeout);
  CROFT_ASSIGN_OR_RETURN(const bool standby, looking_->Value<bool>("SELECT pg_is_in_recovery()"));
  if (standby) {
    report.problem =
        "it is a standby, which takes no changes; it is looked at again every few seconds. With "
        "target_session_attrs=read-write in its conninfo the agent passes over standbys";
    looking_.reset();
    return absl::OkStatus();
  }
  CROFT_ASSIGN_OR_RETURN(
      report.max_connections,
      looking_->Value<int32_t>("SELECT current_setting('max_connections')::int "
                               "- current_setting('superuser_reserved_connections')::int "
                               "- coalesce(current_setting('reserved_connections', true)::int, 0)"));
  CROFT_ASSIGN_OR_RETURN(report.missing_rights, FindMissingRights(*looking_));
  report.up = true;
  report.version = facts.version_text;
  report.system_identifier = facts.system_identifier;
  report.timeline = facts.timeline;
  report.tls = facts.tls;
  return absl::OkStatus();
}

}  // namespace croft::agent
