// Converts agents' messages into the engine's types.

#include "controlplane/fleet/messages.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

namespace croft::fleet {
namespace {

// A report is on its way for less than this, or its connection is given up.
constexpr absl::Duration kClockTolerance = absl::Seconds(30);

domain::FindingSeverity Read(v1::Finding::Severity severity) {
  switch (severity) {
    case v1::Finding::SEVERITY_NOTE: return domain::FindingSeverity::kNote;
    case v1::Finding::SEVERITY_MISSING: return domain::FindingSeverity::kMissing;
    // One that this control plane does not know is taken for the gravest.
    default: return domain::FindingSeverity::kDifferent;
  }
}

domain::Findings Read(const google::protobuf::RepeatedPtrField<v1::Finding>& findings, int64_t count) {
  std::vector<domain::Finding> read;
  for (const v1::Finding& finding : findings) {
    read.push_back({.severity = Read(finding.severity()),
                    .reason = finding.reason(),
                    .object = finding.object(),
                    .owner = finding.owner(),
                    .message = finding.message(),
                    .postgres_message = finding.postgres_message(),
                    .remedy = finding.remedy()});
  }
  return domain::Bounded(std::move(read), count);
}

// An agent one version behind says no cause, only whether trying again later may help.
engine::Cause CauseOf(const v1::TaskError& error) {
  switch (error.cause()) {
    case v1::TaskError::CAUSE_REFUSAL: return engine::Cause::kRefusal;
    case v1::TaskError::CAUSE_RESOURCE: return engine::Cause::kResource;
    case v1::TaskError::CAUSE_OUTAGE: return engine::Cause::kOutage;
    default: return error.retryable() ? engine::Cause::kOutage : engine::Cause::kRefusal;
  }
}

}  // namespace

domain::HostReport ReadReport(const v1::Hello& hello) {
  domain::HostReport first;
  first.agent_version = hello.agent_version();
  first.task_kinds.assign(hello.task_kinds().begin(), hello.task_kinds().end());
  return ReadReport(hello.report(), first);
}

domain::HostReport ReadReport(const v1::HostReport& report, const domain::HostReport& first) {
  domain::HostReport read;
  read.agent_version = first.agent_version;
  read.task_kinds = first.task_kinds;
  read.postgres_up = report.postgres_up();
  read.postgres_version = report.postgres_version();
  read.system_identifier = report.system_identifier();
  read.timeline = report.timeline();
  read.advertise_endpoints.assign(report.advertise_endpoints().begin(), report.advertise_endpoints().end());
  read.free_bytes = report.free_bytes();
  read.stores.assign(report.stores().begin(), report.stores().end());
  read.store_names.insert(report.store_names().begin(), report.store_names().end());
  read.tls = report.tls();
  read.root_certificate = report.root_certificate();
  read.problem = report.problem();
  read.free_bytes_unknown = report.free_bytes_unknown();
  read.managed = report.managed();
  read.max_connections = report.max_connections();
  for (const v1::MissingRight& missing : report.missing_rights()) {
    read.missing_rights.push_back(
        {.right = missing.right(),
         .consequence = missing.consequence(),
         .remedy = missing.remedy(),
         .task_kinds = {missing.task_kinds().begin(), missing.task_kinds().end()}});
  }
  return read;
}

// By the minute, so that the same problem is the same text each time.
void CompareClocks(const v1::HostReport& report, absl::Time now, domain::HostReport& read) {
  if (!report.has_agent_time()) return;
  const absl::Duration ahead = absl::FromUnixSeconds(report.agent_time().seconds()) +
                               absl::Nanoseconds(report.agent_time().nanos()) - now;
  if (absl::AbsDuration(ahead) <= kClockTolerance) return;
  const int64_t minutes = absl::ToInt64Minutes(absl::AbsDuration(ahead) + absl::Seconds(30));
  absl::StrAppend(
      &read.problem, read.problem.empty() ? "" : "; ", "its clock is ",
      absl::FormatDuration(absl::Minutes(minutes)), ahead > absl::ZeroDuration() ? " ahead of" : " behind",
      " the control plane's, so deadlines of tasks and certificates are misjudged: set both by NTP, "
      "timedatectl shows whether they are");
}

engine::Fencing ReadFencing(const v1::Fencing& fencing) {
  return {.epoch = fencing.epoch(),
          .order = fencing.order(),
          .operation = fencing.operation(),
          .step = fencing.step(),
          .attempt = fencing.attempt()};
}

void WriteFencing(const engine::Fencing& fencing, v1::Fencing& into) {
  into.set_epoch(fencing.epoch);
  into.set_order(fencing.order);
  into.set_operation(fencing.operation);
  into.set_step(fencing.step);
  into.set_attempt(fencing.attempt);
}

engine::TaskReport ReadResult(const std::string& host, const v1::TaskResult& result) {
  engine::TaskReport report{.host = host, .fencing = ReadFencing(result.fencing())};
  switch (result.outcome_case()) {
    case v1::TaskResult::kDone: report.outcome = engine::TaskDone{result.done().message()}; break;
    case v1::TaskResult::kBackedUp: {
      const v1::BackUpDone& done = result.backed_up();
      report.outcome = engine::BackedUp{.size_bytes = done.size_bytes(),
                                        .sha256 = done.sha256(),
                                        .server_version = done.server_version(),
                                        .table_count = done.table_count(),
                                        .row_count = done.row_count(),
                                        .findings = Read(done.findings(), done.finding_count()),
                                        .database_bytes = done.database_bytes()};
      break;
    }
    case v1::TaskResult::kVerified:
      report.outcome = engine::Verified{
          .table_count = result.verified().table_count(),
          .row_count = result.verified().row_count(),
          .findings = Read(result.verified().findings(), result.verified().finding_count())};
      break;
    case v1::TaskResult::kRestored:
      report.outcome = engine::Restored{
          .table_count = result.restored().table_count(),
          .row_count = result.restored().row_count(),
          .findings = Read(result.restored().findings(), result.restored().finding_count())};
      break;
    case v1::TaskResult::kError:
      report.outcome =
          engine::TaskError{.reason = result.error().reason(),
                            .message = result.error().message(),
                            .retryable = result.error().retryable(),
                            .cause = CauseOf(result.error()),
                            .findings = Read(result.error().findings(), result.error().finding_count())};
      break;
    case v1::TaskResult::OUTCOME_NOT_SET:
      // A newer agent's kind of outcome: it ended, and this is all that is known.
      report.outcome = engine::TaskError{
          .reason = "OUTCOME_UNKNOWN",
          .message = "the agent answered with an outcome that this control plane does not know; update it"};
      break;
  }
  return report;
}

namespace {

domain::FoundManifest Read(const v1::Inventory::Manifest& manifest) {
  return {.generation = manifest.generation(),
          .database = manifest.database(),
          .owner_role = manifest.owner_role(),
          .reader_role = manifest.reader_role(),
          .create_time = absl::FromUnixSeconds(manifest.create_time().seconds()) +
                         absl::Nanoseconds(manifest.create_time().nanos()),
          .server_version = manifest.server_version(),
          .locale = manifest.locale(),
          .sha256 = manifest.sha256(),
          .wrapped_key = manifest.wrapped_key(),
          .table_count = manifest.table_count(),
          .row_count = manifest.row_count(),
          .extensions = {manifest.extensions().begin(), manifest.extensions().end()}};
}

void ReadStores(const v1::Inventory& part, domain::Inventory& into) {
  for (const v1::Inventory::StoredBackup& backup : part.backups()) {
    domain::FoundBackup& found =
        into.backups.emplace_back(domain::FoundBackup{.store = backup.store(),
                                                      .uid = backup.uid(),
                                                      .id = backup.backup(),
                                                      .has_archive = backup.archive_found(),
                                                      .has_manifest = backup.manifest_found(),
                                                      .size_bytes = backup.size_bytes()});
    if (backup.has_manifest())
      found.manifest = std::make_shared<domain::FoundManifest>(Read(backup.manifest()));
  }
  for (const v1::Inventory::StoredKey& key : part.keys())
    into.keys.push_back({key.store(), key.uid(), key.wrapped_data_key()});
  for (const v1::Inventory::StoreLook& look : part.stores())
    into.stores.push_back({look.store(), look.problem()});
}

}  // namespace

void ReadInventory(const v1::Inventory& part, domain::Inventory& into) {
  for (const v1::Inventory::Database& database : part.databases()) {
    into.databases.push_back(
        {.name = database.name(),
         .uid = database.uid(),
         .generation = database.generation(),
         .allows_connections = database.allows_connections(),
         .invalid = database.invalid(),
         .size_bytes = database.size_bytes(),
         .owner = database.owner(),
         .missing_grants = {database.missing_grants().begin(), database.missing_grants().end()}});
  }
  for (const v1::Inventory::RoleState& role : part.roles())
    into.roles.push_back({.name = role.name(),
                          .can_login = role.can_login(),
                          .expired = role.expired(),
                          .verifier_digest = role.verifier_digest(),
                          .overprivileged = role.overprivileged(),
                          .held_by = {role.held_by().begin(), role.held_by().end()}});
  into.orphan_directories.insert(into.orphan_directories.end(), part.orphan_directories().begin(),
                                 part.orphan_directories().end());
  for (const v1::Inventory::Position& position : part.positions())
    into.positions.push_back({position.uid(), position.epoch(), position.order()});
  into.highest_epoch = std::max(into.highest_epoch, part.highest_epoch());
  ReadStores(part, into);
}

namespace {

constexpr size_t kUidLength = 16;
// A petabyte, and more of everything else than a server counts in its life.
constexpr int64_t kMostBytes = int64_t{1} << 50;
constexpr int64_t kMostCounted = int64_t{1} << 60;
constexpr int64_t kLatestSecond = int64_t{1} << 34;  // in the year 2514

bool IsUid(absl::string_view text) {
  return text.size() == kUidLength &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567") == absl::string_view::npos;
}

int64_t Counted(int64_t number) { return std::clamp<int64_t>(number, 0, kMostCounted); }

usage::Report Read(const v1::UsageReport::Database& database) {
  usage::Report report{.uid = database.uid(),
                       .generation = database.generation(),
                       .connections = std::max(database.connections(), 0)};
  if (database.has_size_bytes()) {
    report.size_bytes = std::clamp<int64_t>(database.size_bytes(), 0, kMostBytes);
    report.size_time =
        absl::FromUnixSeconds(std::clamp<int64_t>(database.size_time().seconds(), 0, kLatestSecond));
  }
  report.counters = {.commits = Counted(database.commits()),
                     .rollbacks = Counted(database.rollbacks()),
                     .blocks_read = Counted(database.blocks_read()),
                     .blocks_hit = Counted(database.blocks_hit()),
                     .rows_returned = Counted(database.rows_returned()),
                     .rows_fetched = Counted(database.rows_fetched()),
                     .rows_inserted = Counted(database.rows_inserted()),
                     .rows_updated = Counted(database.rows_updated()),
                     .rows_deleted = Counted(database.rows_deleted()),
                     .deadlocks = Counted(database.deadlocks()),
                     .temporary_bytes = Counted(database.temporary_bytes())};
  return report;
}

}  // namespace

std::vector<usage::Report> ReadUsage(const v1::UsageReport& report) {
  std::vector<usage::Report> read;
  read.reserve(static_cast<size_t>(report.databases_size()));
  for (const v1::UsageReport::Database& database : report.databases()) {
    if (IsUid(database.uid())) read.push_back(Read(database));
  }
  return read;
}

bool SaysSomethingNew(const domain::HostReport& told, const domain::HostReport& now) {
  domain::HostReport same_space = now;
  same_space.free_bytes = told.free_bytes;
  if (same_space != told) return true;
  return std::abs(now.free_bytes - told.free_bytes) * 20 >= told.free_bytes &&
         now.free_bytes != told.free_bytes;
}

}  // namespace croft::fleet
