// The verbs apply and diff.

#include "tools/croftctl/apply.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_set.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/errors.h"
#include "common/files.h"
#include "common/names.h"
#include "croft/v1/tenant.grpc.pb.h"
#include "tools/croftctl/apply_plan.h"
#include "tools/croftctl/bulk.h"
#include "tools/croftctl/declared.h"
#include "tools/croftctl/error_report.h"
#include "tools/croftctl/list_pages.h"
#include "tools/croftctl/targets.h"
#include "tools/croftctl/wait.h"

// The verbs that bring tenants to what a file declares, and say what differs.
namespace croft::ctl {
namespace {

using Tenants = v1::TenantService::Stub;
using Action = PlannedChange::Action;

// More than 50,000 tenants with settings of some kilobytes.
constexpr size_t kMaxFileBytes = size_t{256} << 20;
// How often an update is tried whose tenant changes all the time, in fields that the file does not declare.
constexpr int kAttempts = 10;
constexpr size_t kNamesShown = 20;
constexpr int kMostParallel = 64;

struct FileArguments {
  std::string file;
  PlanOptions options;
  int parallel = 4;
  int max_failures = 1;
};

absl::StatusOr<Declared> ReadDeclared(const std::string& path) {
  absl::StatusOr<std::string> text = ReadSmallFile(path, kMaxFileBytes);
  if (!text.ok()) return WithExitCode(Annotate(text.status(), "-f"), ExitCode::kUsage);
  return ParseDeclared(*text, path);
}

// The plan for what the caller may see. `declared` outlives it.
absl::StatusOr<Plan> MakePlan(Session& session, const Declared& declared, const PlanOptions& options) {
  absl::flat_hash_set<std::string> ids;
  for (const DeclaredTenant& tenant : declared.tenants) ids.insert(tenant.id);
  std::map<std::string, v1::Tenant> present;
  v1::ListTenantsRequest request;
  request.set_show_retired(true);
  CROFT_RETURN_IF_ERROR(ForEachListed(session.client, kTenants, request, [&](const v1::Tenant& tenant) {
    const std::string id = LastPart(tenant.name());
    if (ids.contains(id) || OwnerOf(tenant) == declared.owner) present.emplace(id, tenant);
  }));
  return PlanFor(declared, std::move(present), options);
}

absl::Status PrintPlan(Session& session, const Plan& plan) {
  CROFT_ASSIGN_OR_RETURN(const nlohmann::ordered_json json, PlanJson(plan));
  const std::string text = plan.changes.empty() ? "" : PlanText(json, session.printer.look());
  if (!session.IsHushed()) session.printer.Document(json, text);
  return absl::OkStatus();
}

// Such as "2 to create, 1 to update; 997 are as declared".
std::string CountsOf(const Plan& plan) {
  const std::pair<Action, const char*> names[] = {
      {Action::kCreate, "to create"},      {Action::kUpdate, "to update"},
      {Action::kAwait, "being created"},   {Action::kRetire, "to retire"},
      {Action::kUndeclared, "undeclared"}, {Action::kBlocked, "blocked"}};
  std::vector<std::string> parts;
  for (const auto& [action, name] : names) {
    const auto count = std::count_if(plan.changes.begin(), plan.changes.end(),
                                     [&](const PlannedChange& change) { return change.action == action; });
    if (count > 0) parts.push_back(absl::StrCat(count, " ", name));
  }
  return absl::StrCat(absl::StrJoin(parts, ", "), parts.empty() ? "" : "; ", plan.as_declared,
                      plan.as_declared == 1 ? " is" : " are", " as declared");
}

absl::Status LostRace(const std::string& tenant, absl::string_view what) {
  return WithNextStep(MakeError(absl::StatusCode::kAborted,
                                absl::StrCat(TenantName(tenant), ": ", what, " after the plan was made"),
                                {.reason = "CHANGED_MEANWHILE"}),
                      "apply again: a new plan is made");
}

absl::StatusOr<v1::Operation> Create(Session& session, const PlannedChange& change) {
  v1::CreateTenantRequest request;
  request.set_tenant_id(change.tenant);
  *request.mutable_tenant() = change.declared->fields;
  request.mutable_host_selector()->insert(change.declared->host_selector.begin(),
                                          change.declared->host_selector.end());
  absl::StatusOr<v1::Operation> operation = session.Change(&Tenants::CreateTenant, request, change.tenant);
  if (!operation.ok() && DetailsOf(operation.status()).reason == "TENANT_EXISTS")
    return LostRace(change.tenant, "somebody else created it");
  return operation;
}

// The tenant as it is now, which in all that the change is about must be what the plan found.
absl::StatusOr<v1::Tenant> StillAsPlanned(Session& session, const PlannedChange& change) {
  CROFT_ASSIGN_OR_RETURN(v1::Tenant now, GetTenant(session.client, change.tenant));
  if (now.uid() != change.present.uid()) return LostRace(change.tenant, "it became another tenant");
  if (OwnerOf(now) != OwnerOf(change.present)) return LostRace(change.tenant, "its owner changed");
  for (const std::string& field : change.fields) {
    if (!SamePart(now, change.present, field))
      return LostRace(change.tenant, absl::StrCat("somebody else changed ", field));
  }
  return now;
}

bool FollowsUpdate(const PlannedChange& change) {
  const auto is_quota = [](const std::string& field) { return absl::StartsWith(field, "quota."); };
  return change.present.state() == v1::Tenant::STATE_CREATING ||
         std::any_of(change.fields.begin(), change.fields.end(), is_quota);
}

// Returns the operation that carries a quota to the host, or creates the tenant.
absl::StatusOr<v1::Operation> UpdateOnce(Session& session, const PlannedChange& change) {
  CROFT_ASSIGN_OR_RETURN(const v1::Tenant now, StillAsPlanned(session, change));
  v1::UpdateTenantRequest request;
  *request.mutable_tenant() = change.declared->fields;
  request.mutable_tenant()->set_name(now.name());
  request.mutable_tenant()->set_etag(now.etag());
  request.mutable_update_mask()->mutable_paths()->Assign(change.fields.begin(), change.fields.end());
  CROFT_ASSIGN_OR_RETURN(
      const v1::Tenant updated,
      session.Change(&Tenants::UpdateTenant, request, absl::StrCat(change.tenant, "\n", now.etag())));
  v1::Operation operation;
  if (FollowsUpdate(change)) operation.set_name(updated.current_operation());
  return operation;
}

absl::StatusOr<v1::Operation> Update(Session& session, const PlannedChange& change) {
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<v1::Operation> operation = UpdateOnce(session, change);
    const bool raced = !operation.ok() && DetailsOf(operation.status()).reason == "ETAG_MISMATCH";
    if (!raced || attempt == kAttempts) return operation;
  }
}

absl::StatusOr<v1::Operation> Retire(Session& session, const PlannedChange& change) {
  CROFT_ASSIGN_OR_RETURN(const v1::Tenant now, StillAsPlanned(session, change));
  v1::RetireTenantRequest request;
  request.set_name(now.name());
  request.set_etag(now.etag());
  return session.Change(&Tenants::RetireTenant, request, change.tenant);
}

absl::StatusOr<v1::Operation> Begun(Session& session, const PlannedChange& change) {
  switch (change.action) {
    case Action::kCreate: return Create(session, change);
    case Action::kUpdate: return Update(session, change);
    case Action::kRetire: return Retire(session, change);
    case Action::kAwait:
    case Action::kUndeclared:
    case Action::kBlocked: break;
  }
  v1::Operation operation;
  operation.set_name(change.present.current_operation());
  return operation;
}

// Carries out the plan's changes of these kinds.
absl::Status CarryOut(Session& session, const Plan& plan, const FileArguments& arguments,
                      const std::vector<Action>& actions) {
  Targets targets{.many = true, .parallel = arguments.parallel, .max_failures = arguments.max_failures};
  std::vector<const PlannedChange*> changes;
  for (const PlannedChange& change : plan.changes) {
    if (std::find(actions.begin(), actions.end(), change.action) == actions.end()) continue;
    changes.push_back(&change);
    targets.each.push_back({change.tenant, change.tenant, LastPart(change.present.placement().host())});
  }
  const std::vector<Outcome> outcomes = RunEach(session, targets, [&](const Target& target) {
    return Begun(session, *changes[static_cast<size_t>(&target - targets.each.data())]);
  });
  return SumUp(session, targets, outcomes);
}

std::vector<std::string> TenantsOf(const Plan& plan, Action action) {
  std::vector<std::string> tenants;
  for (const PlannedChange& change : plan.changes) {
    if (change.action == action) tenants.push_back(change.tenant);
  }
  return tenants;
}

std::string Shortened(std::vector<std::string> tenants) {
  const size_t more = tenants.size() - std::min(tenants.size(), kNamesShown);
  tenants.resize(tenants.size() - more);
  return absl::StrCat(absl::StrJoin(tenants, ", "), more == 0 ? "" : absl::StrCat(" and ", more, " more"));
}

absl::Status AskBeforePruning(Session& session, const Declared& declared, const Plan& plan,
                              const std::string& file) {
  const std::vector<std::string> tenants = TenantsOf(plan, Action::kRetire);
  if (tenants.empty()) return absl::OkStatus();
  const std::string count = absl::StrCat(tenants.size());
  return session.Ask(absl::StrCat("retires ", count, " of ", declared.owner, "'s tenants, which ", file,
                                  " does not declare: they are closed now and purged after a week\n  ",
                                  Shortened(tenants)),
                     count);
}

absl::Status CheckBlocked(const Plan& plan, int max_failures) {
  const size_t blocked = TenantsOf(plan, Action::kBlocked).size();
  if (blocked < static_cast<size_t>(max_failures)) return absl::OkStatus();
  return WithNextStep(
      MakeError(absl::StatusCode::kFailedPrecondition,
                absl::StrCat(blocked, blocked == 1 ? " tenant" : " tenants",
                             " cannot be as the file declares; nothing was changed"),
                {.reason = "BLOCKED"}),
      absl::StrCat("do what the plan says of each, or leave them out by --max-failures ", blocked + 1));
}

absl::Status Apply(Session& session, const FileArguments& arguments) {
  CROFT_ASSIGN_OR_RETURN(const Declared declared, ReadDeclared(arguments.file));
  if (arguments.options.prune)
    CROFT_RETURN_IF_ERROR(
        session.CheckCanAsk(absl::StrCat("retires tenants of ", declared.owner, " that are not declared")));
  CROFT_ASSIGN_OR_RETURN(const Plan plan, MakePlan(session, declared, arguments.options));
  CROFT_RETURN_IF_ERROR(PrintPlan(session, plan));
  session.terminal.Say(CountsOf(plan));
  CROFT_RETURN_IF_ERROR(CheckBlocked(plan, arguments.max_failures));
  CROFT_RETURN_IF_ERROR(AskBeforePruning(session, declared, plan, arguments.file));
  CROFT_RETURN_IF_ERROR(
      CarryOut(session, plan, arguments, {Action::kCreate, Action::kUpdate, Action::kAwait}));
  CROFT_RETURN_IF_ERROR(CarryOut(session, plan, arguments, {Action::kRetire}));
  const std::vector<std::string> blocked = TenantsOf(plan, Action::kBlocked);
  if (blocked.empty()) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("left out, since they cannot be as the file declares: ", Shortened(blocked)),
      {.reason = "BLOCKED"});
}

absl::Status Diff(Session& session, const FileArguments& arguments) {
  CROFT_ASSIGN_OR_RETURN(const Declared declared, ReadDeclared(arguments.file));
  CROFT_ASSIGN_OR_RETURN(const Plan plan, MakePlan(session, declared, arguments.options));
  CROFT_RETURN_IF_ERROR(PrintPlan(session, plan));
  if (plan.changes.empty()) {
    session.terminal.Say(CountsOf(plan));
    return absl::OkStatus();
  }
  return WithExitCode(
      MakeError(absl::StatusCode::kFailedPrecondition, CountsOf(plan), {.reason = "DIFFERS"}), kDiffers);
}

void AddFile(CLI::App& verb, FileArguments& arguments) {
  verb.add_option("-f,--file", arguments.file, "YAML or JSON that declares tenants; see croftctl export")
      ->required();
  verb.add_flag("--adopt", arguments.options.adopt,
                "Declared tenants that have no owner become this file's");
}

}  // namespace

void AddDeclared(Noun& root) {
  auto apply =
      root.AddVerb<FileArguments>("apply", "Bring tenants to what a file declares; shows the plan first");
  AddFile(apply.app, *apply.operator->());
  apply.app.add_flag("--prune", apply->options.prune,
                     "Retire the owner's tenants that the file does not declare; asks before");
  apply.app.add_option("--parallel", apply->parallel, "How many at a time")
      ->check(CLI::Range(1, kMostParallel))
      ->capture_default_str();
  apply.app.add_option("--max-failures", apply->max_failures, "Begin no more after so many have failed")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  apply.Runs(Apply);
  auto diff =
      root.AddVerb<FileArguments>("diff", "Show what apply would do; ends with 9 where there is something");
  AddFile(diff.app, *diff.operator->());
  diff.app.add_flag("--prune", diff->options.prune, "As apply --prune would do it");
  diff.Plans(Diff);
}

}  // namespace croft::ctl
