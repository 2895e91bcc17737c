// Finds the tenants that a verb is to work on.

#include "tools/croftctl/targets.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/errors.h"
#include "common/names.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/values.h"

namespace croft::ctl {
namespace {

constexpr int kMostParallel = 64;
constexpr size_t kNamesShown = 20;

absl::Status CheckFlags(const TargetFlags& flags) {
  if (flags.ids.empty() != flags.BySelector()) {
    return UsageError("name tenants by id, or choose many with -l SELECTOR or --state; one of the two");
  }
  if (flags.parallel < 1 || flags.parallel > kMostParallel) {
    return UsageError(absl::StrCat("--parallel wants 1 to ", kMostParallel, ", not ", flags.parallel));
  }
  if (flags.max_failures < 1) return UsageError("--max-failures wants 1 or more");
  return absl::OkStatus();
}

Targets Named(const TargetFlags& flags) {
  Targets targets{.parallel = flags.parallel, .max_failures = flags.max_failures};
  for (const std::string& name : flags.ids) {
    const std::string id = LastPart(name);
    const bool known = std::any_of(targets.each.begin(), targets.each.end(),
                                   [&](const Target& target) { return target.id == id; });
    if (!known) targets.each.push_back({id, id, ""});
  }
  targets.many = targets.each.size() > 1;
  if (!targets.many) targets.each.front().key.clear();
  return targets;
}

// The tenants that are meant, before it is known which there are: for people.
std::string Described(const TargetFlags& flags) {
  if (!flags.BySelector()) {
    std::vector<std::string> ids;
    for (const std::string& name : flags.ids) ids.push_back(LastPart(name));
    return absl::StrCat(ids.size() == 1 ? "tenant " : "tenants ", absl::StrJoin(ids, ", "));
  }
  return absl::StrCat("every tenant ", flags.state.empty() ? "" : "in state " + flags.state,
                      flags.state.empty() || flags.selector.empty() ? "" : " and ",
                      flags.selector.empty() ? "" : "with " + flags.selector);
}

std::string IdsOf(const Targets& targets) {
  std::vector<std::string> ids;
  for (const Target& target : targets.each) {
    if (ids.size() < kNamesShown) ids.push_back(target.id);
  }
  const size_t more = targets.each.size() - ids.size();
  return absl::StrCat(absl::StrJoin(ids, ", "), more == 0 ? "" : absl::StrCat(" and ", more, " more"));
}

}  // namespace

void TargetFlags::AddTo(CLI::App& verb, const std::string& ids_help) {
  verb.add_option("TENANT", ids, ids_help);
  verb.add_option("-l,--selector", selector, "Every tenant with these labels, such as app=shop,tier!=free");
  verb.add_option("--state", state, "Every tenant in this state, such as ready; with -l, both must hold");
  verb.add_option("--parallel", parallel, "Of many: how many at a time")->capture_default_str();
  verb.add_option("--max-failures", max_failures, "Of many: begin no more after so many have failed")
      ->capture_default_str();
}

absl::StatusOr<v1::Tenant> GetTenant(Client& client, const std::string& id) {
  v1::GetTenantRequest request;
  request.set_name(TenantName(id));
  return client.Call(&v1::TenantService::Stub::GetTenant, request);
}

absl::StatusOr<std::string> TenantFilter(const std::string& selector, const std::string& state) {
  std::string by_labels;
  if (!selector.empty()) {
    CROFT_ASSIGN_OR_RETURN(by_labels, SelectorToFilter(selector));
  }
  CROFT_ASSIGN_OR_RETURN(const std::string by_state, StateFilter<v1::Tenant::State>(state));
  return AllOf({by_labels, by_state});
}

absl::StatusOr<Targets> FindTargets(Session& session, const TargetFlags& flags, bool retired) {
  CROFT_RETURN_IF_ERROR(CheckFlags(flags));
  if (!flags.BySelector()) return Named(flags);
  v1::ListTenantsRequest request;
  CROFT_ASSIGN_OR_RETURN(*request.mutable_filter(), TenantFilter(flags.selector, flags.state));
  request.set_show_retired(retired);
  CROFT_ASSIGN_OR_RETURN(const auto tenants, ListAll(session.client, kTenants, request, 0));
  Targets targets{.many = true, .parallel = flags.parallel, .max_failures = flags.max_failures};
  for (const v1::Tenant& tenant : tenants.items) {
    const std::string id = LastPart(tenant.name());
    targets.each.push_back({id, id, LastPart(tenant.placement().host())});
  }
  if (targets.each.empty())
    session.terminal.Say(absl::StrCat("there is no such tenant: ", *request.mutable_filter()));
  return targets;
}

absl::StatusOr<Targets> FindAndConfirm(Session& session, const TargetFlags& flags, bool retired,
                                       const Danger& danger) {
  CROFT_RETURN_IF_ERROR(CheckFlags(flags));
  const auto question = [&](const std::string& whom) {
    return absl::StrCat(danger.verb, " ", whom, ": ", danger.consequence);
  };
  CROFT_RETURN_IF_ERROR(session.CheckCanAsk(question(Described(flags))));
  CROFT_ASSIGN_OR_RETURN(Targets targets, FindTargets(session, flags, retired));
  if (targets.each.empty()) return targets;
  if (!targets.many) {
    CROFT_RETURN_IF_ERROR(session.Ask(question(Described(flags)), targets.each.front().id));
    return targets;
  }
  const std::string count = absl::StrCat(targets.each.size());
  CROFT_RETURN_IF_ERROR(
      session.Ask(absl::StrCat(question(absl::StrCat(count, " tenants")), "\n  ", IdsOf(targets)), count));
  return targets;
}

}  // namespace croft::ctl
