// The verb `croftctl backup plan`.

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <absl/time/time.h>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/backup.grpc.pb.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/policy_text.h"
#include "tools/croftctl/targets.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"
#include "tools/croftctl/view_parts.h"

// The verb that says what will become of backups by itself, and how that is shown.
namespace croft::ctl {
namespace {

using Backups = v1::BackupService::Stub;

constexpr Listing<Backups, v1::ListBackupPlansRequest, v1::ListBackupPlansResponse, v1::BackupPlan> kPlans =
    {"plans", &Backups::ListBackupPlans, &v1::ListBackupPlansResponse::plans};

// When it runs, and why it did not the last time.
Cell RunCell(const std::string& header, bool is_planned, const v1::PlannedRun& run,
             Shown shown = Shown::kAlways) {
  if (!is_planned) return {header, "", Tone::kPlain, shown};
  Cell cell{header, When(true, run.time()), Tone::kPlain, shown,
            absl::ToDoubleSeconds(FromProto(run.time()) - absl::UnixEpoch())};
  if (run.refusal_reason().empty()) return cell;
  absl::StrAppend(&cell.text, ", refused with ", run.refusal_reason());
  cell.tone = Tone::kBad;
  return cell;
}

Cell LostCell(const v1::BackupPlan& plan) {
  constexpr char kHeader[] = "lost now";
  if (plan.has_unprotected_since()) return AgeCell(kHeader, plan.unprotected_since());
  if (plan.tenant().empty()) return {kHeader, ""};
  if (!plan.newest_usable_backup().empty())
    return {kHeader, "nothing", Tone::kGood, Shown::kAlways, -std::numeric_limits<double>::max()};
  return {kHeader, "everything", Tone::kBad, Shown::kAlways, std::numeric_limits<double>::max()};
}

std::string NextDeletion(const v1::BackupPlan& plan) {
  std::optional<absl::Time> next;
  for (const v1::PlannedBackup& backup : plan.backups()) {
    if (!backup.has_delete_time()) continue;
    const absl::Time time = FromProto(backup.delete_time());
    next = next ? std::min(*next, time) : time;
  }
  return next ? TimeText(*next) : "";
}

int64_t Held(const v1::BackupPlan& plan) {
  return std::count_if(plan.backups().begin(), plan.backups().end(), [](const v1::PlannedBackup& backup) {
    return backup.fate() == v1::PlannedBackup::FATE_KEPT_HELD;
  });
}

// Such as "kept newest proven".
std::string FateText(v1::PlannedBackup::Fate fate) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(NameIn("FATE_", fate)), {{"_", " "}});
}

// Such as "newest, weekly".
std::string RulesText(const v1::PlannedBackup& backup) {
  return absl::StrJoin(backup.kept_by(), ", ", [](std::string* out, int rule) {
    out->append(absl::AsciiStrToLower(NameIn("RULE_", static_cast<v1::PlannedBackup::Rule>(rule))));
  });
}

std::string LaterText(const v1::BackupPlan& plan) {
  return absl::StrJoin(plan.later_backups(), ", ",
                       [](std::string* out, const auto& time) { out->append(TimeText(FromProto(time))); });
}

std::string BackupsTable(const v1::BackupPlan& plan, const Look& look) {
  std::vector<std::vector<Cell>> rows;
  for (const v1::PlannedBackup& backup : plan.backups()) rows.push_back(ViewOf(backup).cells);
  return absl::StrCat("\nBACKUPS\n",
                      rows.empty() ? "  none\n" : TableText(ViewOf(v1::PlannedBackup()).cells, rows, look));
}

absl::Status ShowOne(Session& session, const std::string& id) {
  v1::ListBackupPlansRequest request;
  request.set_parent(TenantName(LastPart(id)));
  CROFT_ASSIGN_OR_RETURN(const auto plans, ListAll(session.client, kPlans, request, 0));
  if (plans.items.size() != 1) return absl::InternalError("the answer has no plan");
  CROFT_RETURN_IF_ERROR(session.printer.One(plans.items.front()));
  if (session.printer.format() == Format::kTable)
    session.printer.Text(BackupsTable(plans.items.front(), session.printer.look()));
  return absl::OkStatus();
}

struct PlanArguments {
  std::string tenant;
  std::string selector;
  std::string state;
  ListFlags list;
};

absl::Status ShowMany(Session& session, const PlanArguments& arguments) {
  v1::ListBackupPlansRequest request;
  request.set_parent("tenants/-");
  CROFT_ASSIGN_OR_RETURN(*request.mutable_filter(), TenantFilter(arguments.selector, arguments.state));
  return PrintAll(session, kPlans, request, arguments.list);
}

}  // namespace

View ViewOf(const v1::BackupPlan& plan) {
  return {&plan,
          plan.tenant(),
          {{"tenant", LastPart(plan.tenant())},
           LostCell(plan),
           RunCell("next backup", plan.has_next_backup(), plan.next_backup()),
           RunCell("next proof", plan.has_next_proof(), plan.next_proof()),
           {"next deletion", NextDeletion(plan)},
           {"held", OrEmpty(Held(plan)), Tone::kUnsure},
           RunCell("purge", plan.has_purge(), plan.purge(), Shown::kWide),
           Wide("keep", absl::StrCat(plan.keep())),
           Wide("newest usable", LastPart(plan.newest_usable_backup())),
           Detail("policy", BackupPolicyText(plan.policy())),
           Detail("decided by", SourcesText(plan.policy_sources(), plan.tenant())),
           Detail("later backups", LaterText(plan)),
           Detail("backup refused", plan.next_backup().refusal_message(), Tone::kBad),
           Detail("proof refused", plan.next_proof().refusal_message(), Tone::kBad),
           Detail("purge refused", plan.purge().refusal_message(), Tone::kBad)}};
}

View ViewOf(const v1::PlannedBackup& backup) {
  return {&backup,
          backup.backup(),
          {{"id", LastPart(backup.backup())},
           {"name", backup.given_name()},
           {"fate", FateText(backup.fate())},
           {"kept by", RulesText(backup)},
           {"deleted", When(backup.has_delete_time(), backup.delete_time())}}};
}

void AddBackupPlan(Noun& noun) {
  auto verb = noun.AddVerb<PlanArguments>(
      "plan",
      "Show what will be backed up, proven and deleted by itself and when, and what would be lost now");
  verb.app.add_option("TENANT", verb->tenant, "Its id, to see what becomes of each of its backups");
  verb.app.add_option("-l,--selector", verb->selector, "Only tenants with these labels, such as app=shop");
  verb.app.add_option("--state", verb->state, "Only tenants in this state, such as ready");
  verb->list.AddTo(verb.app);
  verb.Reads([](Session& session, const PlanArguments& arguments) -> absl::Status {
    const bool many = !arguments.selector.empty() || !arguments.state.empty();
    if (many && !arguments.tenant.empty())
      return UsageError("name a tenant, or choose some with -l or --state; one of the two");
    return arguments.tenant.empty() ? ShowMany(session, arguments) : ShowOne(session, arguments.tenant);
  });
}

}  // namespace croft::ctl
