// Makes a backup's extensions in the database that is restored.

#include "agent/tasks/extensions_back.h"

#include <algorithm>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "agent/dump_format/scanner.h"
#include "agent/postgres/connection.h"
#include "agent/postgres/sql_error.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

struct Offered {
  std::vector<std::string> versions;
  std::string default_version;
  bool trusted = false;
};

absl::StatusOr<std::map<std::string, Offered>> AskOffered(Connection& maintenance) {
  const auto rows = maintenance.Rows<std::string, std::string, bool, std::string>(
      "SELECT v.name::text, v.version, v.trusted, coalesce(a.default_version, '') "
      "FROM pg_available_extension_versions v JOIN pg_available_extensions a USING (name)");
  CROFT_RETURN_IF_ERROR(rows.status());
  std::map<std::string, Offered> offered;
  for (const auto& [name, version, trusted, default_version] : *rows) {
    Offered& one = offered[name];
    one.versions.push_back(version);
    one.default_version = default_version;
    if (version == default_version) one.trusted = trusted;
  }
  return offered;
}

bool Among(const std::vector<std::string>& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string NameOf(const ExtensionFact& extension) {
  return absl::StrCat("EXTENSION ", QuoteName(extension.name));
}

ExtensionPlan NotPossible(const ExtensionFact& extension, absl::string_view reason, std::string message,
                          std::string remedy, std::string said = "") {
  return {.how = ExtensionPlan::How::kNotPossible,
          .finding = {.severity = Severity::kMissing,
                      .reason = std::string(reason),
                      .object = NameOf(extension),
                      .message = std::move(message),
                      .postgres_message = std::move(said),
                      .remedy = std::move(remedy)}};
}

ExtensionPlan NotAllowed(const ExtensionFact& extension) {
  return NotPossible(
      extension, "EXTENSION_NOT_ALLOWED",
      "Tenants may not install it on this host, and no restore brings it back.",
      absl::StrCat("start the host's agent with --restore-extensions ", extension.name,
                   ",… or restore on a host that has it; else DROP ", NameOf(extension), ";"));
}

ExtensionPlan PlanOf(const ExtensionFact& extension, const std::map<std::string, Offered>& offered,
                     const ServerAccess& access) {
  const auto found = offered.find(extension.name);
  if (found == offered.end()) {
    return NotPossible(extension, "EXTENSION_NOT_AVAILABLE", "The server does not have it.",
                       "install its package on the host");
  }
  const Offered& one = found->second;
  ExtensionPlan plan{.version = extension.version};
  if (!extension.version.empty() && !Among(one.versions, extension.version)) {
    plan.version.clear();
    plan.finding = {
        .severity = Severity::kNote,
        .reason = "EXTENSION_VERSION_DIFFERS",
        .object = NameOf(extension),
        .message = absl::StrCat("It was version ", extension.version,
                                "; the server has not that one and makes ", one.default_version, "."),
        .remedy = absl::StrCat("install that version on the host, or ALTER ", NameOf(extension),
                               " UPDATE; before the next backup")};
  }
  const bool listed = !access.extensions || Among(*access.extensions, extension.name);
  if (one.trusted && listed) return plan;
  if (!Among(access.restore_extensions, extension.name)) return NotAllowed(extension);
  plan.how = ExtensionPlan::How::kMade;
  if (plan.version == extension.version) {
    plan.finding = {
        .severity = Severity::kNote,
        .reason = "EXTENSION_MADE_BY_AGENT",
        .object = NameOf(extension),
        .message = "Tenants may not install it. A restore brings it back on hosts whose agent may.",
        .remedy = absl::StrCat("keep --restore-extensions ", extension.name,
                               " on every host that restores this tenant")};
  }
  return plan;
}

absl::Status MakeOne(Connection& connection, const std::string& owner, const ExtensionFact& extension,
                     const std::string& version) {
  const bool own_schema = !extension.schema.empty() && extension.schema != "public" &&
                          !absl::StartsWith(extension.schema, "pg_");
  if (own_schema) {
    CROFT_RETURN_IF_ERROR(
        connection.Execute({"CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I", {extension.schema, owner}}));
  }
  Statement made("CREATE EXTENSION IF NOT EXISTS %I", {extension.name});
  if (!extension.schema.empty()) made.Append(" SCHEMA %I", {extension.schema});
  if (!version.empty()) made.Append(" VERSION %L", {version});
  made.Append(" CASCADE");
  return connection.Execute(made);
}

// `table public.queue` as SQL has it.
std::string DropMember(const ExtensionFact& extension, absl::string_view member) {
  return absl::StrCat("ALTER ", NameOf(extension), " DROP ", member, ";");
}

}  // namespace

absl::StatusOr<std::map<std::string, ExtensionPlan>> PlanExtensions(
    const BackupJob& job, const std::vector<ExtensionFact>& extensions) {
  std::map<std::string, ExtensionPlan> plans;
  if (extensions.empty()) return plans;
  CROFT_ASSIGN_OR_RETURN(Connection maintenance, job.OpenMaintenance(job.timeout()));
  CROFT_ASSIGN_OR_RETURN(const auto offered, AskOffered(maintenance));
  for (const ExtensionFact& extension : extensions) {
    plans[extension.name] = PlanOf(extension, offered, job.access());
  }
  return plans;
}

absl::Status MakeExtensions(const BackupJob& job, const std::string& database, const std::string& owner,
                            const std::vector<ExtensionFact>& extensions,
                            std::map<std::string, ExtensionPlan>& plans) {
  const bool any = std::any_of(plans.begin(), plans.end(), [](const auto& plan) {
    return plan.second.how == ExtensionPlan::How::kMade;
  });
  if (!any) return absl::OkStatus();
  Conninfo conninfo = job.access().agent;
  conninfo["dbname"] = database;
  CROFT_ASSIGN_OR_RETURN(Connection connection,
                         Connection::Open(conninfo, Trust::kPrivileged, job.timeout()));
  connection.SetTimeout(job.timeout());
  for (const ExtensionFact& extension : extensions) {
    ExtensionPlan& plan = plans[extension.name];
    if (plan.how != ExtensionPlan::How::kMade) continue;
    const absl::Status made = MakeOne(connection, owner, extension, plan.version);
    if (made.ok()) continue;
    if (!connection.usable()) return made;
    plan = NotPossible(extension, "EXTENSION_NOT_AVAILABLE", "The server did not make it.",
                       "fix what PostgreSQL says, or restore on another host", PostgresMessageOf(made));
  }
  return absl::OkStatus();
}

std::vector<Finding> CompareMembers(const std::vector<ExtensionFact>& expected,
                                    const std::vector<ExtensionFact>& found) {
  std::vector<Finding> findings;
  for (const ExtensionFact& extension : expected) {
    const auto now = std::find_if(found.begin(), found.end(),
                                  [&](const ExtensionFact& other) { return other.name == extension.name; });
    if (now == found.end()) continue;  // it is missing itself
    const bool same_version = now->version == extension.version;
    for (const std::string& member : extension.members) {
      if (Among(now->members, member)) continue;
      // Versions differ in their functions; a table of the extension's own can hold rows.
      if (!same_version && !absl::StartsWith(member, "table ")) continue;
      findings.push_back(
          {.severity = Severity::kMissing,
           .reason = "EXTENSION_MEMBER_MISSING",
           .object = member,
           .message = absl::StrCat("It was added to the extension ", QuoteName(extension.name),
                                   ", so the dump lacks it and all that is in it."),
           .remedy = DropMember(extension, member)});
    }
  }
  return findings;
}

}  // namespace croft::agent
