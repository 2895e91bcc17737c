// The conclusions of doctor.

#include "tools/croftctl/diagnosis.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/strip.h>

#include "common/crypto/x509.h"
#include "tools/croftctl/values.h"

namespace croft::ctl {
namespace {

constexpr absl::Duration kSoon = absl::Hours(24 * 30);

absl::string_view HostOf(absl::string_view server) {
  const absl::string_view host = server.substr(0, server.rfind(':'));
  return absl::StripSuffix(absl::StripPrefix(host, "["), "]");
}

// Whether one certificate of `chain` after another signs the one before, up to one that an authority signed.
bool LeadsTo(const std::vector<std::string>& chain, const std::vector<std::string>& authorities) {
  for (size_t i = 0; i < chain.size(); ++i) {
    const bool signed_here =
        std::any_of(authorities.begin(), authorities.end(),
                    [&](const std::string& authority) { return crypto::SignedBy(chain[i], authority); });
    if (signed_here) return true;
    if (i + 1 == chain.size() || !crypto::SignedBy(chain[i], chain[i + 1])) return false;
  }
  return false;
}

}  // namespace

Finding CheckValidity(const std::string& subject, const std::string& certificate, absl::Time now) {
  const auto facts = crypto::ReadCertificate(certificate);
  if (!facts.ok())
    return {Level::kFail, subject, "holds no certificate", "name a PEM file that begins with one"};
  if (now < facts->not_before) {
    return {Level::kFail, subject, absl::StrCat("is valid only from ", TimeText(facts->not_before)),
            "compare this machine's clock with the one that made it"};
  }
  if (now >= facts->not_after) {
    return {Level::kFail, subject, absl::StrCat("expired on ", TimeText(facts->not_after)), "replace it"};
  }
  const std::string until = absl::StrCat("valid until ", TimeText(facts->not_after));
  if (facts->not_after - now < kSoon) return {Level::kWarn, subject, until, "replace it before then"};
  return {Level::kOk, subject, until, ""};
}

bool NamesHost(const std::vector<std::string>& names, absl::string_view host) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    if (absl::EqualsIgnoreCase(name, host)) return true;
    const size_t dot = host.find('.');
    return absl::StartsWith(name, "*.") && dot != absl::string_view::npos && dot > 0 &&
           absl::EqualsIgnoreCase(name.substr(1), host.substr(dot));
  });
}

Findings CheckServerChain(const std::string& server, const std::vector<std::string>& chain,
                          const std::vector<std::string>& authorities, absl::Time now) {
  const std::string subject = absl::StrCat("certificate of ", server);
  Findings findings = {CheckValidity(subject, chain.front(), now)};
  if (!authorities.empty() && !LeadsTo(chain, authorities)) {
    findings.push_back(
        {Level::kFail, subject, "was not signed by an authority of --ca",
         "make sure that this is your control plane, then take its authority's file as --ca"});
  }
  const auto facts = crypto::ReadCertificate(chain.front());
  if (facts.ok() && !NamesHost(facts->server_names, HostOf(server))) {
    findings.push_back(
        {Level::kFail, subject,
         absl::StrCat("is for ", absl::StrJoin(facts->server_names, ", "), ", not for ", HostOf(server)),
         "name the server by one of these, or give it a certificate with this name"});
  }
  return findings;
}

Finding CheckVersions(const std::string& server, const std::string& client) {
  const std::string text = absl::StrCat("server ", server, ", croftctl ", client);
  const auto series = [](const std::string& version) { return version.substr(0, version.rfind('.')); };
  if (series(server) == series(client)) return {Level::kOk, "versions", text, ""};
  return {Level::kWarn, "versions", text, "install the croftctl that belongs to the server"};
}

Finding CheckPostgres(const v1::Host& host, const std::string& id, const std::string& subject) {
  if (host.postgres_up()) {
    return {Level::kOk, subject, absl::StrCat("up, PostgreSQL ", host.postgres_version()), ""};
  }
  return {Level::kFail, subject,
          absl::StrCat("its agent is up but its PostgreSQL is not: ", host.problem()),
          absl::StrCat("look at the log of ", id, "'s agent and at its PostgreSQL's")};
}

// The rights of its agent's role, where somebody else keeps the server.
Findings CheckRights(const v1::Host& host, const std::string& subject) {
  Findings findings;
  for (const v1::MissingRight& missing : host.missing_rights()) {
    const bool placed = missing.task_kinds().empty();
    findings.push_back(
        {placed ? Level::kWarn : Level::kFail, subject,
         absl::StrCat("its agent's role lacks ", missing.right(), ": ", missing.consequence()),
         missing.remedy()});
  }
  return findings;
}

// What applications are told of the server's TLS.
void CheckTls(const v1::Host& host, const std::string& subject, Findings& findings) {
  if (!host.tls()) {
    findings.push_back(
        {Level::kWarn, subject, "speaks no TLS to applications", "turn ssl on in its PostgreSQL"});
  } else if (!host.tls_verifiable()) {
    findings.push_back(
        {Level::kWarn, subject,
         "applications cannot verify its server: lookups say sslmode=require, since its agent "
         "was given no authority",
         "start its agent with --postgres-authority-file, the authority that signed the "
         "server's certificate (PEM)"});
  }
}

Findings CheckHost(const v1::Host& host, absl::Time now) {
  const std::string id = LastPart(host.name());
  const std::string subject = absl::StrCat("host ", id);
  Findings findings;
  switch (host.state()) {
    case v1::Host::STATE_UP: findings.push_back(CheckPostgres(host, id, subject)); break;
    case v1::Host::STATE_EXPECTED:
      findings.push_back(
          {Level::kWarn, subject, "has never joined", "start its agent with its join token"});
      break;
    case v1::Host::STATE_MISSING:
      findings.push_back({Level::kWarn, subject, "was declared missing",
                          absl::StrCat("croftctl host remove ", id, ", once its tenants live elsewhere")});
      break;
    case v1::Host::STATE_IDENTITY_CHANGED:
      findings.push_back({Level::kFail, subject, "its PostgreSQL is another cluster than before",
                          absl::StrCat("find out why; then croftctl host accept-identity ", id)});
      break;
    default:
      findings.push_back(
          {Level::kFail, subject,
           absl::StrCat("away since ", DurationText(absl::Trunc(now - FromProto(host.last_seen_time()),
                                                                absl::Seconds(1)))),
           "look at its agent and the network between; if it will never come back, croftctl host "
           "accept-missing"});
  }
  if (host.state() == v1::Host::STATE_UP && host.postgres_up() && !host.problem().empty()) {
    findings.push_back(
        {Level::kWarn, subject, host.problem(), "fix it, or whatever needs it there may be refused"});
  }
  if (host.state() == v1::Host::STATE_UP && host.postgres_up()) CheckTls(host, subject, findings);
  Findings rights = CheckRights(host, subject);
  findings.insert(findings.end(), std::make_move_iterator(rights.begin()),
                  std::make_move_iterator(rights.end()));
  return findings;
}

std::optional<Finding> CheckBackups(const std::vector<v1::Operation>& operations, absl::Time now) {
  const auto decided = [](const v1::Operation& operation) { return operation.done(); };
  const auto newest = std::find_if(operations.begin(), operations.end(), decided);
  const auto end = std::find_if(newest, operations.end(), [](const v1::Operation& operation) {
    return operation.state() == v1::Operation::STATE_SUCCEEDED;
  });
  const auto failed = [](const v1::Operation& operation) {
    return operation.state() == v1::Operation::STATE_FAILED;
  };
  const auto count = std::count_if(newest, end, failed);
  if (count == 0) return std::nullopt;
  const v1::Operation& last = *std::find_if(newest, end, failed);
  const v1::Operation& first =
      *std::find_if(std::make_reverse_iterator(end), std::make_reverse_iterator(newest), failed);
  const std::string tenant = LastPart(last.target());
  const std::string ago = absl::StrCat(
      DurationText(absl::Trunc(now - FromProto(first.create_time()), absl::Seconds(1))), " ago");
  const std::string times = count == 1
                                ? absl::StrCat("its last backup failed ", ago)
                                : absl::StrCat("its last ", count, " backups failed, the first ", ago);
  return Finding{Level::kFail, absl::StrCat("tenant ", tenant),
                 absl::StrCat(times, ": ", last.error().message()),
                 absl::StrCat("fix what it names, then croftctl backup create ", tenant,
                              "; croftctl op get ", LastPart(last.name()), " has its steps")};
}

}  // namespace croft::ctl
