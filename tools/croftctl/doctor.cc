// The verb doctor: checks everything between this machine and the hosts.

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>
#include <nlohmann/json.hpp>

#include "common/crypto/x509.h"
#include "common/errors.h"
#include "croft/v1/admin.grpc.pb.h"
#include "tools/croftctl/client.h"
#include "tools/croftctl/diagnosis.h"
#include "tools/croftctl/error_report.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/files.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/table.h"
#include "tools/croftctl/tls_probe.h"
#include "tools/croftctl/verbs.h"
#include "tools/croftctl/version.h"

// Looks at everything between this machine and the hosts, nearest first.
namespace croft::ctl {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(5);
// Of backups that failed, and of those of one tenant: one call each, however large the fleet.
constexpr size_t kFailedBackups = 100;
constexpr size_t kBackupsOfOne = 30;

void Append(Findings& findings, Findings more) {
  findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
}

Finding Failed(std::string subject, const absl::Status& status) {
  return {Level::kFail, std::move(subject), std::string(status.message()), NextStep(status)};
}

void CheckSecretFile(const std::string& path, Findings& findings) {
  if (path.empty() || !OpenToOthers(path)) return;
  findings.push_back({Level::kWarn, path, "is open to others", absl::StrCat("chmod 600 ", path)});
}

// What this machine holds: authorities, own certificate, secrets.
Findings CheckIdentity(const Connection& connection, const Identity& identity, absl::Time now) {
  Findings findings;
  if (identity.ca.empty()) {
    findings.push_back({Level::kWarn, "authorities",
                        "this machine's own are trusted, since no --ca is given",
                        "give --ca (CROFT_CA) the file of your control plane's authority"});
  } else {
    findings.push_back(CheckValidity(absl::StrCat("authority ", connection.ca), identity.ca, now));
  }
  if (!identity.cert.empty()) {
    const std::string subject = absl::StrCat("your certificate ", connection.cert);
    findings.push_back(CheckValidity(subject, identity.cert, now));
    const absl::Status pair = crypto::CheckPair(identity.key, identity.cert);
    if (!pair.ok())
      findings.push_back({Level::kFail, subject, "does not belong to --key", "name the key made with it"});
    const std::vector<std::string> authorities = SplitCertificates(identity.ca);
    const bool known = std::any_of(
        authorities.begin(), authorities.end(),
        [&](const std::string& authority) { return crypto::SignedBy(identity.cert, authority); });
    if (!authorities.empty() && !known) {
      findings.push_back({Level::kWarn, subject, "was not signed by an authority of --ca",
                          "a control plane that does not know its authority refuses it: ask for another"});
    }
  } else if (identity.token.empty()) {
    findings.push_back({Level::kWarn, "identity", "neither a certificate nor a token is given",
                        "name one with --cert and --key, or with --token-file"});
  }
  CheckSecretFile(connection.key, findings);
  CheckSecretFile(connection.token_file, findings);
  return findings;
}

// Returns whether any server can be reached.
bool CheckServers(const Connection& connection, const Identity& identity, absl::Time now,
                  Findings& findings) {
  bool any = false;
  for (const std::string& server : connection.servers) {
    const auto chain = ShownCertificates(server, kTimeout);
    if (!chain.ok()) {
      findings.push_back(
          {Level::kFail, absl::StrCat("server ", server), std::string(chain.status().message()),
           "is croftd running there, and the port open? If so, its own log names a broken certificate"});
      continue;
    }
    any = true;
    Append(findings, CheckServerChain(server, *chain, SplitCertificates(identity.ca), now));
  }
  return any;
}

void CheckControlPlane(Client& client, absl::Time now, Findings& findings) {
  const auto status = client.Call(&v1::AdminService::Stub::GetStatus, v1::GetStatusRequest());
  if (!status.ok()) {
    findings.push_back(Failed("control plane", status.status()));
    return;
  }
  findings.push_back(
      {Level::kOk, "control plane", absl::StrCat("answers; you are ", status->caller()), ""});
  findings.push_back(CheckVersions(status->version(), Version()));
  const auto hosts = ListAll(client, kHosts, v1::ListHostsRequest(), 0);
  if (!hosts.ok()) {
    findings.push_back(Failed("hosts", hosts.status()));
    return;
  }
  if (hosts->items.empty()) {
    findings.push_back(
        {Level::kWarn, "hosts", "there are none", "croftctl host create-join-token HOST begins one"});
  }
  for (const v1::Host& host : hosts->items) Append(findings, CheckHost(host, now));
}

// Tenants whose newest backups failed.
void CheckLatestBackups(Client& client, absl::Time now, Findings& findings) {
  v1::ListOperationsRequest request;
  request.set_filter("kind = BACK_UP AND state = FAILED");
  const auto failed = ListAll(client, kOperations, request, kFailedBackups);
  if (!failed.ok()) {
    findings.push_back(Failed("backups", failed.status()));
    return;
  }
  std::set<std::string> tenants;
  for (const v1::Operation& operation : failed->items) tenants.insert(operation.target());
  for (const std::string& tenant : tenants) {
    v1::GetTenantRequest one;
    one.set_name(tenant);
    const auto there = client.Call(&v1::TenantService::Stub::GetTenant, one);
    // Operations outlive their tenant.
    if (absl::IsNotFound(there.status()) || (there.ok() && there->has_delete_time())) continue;
    request.set_filter(absl::StrCat("kind = BACK_UP AND target = ", tenant));
    const auto all = ListAll(client, kOperations, request, kBackupsOfOne);
    if (!all.ok()) {
      findings.push_back(Failed(absl::StrCat("backups of ", tenant), all.status()));
      continue;
    }
    if (std::optional<Finding> finding = CheckBackups(all->items, now))
      findings.push_back(*std::move(finding));
  }
}

Finding CheckProgram(const std::string& program, const Environment& environment) {
  for (const absl::string_view folder : absl::StrSplit(environment.Get("PATH"), ':', absl::SkipEmpty())) {
    const std::string path = absl::StrCat(folder, "/", program);
    if (access(path.c_str(), X_OK) == 0) return {Level::kOk, program, path, ""};
  }
  return {Level::kWarn, program, "is not in PATH; croftctl tenant psql needs it",
          "apt install postgresql-client"};
}

absl::string_view NameOf(Level level) {
  switch (level) {
    case Level::kOk: return "ok";
    case Level::kWarn: return "warn";
    case Level::kFail: return "fail";
  }
  return "";
}

Tone ToneOf(Level level) {
  return level == Level::kOk ? Tone::kGood : level == Level::kWarn ? Tone::kUnsure : Tone::kBad;
}

void Print(Printer& printer, const Findings& findings) {
  auto checks = nlohmann::ordered_json::array();
  std::vector<std::vector<Cell>> rows;
  for (const Finding& finding : findings) {
    checks.push_back({{"state", std::string(NameOf(finding.level))},
                      {"subject", finding.subject},
                      {"text", finding.text},
                      {"remedy", finding.remedy}});
    rows.push_back({{"", std::string(NameOf(finding.level)), ToneOf(finding.level)},
                    {"", finding.subject},
                    {"", finding.text},
                    {"", finding.remedy}});
  }
  printer.Document({{"checks", checks}},
                   TableText({{"state"}, {"what"}, {"finding"}, {"remedy"}}, rows, printer.look()));
}

}  // namespace

void AddDoctor(Noun& root) {
  auto verb = root.AddVerb<NoArguments>(
      "doctor", "Look for what is wrong between here and the hosts, and say what helps");
  verb.RunsLocally([](const Tool& tool, const NoArguments&) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const Connection connection, ToConnection(tool.settings));
    CROFT_ASSIGN_OR_RETURN(const Identity identity, ReadIdentity(connection));
    const absl::Time now = absl::Now();
    Findings findings = {
        {Level::kOk, "settings", absl::StrCat("server and identity come from ", tool.settings.origin), ""}};
    Append(findings, CheckIdentity(connection, identity, now));
    if (CheckServers(connection, identity, now, findings)) {
      Client client(connection, identity, tool.limit, tool.interrupts, tool.terminal);
      CheckControlPlane(client, now, findings);
      CheckLatestBackups(client, now, findings);
    }
    findings.push_back(CheckProgram("psql", tool.environment));
    Print(tool.printer, findings);
    const auto failed = std::count_if(findings.begin(), findings.end(),
                                      [](const Finding& f) { return f.level == Level::kFail; });
    if (failed == 0) return absl::OkStatus();
    return WithExitCode(absl::UnknownError(absl::StrCat(failed, " of ", findings.size(), " checks failed")),
                        ExitCode::kError);
  });
}

}  // namespace croft::ctl
