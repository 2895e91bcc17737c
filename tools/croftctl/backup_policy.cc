// The verbs of `croftctl backup policy`, and how shared policies are shown.

#include <optional>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/backup_policy.grpc.pb.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/policy_flags.h"
#include "tools/croftctl/policy_text.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"
#include "tools/croftctl/view_parts.h"

// The verbs on backup policies that tenants share.
namespace croft::ctl {
namespace {

using Policies = v1::BackupPolicyService::Stub;

constexpr char kField[] = "policies";

struct WhichPolicies {
  std::vector<std::string> ids;

  void AddTo(CLI::App& verb) { verb.add_option("POLICY", ids, "Ids of one or more policies")->required(); }
};

struct SetArguments {
  std::string id;
  std::string selector;
  bool all_tenants = false;
  std::optional<int> priority;
  PolicyFlags rules;
  bool all_rows = false;
  std::string etag;
};

absl::StatusOr<google::protobuf::FieldMask> MaskOf(const SetArguments& arguments) {
  if (arguments.all_rows && !arguments.rules.skip_rows.empty())
    return UsageError("--backup-skip-rows and --backup-all-rows exclude each other");
  google::protobuf::FieldMask mask;
  const auto add = [&](bool given, const std::string& path) {
    if (given) mask.add_paths(path);
  };
  add(!arguments.selector.empty() || arguments.all_tenants, "selector");
  add(arguments.priority.has_value(), "priority");
  for (const std::string& field : arguments.rules.Fields()) add(true, absl::StrCat("rules.", field));
  add(arguments.all_rows, "rules.skip_rows");
  if (mask.paths().empty()) return UsageError("nothing to set; --help lists what can be");
  return mask;
}

absl::Status Set(Session& session, const SetArguments& arguments) {
  v1::SetBackupPolicyRequest request;
  CROFT_ASSIGN_OR_RETURN(*request.mutable_update_mask(), MaskOf(arguments));
  v1::SharedBackupPolicy& policy = *request.mutable_policy();
  policy.set_name(BackupPolicyName(LastPart(arguments.id)));
  policy.set_etag(arguments.etag);
  if (!arguments.selector.empty()) {
    CROFT_ASSIGN_OR_RETURN(const Labels labels, ParseLabels({arguments.selector}, "--selector"));
    for (const auto& [key, value] : labels) (*policy.mutable_selector())[key] = value;
  }
  policy.set_priority(arguments.priority.value_or(0));
  CROFT_RETURN_IF_ERROR(arguments.rules.Fill(*policy.mutable_rules()));
  return session.ShowChanged(session.Change(&Policies::SetBackupPolicy, request));
}

void AddSet(Noun& noun) {
  auto verb = noun.AddVerb<SetArguments>(
      "set", "Make a policy, or change what is given of one; without -l a new one is for all tenants");
  verb.app.add_option("POLICY", verb->id, "Its id, such as nightly")->required();
  auto* selector = verb.app.add_option("-l,--selector", verb->selector,
                                       "For tenants with these labels, such as env=prod,tier=gold");
  verb.app.add_flag("--all-tenants", verb->all_tenants, "For all tenants again, whatever -l said")
      ->excludes(selector);
  verb.app.add_option(
      "--priority", verb->priority,
      "Of policies with as many labels the one with the higher number goes first; default: 0");
  verb->rules.AddTo(verb.app);
  verb.app.add_flag("--backup-all-rows", verb->all_rows,
                    "It leaves out no rows any more, whatever --backup-skip-rows said");
  verb.app.add_option("--etag", verb->etag, "Only if it is still as it was then");
  verb.Runs(Set);
}

void AddList(Noun& noun) {
  auto verb = noun.AddVerb<NoArguments>("list", "List the policies that tenants share");
  verb.Reads([](Session& session, const NoArguments&) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(
        const v1::ListBackupPoliciesResponse listed,
        session.client.Call(&Policies::ListBackupPolicies, v1::ListBackupPoliciesRequest()));
    return session.printer.List(
        kField, std::vector<v1::SharedBackupPolicy>(listed.policies().begin(), listed.policies().end()));
  });
}

void AddGet(Noun& noun) {
  auto verb = noun.AddVerb<WhichPolicies>(
      "get", "Show a policy, and how far the tenants' schedules follow its last change");
  verb->AddTo(verb.app);
  verb.Reads([](Session& session, const WhichPolicies& which) -> absl::Status {
    std::vector<std::string> names;
    for (const std::string& id : which.ids) names.push_back(BackupPolicyName(LastPart(id)));
    return GetEach(session, kField, names, &Policies::GetBackupPolicy, v1::GetBackupPolicyRequest());
  });
}

void AddDelete(Noun& noun) {
  struct Arguments {
    std::string id;
    std::string etag;
  };
  auto verb = noun.AddVerb<Arguments>(
      "delete", "Delete a policy: what tenants and the other policies say counts from then on");
  verb.app.add_option("POLICY", verb->id, "Its id")->required();
  verb.app.add_option("--etag", verb->etag, "Only if it is still as it was then");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    CROFT_RETURN_IF_ERROR(session.Confirm("deletes backup policy", LastPart(arguments.id)));
    v1::DeleteBackupPolicyRequest request;
    request.set_name(BackupPolicyName(LastPart(arguments.id)));
    request.set_etag(arguments.etag);
    return session.ShowChanged(session.Change(&Policies::DeleteBackupPolicy, request));
  });
}

// Such as "APPLYING, 3000 of 10000 tenants".
std::string StateText(const v1::SharedBackupPolicy& policy) {
  std::string text = NameIn("STATE_", policy.state());
  if (policy.state() != v1::SharedBackupPolicy::STATE_ACTIVE && !policy.name().empty())
    absl::StrAppend(&text, ", ", policy.tenants_seen(), " of ", policy.tenants_total(), " tenants");
  return text;
}

}  // namespace

View ViewOf(const v1::SharedBackupPolicy& policy) {
  return {&policy,
          policy.name(),
          {{"id", LastPart(policy.name())},
           {"for", policy.selector().empty() ? "all tenants" : Pairs(policy.selector())},
           {"priority", OrEmpty(policy.priority())},
           {"state", StateText(policy),
            policy.state() == v1::SharedBackupPolicy::STATE_ACTIVE ? Tone::kGood : Tone::kUnsure},
           {"says", SharedPolicyText(policy.rules())},
           Detail("created", When(policy.has_create_time(), policy.create_time())),
           Detail("changed", When(policy.has_update_time(), policy.update_time())),
           Detail("etag", policy.etag())}};
}

void AddBackupPolicy(Noun& backup) {
  Noun noun = backup.AddNoun("policy", "Backup policies that tenants share, by label or all of them");
  AddSet(noun);
  AddList(noun);
  AddGet(noun);
  AddDelete(noun);
}

}  // namespace croft::ctl
