// Fills a new database from a backup.

#include "agent/tasks/restoring.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/time/clock.h>

#include "agent/backup/catalog_facts.h"
#include "agent/backup/dump.h"
#include "agent/backup/restore.h"
#include "agent/backup/skipped_rows.h"
#include "agent/dump_format/compare.h"
#include "agent/dump_format/digest.h"
#include "agent/dump_format/scanner.h"
#include "agent/postgres/connection.h"
#include "agent/tasks/extensions_back.h"
#include "agent/tasks/kept_settings.h"
#include "agent/tasks/server_probe.h"
#include "common/crypto/keyed_hash.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

constexpr absl::Duration kLongestAnalyze = absl::Seconds(60);

void Append(std::vector<Finding>& findings, std::vector<Finding> more) {
  for (Finding& finding : more) findings.push_back(std::move(finding));
}

Finding LocaleNote(absl::string_view what, absl::string_view expected, absl::string_view found) {
  return {.severity = Severity::kNote,
          .reason = "LOCALE_DIFFERS",
          .object = std::string(what),
          .message = absl::StrCat("It was ", expected, " and is ", found,
                                  " here, so that text may sort and compare otherwise."),
          .remedy = "restore on a host that has it, where the order of text matters"};
}

std::vector<Finding> CompareLocales(const Manifest& manifest, const LocaleFacts& found) {
  const LocaleFacts& expected = manifest.facts.locale;
  std::vector<Finding> notes;
  const auto compare = [&](absl::string_view what, const std::string& was, const std::string& is) {
    if (was != is) notes.push_back(LocaleNote(what, was.empty() ? "none" : was, is.empty() ? "none" : is));
  };
  compare("COLLATION", expected.collate, found.collate);
  if (manifest.old) return notes;
  compare("CHARACTER TYPE", expected.ctype, found.ctype);
  compare("ENCODING", expected.encoding, found.encoding);
  compare("LOCALE PROVIDER", expected.provider, found.provider);
  compare("ICU LOCALE", expected.icu_locale, found.icu_locale);
  compare("COLLATION VERSION", expected.collation_version, found.collation_version);
  return notes;
}

// Of `15.20`; 0 of anything else.
int MajorOf(absl::string_view version) {
  int major = 0;
  return absl::SimpleAtoi(version.substr(0, version.find('.')), &major) ? major : 0;
}

// Croft's own event trigger is where a host narrows the extensions that tenants may install, and nowhere else.
void RemoveGuard(DumpDigest& digest) {
  std::erase_if(digest.entries, [](const TocEntry& entry) {
    return entry.kind == "EVENT TRIGGER" && entry.tag == kOwnEventTrigger;
  });
}

// The version before dumped values in the forms that the tenant's database was set to. They are compared in those that a
// database of the tenant on this server has now, else in the server's.
absl::StatusOr<std::string> FormsOfBefore(const BackupJob& job, const std::string& uid) {
  CROFT_ASSIGN_OR_RETURN(Connection maintenance, job.OpenMaintenance(job.timeout()));
  const auto rows = maintenance.Rows<std::string, std::string>(
      Bind("SELECT p.name, coalesce((SELECT min(substr(c, strpos(c, '=') + 1)) FROM pg_db_role_setting s, "
           "unnest(s.setconfig) c WHERE s.setrole = 0 AND lower(split_part(c, '=', 1)) = lower(p.name) "
           "AND starts_with(shobj_description(s.setdatabase, 'pg_database'), 'croft uid=' || $1 || ' ')), "
           "p.reset_val) FROM pg_settings p WHERE p.name IN "
           "('TimeZone', 'bytea_output', 'lc_monetary', 'xmlbinary') ORDER BY 1",
           {uid}));
  CROFT_RETURN_IF_ERROR(rows.status());
  std::string options;
  for (const auto& [name, value] : *rows) {
    absl::StrAppend(&options, options.empty() ? "" : " ", "-c ", name, "=",
                    absl::StrReplaceAll(value, {{"\\", "\\\\"}, {" ", "\\ "}}));
  }
  return options;
}

// What the manifest says of a part of its backup.
Manifest OfPart(Manifest manifest, const Part& part) {
  std::erase_if(manifest.facts.extensions,
                [&](const ExtensionFact& extension) { return part.extensions.count(extension.name) == 0; });
  std::erase_if(manifest.not_dumped,
                [&](const Finding& finding) { return !IsChosen(part, finding.object); });
  std::erase_if(manifest.without_rows,
                [&](const QualifiedName& table) { return part.tables.count(table) == 0; });
  std::vector<SkippedTable> skipped;
  for (const QualifiedName& table : manifest.without_rows) skipped.push_back({table, table});
  manifest.findings = NotesOnSkipped(skipped);
  return manifest;
}

class Filler {
 public:
  Filler(const BackupJob& job, ClusterSession& session, Store& store, const Manifest& manifest,
         const std::string& key, const RestoreInto& into)
      : job_(job),
        session_(session),
        store_(store),
        manifest_(into.part ? OfPart(manifest, *into.part) : manifest),
        key_(key),
        into_(into),
        digest_key_(job.tools().random.Bytes(crypto::kHashKeyBytes)),
        archive_(digest_key_) {}

  absl::StatusOr<std::vector<Finding>> Run() {
    findings_ = manifest_.not_dumped;
    std::copy_if(manifest_.findings.begin(), manifest_.findings.end(), std::back_inserter(findings_),
                 [](const Finding& finding) { return finding.reason == kRowsLeftOut; });
    if (into_.part) Append(findings_, into_.part->findings);
    CROFT_ASSIGN_OR_RETURN(const ClientPrograms programs, ProgramsFor(job_, manifest_));
    CROFT_RETURN_IF_ERROR(Fill());
    CROFT_ASSIGN_OR_RETURN(Conninfo reader,
                           MakeShortLivedLogin(job_, session_, into_.roles.new_owner, into_.database,
                                               LoginPurpose::kReadEverything, {into_.roles.new_reader}));
    if (manifest_.old) {
      CROFT_ASSIGN_OR_RETURN(reader["options"], FormsOfBefore(job_, manifest_.identity.uid));
    }
    job_.context().Report("comparing what was restored with the archive");
    // Statistics change no row, and most of the time pg_dump waits for one session alone.
    std::future<absl::StatusOr<std::vector<Finding>>> analyzed;
    if (into_.analyze) analyzed = std::async(std::launch::async, [this] { return Analyze(); });
    const absl::Status proven = Prove(programs, reader);
    if (analyzed.valid()) {
      CROFT_ASSIGN_OR_RETURN(std::vector<Finding> notes, analyzed.get());
      Append(findings_, std::move(notes));
    }
    CROFT_RETURN_IF_ERROR(Blamed(job_, session_, proven));
    CROFT_RETURN_IF_ERROR(Blamed(job_, session_, CompareCatalogs(reader)));
    SortFindings(findings_);
    return std::move(findings_);
  }

 private:
  absl::Status Fill() {
    ReplayTarget target{.roles = into_.roles,
                        .search_path = TenantsSearchPath(manifest_.facts.settings, manifest_.owner_role)};
    CROFT_ASSIGN_OR_RETURN(target.extensions, PlanExtensions(job_, manifest_.facts.extensions));
    CROFT_RETURN_IF_ERROR(MakeExtensions(job_, into_.database, into_.roles.new_owner,
                                         manifest_.facts.extensions, target.extensions));
    CROFT_ASSIGN_OR_RETURN(auto kept, KeepSettings(session_, manifest_.facts.settings, into_.database,
                                                   into_.roles, into_.logins));
    Append(findings_, std::move(kept));
    CROFT_ASSIGN_OR_RETURN(restorer_, MakeShortLivedLogin(job_, session_, into_.roles.new_owner,
                                                          into_.database, LoginPurpose::kRestore));
    target.conninfo = restorer_;
    if (into_.part) target.part = into_.part->entries;
    const ServerProbe probe = ProbeOf(job_, session_);
    absl::StatusOr<Replayed> replayed =
        RestoreArchive(store_, manifest_, key_, archive_, target, probe, job_.timeout());
    CROFT_RETURN_IF_ERROR(Blamed(job_, session_, replayed.status()));
    replayed_ = *std::move(replayed);
    Append(findings_, replayed_.findings);
    return absl::OkStatus();
  }

  // So that the first queries are planned by what is there. What it takes longer, autovacuum does.
  absl::StatusOr<std::vector<Finding>> Analyze() const {
    Timeout timeout = job_.timeout();
    timeout.deadline = std::min(timeout.deadline, absl::Now() + kLongestAnalyze);
    absl::StatusOr<Connection> connection = Connection::Open(restorer_, Trust::kTenant, timeout);
    absl::Status analyzed = connection.status();
    if (connection.ok()) {
      connection->SetTimeout(timeout);
      analyzed = connection->Execute("ANALYZE");
    }
    CROFT_RETURN_IF_ERROR(CheckTimeout(job_.timeout()));
    std::vector<Finding> notes;
    if (analyzed.ok()) return notes;
    notes.push_back({.severity = Severity::kNote,
                     .reason = "NOT_ANALYZED",
                     .object = absl::StrCat("DATABASE ", QuoteName(into_.database)),
                     .message =
                         "ANALYZE did not come to its end; autovacuum goes on with it, and queries may be "
                         "slow until then.",
                     .postgres_message = PostgresMessageOf(analyzed),
                     .remedy = "ANALYZE;"});
    return notes;
  }

  absl::Status Prove(const ClientPrograms& programs, const Conninfo& reader) {
    DumpDigester digester(digest_key_);
    CROFT_RETURN_IF_ERROR(Dump(
        {.conninfo = reader, .max_duration = absl::InfiniteDuration()}, programs, job_.place(),
        job_.tools().random, [](absl::string_view) { return absl::OkStatus(); }, digester, job_.timeout()));
    DumpDigest expected = archive_.Take();
    DumpDigest found = digester.Take();
    RemoveGuard(expected);
    RemoveGuard(found);
    std::set<QualifiedName> without_rows(manifest_.without_rows.begin(), manifest_.without_rows.end());
    if (into_.part) without_rows.insert(into_.part->without_rows.begin(), into_.part->without_rows.end());
    Append(findings_, CompareDumps(expected, found,
                                   {.roles = replayed_.roles,
                                    .source_major = MajorOf(expected.server_version),
                                    .restored_major = MajorOf(found.server_version),
                                    .missing = replayed_.not_restored,
                                    .left_out_grants = replayed_.left_out_grants,
                                    .without_rows = std::move(without_rows)}));
    return absl::OkStatus();
  }

  absl::Status CompareCatalogs(const Conninfo& reader) {
    CROFT_ASSIGN_OR_RETURN(Connection connection,
                           Connection::Open(reader, Trust::kPrivileged, job_.timeout()));
    connection.SetTimeout(job_.timeout());
    CROFT_ASSIGN_OR_RETURN(
        const CatalogFacts found,
        ReadCatalogFacts(connection, {.owner = into_.roles.new_owner, .reader = into_.roles.new_reader}));
    Append(findings_, CompareMembers(manifest_.facts.extensions, found.extensions));
    Append(findings_, CompareLocales(manifest_, found.locale));
    return absl::OkStatus();
  }

  const BackupJob& job_;
  ClusterSession& session_;
  Store& store_;
  const Manifest manifest_;  // of what is restored
  const std::string& key_;
  const RestoreInto& into_;
  const std::string digest_key_;
  DumpDigester archive_;
  Conninfo restorer_;
  Replayed replayed_;
  std::vector<Finding> findings_;
};

}  // namespace

void SortFindings(std::vector<Finding>& findings) {
  std::vector<Finding> once;
  std::set<std::tuple<std::string, std::string, std::string>> seen;
  for (Finding& finding : findings) {
    if (seen.insert({finding.reason, finding.object, finding.message}).second)
      once.push_back(std::move(finding));
  }
  std::stable_sort(once.begin(), once.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  findings = std::move(once);
}

bool Has(const std::vector<Finding>& findings, Severity severity) {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const Finding& finding) { return finding.severity == severity; });
}

absl::StatusOr<std::vector<Finding>> FillAndProve(const BackupJob& job, ClusterSession& session,
                                                  Store& store, const Manifest& manifest,
                                                  const std::string& key, const RestoreInto& into) {
  return Filler(job, session, store, manifest, key, into).Run();
}

}  // namespace croft::agent
