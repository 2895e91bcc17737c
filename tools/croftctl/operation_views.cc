// How operations and backups are shown.

#include <string>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "tools/croftctl/values.h"
#include "tools/croftctl/view_parts.h"
#include "tools/croftctl/views.h"

// How operations are shown, and the backups that come of them.
namespace croft::ctl {
namespace {

Tone ToneOf(v1::Backup::State state) {
  switch (state) {
    case v1::Backup::STATE_VERIFIED:
    case v1::Backup::STATE_VERIFIED_WITH_NOTES: return Tone::kGood;
    case v1::Backup::STATE_FAILED:
    case v1::Backup::STATE_INCOMPLETE:
    case v1::Backup::STATE_DAMAGED: return Tone::kBad;
    case v1::Backup::STATE_AVAILABLE: return Tone::kPlain;
    default: return Tone::kUnsure;
  }
}

Tone ToneOf(v1::Operation::State state) {
  switch (state) {
    case v1::Operation::STATE_SUCCEEDED: return Tone::kGood;
    case v1::Operation::STATE_FAILED: return Tone::kBad;
    default: return Tone::kUnsure;
  }
}

std::string StepText(const v1::Step& step) {
  std::string text = step.task();
  if (!step.host().empty()) absl::StrAppend(&text, " on ", LastPart(step.host()));
  return step.message().empty() ? text : absl::StrCat(text, ": ", step.message());
}

void AppendCampaign(const v1::Campaign& campaign, std::vector<Cell>& cells) {
  cells.push_back(Detail("of each tenant", NameIn("KIND_", campaign.child_kind())));
  cells.push_back(Detail("filter", campaign.filter()));
  cells.push_back(Detail("at once", absl::StrCat(campaign.width())));
  cells.push_back(Detail("max failures", absl::StrCat(campaign.max_failures())));
  cells.push_back(Detail("tenants", absl::StrCat(campaign.total())));
  cells.push_back(Detail("running", absl::StrCat(campaign.running())));
  cells.push_back(Detail("succeeded", absl::StrCat(campaign.succeeded())));
  cells.push_back(
      Detail("failed", absl::StrCat(campaign.failed()), campaign.failed() > 0 ? Tone::kBad : Tone::kPlain));
  cells.push_back(Detail("not begun", absl::StrCat(campaign.not_begun())));
  if (campaign.tenants_size() > 0) cells.push_back(Detail("which", Joined(campaign.tenants())));
}

}  // namespace

std::string KindOf(const v1::Operation& operation) { return NameIn("KIND_", operation.kind()); }

std::string ProgressOf(const v1::Operation& operation) {
  if (operation.done()) return operation.error().message();
  int position = 0;
  for (const v1::Step& step : operation.steps()) {
    ++position;
    if (step.state() != v1::Step::STATE_DISPATCHED) continue;
    return absl::StrCat("step ", position, " of ", operation.steps_size(), ", ", StepText(step));
  }
  return operation.progress();
}

namespace {

std::string StoreText(const v1::BackupCopy& copy) {
  return copy.store_name().empty() ? copy.store() : copy.store_name();
}

// Such as `offsite VERIFIED, cold FAILED`.
std::string CopiesText(const v1::Backup& backup) {
  return absl::StrJoin(backup.copies(), ", ", [](std::string* out, const v1::BackupCopy& copy) {
    absl::StrAppend(out, StoreText(copy), " ", NameIn("STATE_", copy.state()));
  });
}

void AppendCopies(const v1::Backup& backup, std::vector<Cell>& cells) {
  for (const v1::BackupCopy& copy : backup.copies()) {
    std::string text = absl::StrCat(copy.store(), ", ", NameIn("STATE_", copy.state()));
    if (copy.has_copy_time()) absl::StrAppend(&text, ", copied ", TimeText(FromProto(copy.copy_time())));
    if (copy.has_verify_time())
      absl::StrAppend(&text, ", proven ", TimeText(FromProto(copy.verify_time())));
    if (!copy.failure().empty()) absl::StrAppend(&text, ": ", copy.failure());
    cells.push_back(Detail(absl::StrCat("copy ", copy.store_name()), std::move(text)));
  }
}

}  // namespace

View ViewOf(const v1::Backup& backup) {
  const v1::LegalHold& hold = backup.legal_hold();
  View view = {
      &backup,
      backup.name(),
      {{"id", LastPart(backup.name())},
       {"tenant",
        backup.name().empty() ? "" : LastPart(backup.name().substr(0, backup.name().rfind("/backups/")))},
       {"name", backup.given_name()},
       {"state", NameIn("STATE_", backup.state()), ToneOf(backup.state())},
       {"origin", NameIn("ORIGIN_", backup.origin())},
       {"held", backup.has_legal_hold() ? "yes" : "", Tone::kUnsure},
       BytesCell("size", backup.size_bytes()),
       {"rows", absl::StrCat(backup.row_count())},
       {"findings", OrEmpty(backup.finding_count()), Tone::kUnsure},
       AgeCell("age", backup.create_time()),
       Wide("created", When(backup.has_create_time(), backup.create_time())),
       Wide("verified", When(backup.has_verify_time(), backup.verify_time())),
       Wide("tables", absl::StrCat(backup.table_count())),
       BytesCell("database size", backup.database_bytes(), Shown::kWide),
       Wide("restored in",
            backup.has_restore_duration() ? DurationText(FromProto(backup.restore_duration())) : ""),
       Wide("store", backup.store()),
       Wide("copies", CopiesText(backup)),
       Wide("note", backup.note()),
       Detail("held since", When(hold.has_hold_time(), hold.hold_time())),
       Detail("held by", hold.caller()),
       Detail("held for", hold.reason()),
       Detail("sha256", backup.sha256()),
       Detail("generation", OrEmpty(backup.placement_generation())),
       Wide("server version", backup.server_version()),
       Detail("uid", backup.uid()),
       Detail("etag", backup.etag())}};
  AppendCopies(backup, view.cells);
  AppendFindings("finding", backup.findings(), backup.finding_count(), view.cells);
  return view;
}

View ViewOf(const v1::RestoreEstimate& estimate) {
  const std::string measured = LastPart(estimate.measured_with());
  const std::string duration =
      estimate.has_duration()
          ? absl::StrCat(DurationText(FromProto(estimate.duration())), ", as backup ", measured, " took")
          : "unknown: no backup of the tenant was restored or proven yet";
  return {&estimate,
          estimate.backup(),
          {{"backup", LastPart(estimate.backup())},
           {"made", When(estimate.has_backup_time(), estimate.backup_time())},
           AgeCell("loses what is newer than", estimate.backup_time()),
           BytesCell("archive", estimate.archive_bytes()),
           {"database", estimate.database_bytes() > 0 ? BytesText(estimate.database_bytes()) : "unknown"},
           {"host", LastPart(estimate.host())},
           {"free on host", estimate.has_free_bytes() ? BytesText(estimate.free_bytes()) : "unknown"},
           {"takes", duration}}};
}

View ViewOf(const v1::Operation& operation) {
  View view = {&operation,
               operation.name(),
               {{"id", LastPart(operation.name())},
                {"kind", KindOf(operation)},
                {"target", operation.target()},
                {"result", operation.result()},
                {"state", NameIn("STATE_", operation.state()), ToneOf(operation.state())},
                {"progress", ProgressOf(operation)},
                {"warnings", OrEmpty(operation.warning_count()), Tone::kUnsure},
                AgeCell("age", operation.create_time()),
                Wide("asked by", operation.caller()),
                Wide("created", When(operation.has_create_time(), operation.create_time())),
                Wide("ended", When(operation.has_end_time(), operation.end_time())),
                Detail("uid", operation.uid()),
                Detail("etag", operation.etag())}};
  // Behind the fields that every operation has, so that lists line up.
  int position = 0;
  for (const v1::Step& step : operation.steps()) {
    view.cells.push_back(Detail(absl::StrCat("step ", ++position),
                                absl::StrCat(NameIn("STATE_", step.state()), " ", StepText(step))));
  }
  if (!operation.parent().empty()) view.cells.push_back(Detail("part of", operation.parent()));
  if (operation.has_campaign()) AppendCampaign(operation.campaign(), view.cells);
  AppendFindings("warning", operation.warnings(), operation.warning_count(), view.cells);
  return view;
}

}  // namespace croft::ctl
