// The verbs of `croftctl admin`.

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "croft/v1/admin.grpc.pb.h"
#include "croft/v1/operation.grpc.pb.h"
#include "tools/croftctl/download.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"
#include "tools/croftctl/wait.h"

namespace croft::ctl {
namespace {

using Admin = v1::AdminService::Stub;

// Agents get half a minute to answer, and longer than that nothing takes.
constexpr absl::Duration kCheckTime = absl::Seconds(45);

bool IsProblem(const v1::FleetFinding& finding) {
  return finding.severity() == v1::FleetFinding::SEVERITY_PROBLEM;
}

// Data on standard output: the whole answer in JSON and YAML, the findings as a table for people.
absl::Status Print(Session& session, const v1::CheckFleetResponse& check) {
  const Format format = session.printer.format();
  if (format == Format::kJson || format == Format::kYaml) return session.printer.One(check);
  if (check.findings().empty()) return absl::OkStatus();
  return session.printer.List<v1::FleetFinding>("findings",
                                                {check.findings().begin(), check.findings().end()});
}

void SayRemedies(Session& session, const v1::CheckFleetResponse& check) {
  for (const v1::FleetFinding& finding : check.findings()) {
    session.terminal.Say(absl::StrCat(finding.object(), ": ", finding.remedy()));
  }
}

void AddCheckFleet(Noun& noun) {
  auto verb = noun.AddVerb<NoArguments>(
      "check-fleet", "Compare the catalog with what hosts and stores hold; ends with 8 where they differ");
  verb.Reads([](Session& session, const NoArguments&) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const v1::CheckFleetResponse check,
                           session.client.Call(&Admin::CheckFleet, v1::CheckFleetRequest(), kCheckTime));
    CROFT_RETURN_IF_ERROR(Print(session, check));
    SayRemedies(session, check);
    const auto problems = std::count_if(check.findings().begin(), check.findings().end(), IsProblem);
    const std::string looked =
        absl::StrCat(check.tenants_checked(), " tenants, ", check.hosts_checked(), " hosts and ",
                     check.stores_checked(), " backup stores looked at");
    if (check.tenants_busy_size() > 0) {
      session.terminal.Say(absl::StrCat("left out, since they are being worked on: ",
                                        check.tenants_busy_size(), " of the tenants; check again"));
    }
    if (problems == 0) {
      session.terminal.Say(absl::StrCat("the fleet is as the catalog says: ", looked));
      return absl::OkStatus();
    }
    return WithExitCode(absl::FailedPreconditionError(absl::StrCat(
                            problems, problems == 1 ? " problem" : " problems", " found; ", looked)),
                        ExitCode::kOperationFailed);
  });
}

// The plan, or what became of it.
absl::Status Print(Session& session, const v1::RepairFleetResponse& answer) {
  const Format format = session.printer.format();
  if (format == Format::kJson || format == Format::kYaml) return session.printer.One(answer);
  if (answer.repairs().empty()) return absl::OkStatus();
  return session.printer.List<v1::FleetRepair>("repairs",
                                               {answer.repairs().begin(), answer.repairs().end()});
}

absl::StatusOr<v1::RepairFleetResponse> Repair(Session& session, const std::vector<std::string>& ids,
                                               bool plan_only) {
  v1::RepairFleetRequest request;
  request.set_validate_only(plan_only);
  request.set_request_id(session.RequestId());
  for (const std::string& id : ids) request.add_repairs(id);
  return session.client.Call(&Admin::RepairFleet, request, kCheckTime);
}

void SayWhatIsLeft(Session& session, const v1::RepairFleetResponse& answer) {
  if (answer.left().empty()) return;
  session.terminal.Say(absl::StrCat("left for people: ", answer.left_size()));
  for (const v1::FleetFinding& finding : answer.left()) {
    session.terminal.Say(
        absl::StrCat("  ", finding.object(), ": ", finding.message(), "; ", finding.remedy()));
  }
}

// What a plan comes to, in a line.
std::string PlanText(const v1::RepairFleetResponse& plan) {
  if (plan.repairs().empty() && plan.left().empty())
    return "every check passed; nothing was changed (--dry-run)";
  return absl::StrCat(plan.repairs_size(), plan.repairs_size() == 1 ? " repair" : " repairs",
                      " can be begun, ", plan.left_size(),
                      " are left for people; nothing was changed (--dry-run)");
}

absl::Status WaitForAll(Session& session, const v1::RepairFleetResponse& begun) {
  absl::Status worst;
  for (const v1::FleetRepair& repair : begun.repairs()) {
    if (!repair.problem().empty()) {
      worst.Update(
          WithExitCode(absl::FailedPreconditionError(absl::StrCat(repair.id(), ": ", repair.problem())),
                       ExitCode::kOperationFailed));
    }
    if (repair.operation().empty() || !session.flags.wait) continue;
    v1::GetOperationRequest get;
    get.set_name(repair.operation());
    // Clean-ups are Croft's own and cannot be asked for; they go on by themselves.
    const auto operation = session.client.Call(&v1::OperationService::Stub::GetOperation, get);
    if (!operation.ok()) continue;
    v1::Operation followed = *operation;
    worst.Update(FinishVisibly(session, followed));
  }
  return worst;
}

void AddRepairFleet(Noun& noun) {
  auto verb = noun.AddVerb<NoArguments>(
      "repair-fleet", "Show what of check-fleet's findings can be fixed safely, ask, and fix it");
  verb.Plans([](Session& session, const NoArguments&) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const v1::RepairFleetResponse plan, Repair(session, {}, /*plan_only=*/true));
    const bool only_plan = session.flags.dry_run || plan.repairs().empty();
    if (only_plan || !session.flags.yes) CROFT_RETURN_IF_ERROR(Print(session, plan));
    SayWhatIsLeft(session, plan);
    if (plan.repairs().empty()) session.terminal.Say("nothing can be fixed from here");
    if (session.flags.dry_run) session.terminal.Say(PlanText(plan));
    if (only_plan) return absl::OkStatus();
    CROFT_RETURN_IF_ERROR(session.terminal.Confirm(
        absl::StrCat("begins as many repairs as are listed: ", plan.repairs_size()), "repair"));
    std::vector<std::string> ids;
    for (const v1::FleetRepair& repair : plan.repairs()) {
      if (repair.problem().empty()) ids.push_back(repair.id());
    }
    if (ids.empty()) return WaitForAll(session, plan);
    CROFT_ASSIGN_OR_RETURN(const v1::RepairFleetResponse begun, Repair(session, ids, /*plan_only=*/false));
    CROFT_RETURN_IF_ERROR(Print(session, begun));
    return WaitForAll(session, begun);
  });
}

struct BackupArguments {
  std::string file;
};

void AddBackupCatalog(Noun& noun) {
  auto verb = noun.AddVerb<BackupArguments>(
      "backup-catalog",
      "Write a whole, checked copy of the catalog to FILE, and its digest to FILE.sha256");
  verb.app.add_option("FILE", verb->file, "New file, of mode 0600")->required();
  verb.Runs([](Session& session, const BackupArguments& arguments) -> absl::Status {
    if (session.flags.dry_run) return UsageError("this verb has no --dry-run");
    CROFT_ASSIGN_OR_RETURN(DownloadedFile download, DownloadedFile::Begin(arguments.file));
    std::optional<v1::CatalogCopy> copy;
    absl::Status written;
    const std::function<bool(const v1::BackupCatalogResponse&)> take =
        [&](const v1::BackupCatalogResponse& part) {
          if (part.has_copy()) copy = part.copy();
          if (!part.data().empty()) written = download.Append(part.data());
          return written.ok();
        };
    const absl::Status streamed =
        session.client.Stream(&Admin::BackupCatalog, v1::BackupCatalogRequest(), session.limit, take);
    CROFT_RETURN_IF_ERROR(written);
    CROFT_RETURN_IF_ERROR(streamed);
    if (!copy)
      return absl::DataLossError("the copy ended before it was whole; nothing was written. Try again");
    CROFT_RETURN_IF_ERROR(download.Finish(copy->sha256(), copy->size_bytes()));
    session.terminal.Say(absl::StrCat("wrote ", arguments.file, " and ", arguments.file, ".sha256"));
    return session.printer.One(*copy);
  });
}

}  // namespace

void AddAdmin(Noun& root) {
  Noun noun = root.AddNoun("admin", "The control plane itself: its fleet and its catalog");
  AddCheckFleet(noun);
  AddRepairFleet(noun);
  AddBackupCatalog(noun);
}

}  // namespace croft::ctl
