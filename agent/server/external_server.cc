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

absl::StatusOr<std::unique_ptr<ExternalServer>> ExternalServer::New(ExternalServerOptions options) {
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
  return std::unique_ptr<ExternalServer>(
      new ExternalServer(std::move(access), std::move(endpoints), std::move(root_certificate)));
}

ExternalServer::ExternalServer(ServerAccess access, std::vector<std::string> endpoints,
                               std::string root_certificate)
    : access_(std::move(access)),
      endpoints_(std::move(endpoints)),
      root_certificate_(std::move(root_certificate)),
      cluster_(NewLibpqCluster([made = access_] { return made; })) {}

ServerAccess ExternalServer::access() const { return access_; }

absl::Status ExternalServer::EnsureRunning(const Timeout& timeout) {
  return cluster_->Identify(timeout).status();
}

ServerReport ExternalServer::Report(const Timeout& timeout) {
  ServerReport report{.endpoints = endpoints_, .root_certificate = root_certificate_};
  const absl::Status looked = Look(timeout, report);
  if (!looked.ok()) {
    report.problem = std::string(looked.message());
    if (std::optional<MissingRight> missing = RightToLookAround(looked)) {
      report.problem = absl::StrCat(report.problem, "; ", missing->remedy);
      report.missing_rights.push_back(*std::move(missing));
    }
  }
  return report;
}

// A standby takes no changes, so it is not up; its timeline says nothing yet.
absl::Status ExternalServer::Look(const Timeout& timeout, ServerReport& report) {
  CROFT_ASSIGN_OR_RETURN(const ServerFacts facts, cluster_->Identify(timeout));
  const MutexLock lock(mutex_);
  if (!looking_ || !looking_->usable()) {
    Conninfo conninfo = access_.agent;
    conninfo["dbname"] = access_.maintenance_database;
    CROFT_ASSIGN_OR_RETURN(looking_, Connection::Open(conninfo, Trust::kPrivileged, timeout));
  }
  looking_->SetPatience(timeout);
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

std::optional<MissingRight> ExternalServer::RightToLookAround(const absl::Status& status) const {
  if (SqlStateOf(status) != sqlstate::kInsufficientPrivilege) return std::nullopt;
  const std::string role = ValueOr(access_.agent, "user", "");
  if (absl::StrContains(status.message(), "pg_control_")) return MissingControlData(role);
  if (absl::StrContains(status.message(), "permission denied for database")) {
    return MissingConnect(access_.maintenance_database, role);
  }
  return std::nullopt;
}

}  // namespace croft::agent
