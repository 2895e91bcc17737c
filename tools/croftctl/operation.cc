// The verbs of `croftctl op`.

#include <string>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/operation.grpc.pb.h"
#include "tools/croftctl/bulk.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"
#include "tools/croftctl/wait.h"

namespace croft::ctl {
namespace {

using Operations = v1::OperationService::Stub;

struct WhichOperation {
  std::string id;

  void AddTo(CLI::App& verb) { verb.add_option("OPERATION", id, "Its id")->required(); }
};

// One or more of them.
struct WhichOperations {
  std::vector<std::string> ids;

  void AddTo(CLI::App& verb) { verb.add_option("OPERATION", ids, "Ids of one or more")->required(); }
  // What OperateOnEach works on.
  Targets AsTargets() const {
    Targets targets{.many = ids.size() > 1, .parallel = 16, .max_failures = static_cast<int>(ids.size())};
    for (const std::string& id : ids)
      targets.each.push_back({LastPart(id), targets.many ? LastPart(id) : "", ""});
    return targets;
  }
};

absl::StatusOr<v1::Operation> GetOperation(Client& client, const std::string& id) {
  v1::GetOperationRequest request;
  request.set_name(OperationName(LastPart(id)));
  return client.Call(&Operations::GetOperation, request);
}

// The filter for the children of the operation with this id.
std::string ChildrenOf(const std::string& id) {
  return absl::StrCat("parent = \"", OperationName(LastPart(id)), "\"");
}

void AddList(Noun& noun) {
  struct Arguments {
    ListFlags list;
    std::string target;
    std::string parent;
    std::string state;
    bool running = false;
  };
  auto verb = noun.AddVerb<Arguments>("list", "List operations, newest first");
  verb->list.AddFilter(verb.app, "kind = CREATE AND state = FAILED");
  verb->list.AddTo(verb.app);
  verb.app.add_option("--target", verb->target, "Only those on this, such as tenants/acme");
  verb.app.add_option("--parent", verb->parent, "Only the children of this campaign");
  verb.app.add_option("--state", verb->state, "Only those in this state, such as failed");
  verb.app.add_flag("--running", verb->running, "Only those that are not done");
  verb.Reads([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::ListOperationsRequest request;
    CROFT_ASSIGN_OR_RETURN(const std::string in_state, StateFilter<v1::Operation::State>(arguments.state));
    request.set_filter(
        AllOf({arguments.list.filter, in_state, arguments.running ? "done = false" : "",
               arguments.parent.empty() ? "" : ChildrenOf(arguments.parent),
               arguments.target.empty() ? "" : absl::StrCat("target = \"", arguments.target, "\"")}));
    return PrintAll(session, kOperations, request, arguments.list);
  });
}

// Of a campaign; for people, behind its fields.
constexpr size_t kChildrenShown = 20;

absl::Status GetWithChildren(Session& session, const std::string& id) {
  CROFT_ASSIGN_OR_RETURN(const v1::Operation operation, GetOperation(session.client, id));
  CROFT_RETURN_IF_ERROR(session.printer.One(operation));
  if (!operation.has_campaign() || session.printer.format() != Format::kTable) return absl::OkStatus();
  v1::ListOperationsRequest request;
  request.set_filter(ChildrenOf(id));
  CROFT_ASSIGN_OR_RETURN(const auto children,
                         ListAll(session.client, kOperations, request, kChildrenShown));
  session.printer.Text(children.cut ? "\nCHILDREN, the newest; croftctl op list --parent shows all\n"
                                    : "\nCHILDREN\n");
  return session.printer.List(kOperations.field, children.items);
}

void AddGet(Noun& noun) {
  auto verb = noun.AddVerb<WhichOperations>(
      "get", "Show an operation, its steps and its warnings; of a campaign its children, too");
  verb->AddTo(verb.app);
  verb.Reads([](Session& session, const WhichOperations& which) -> absl::Status {
    if (which.ids.size() == 1) return GetWithChildren(session, which.ids.front());
    std::vector<std::string> names;
    for (const std::string& id : which.ids) names.push_back(OperationName(LastPart(id)));
    return GetEach(session, kOperations.field, names, &Operations::GetOperation, v1::GetOperationRequest());
  });
}

void AddWait(Noun& noun) {
  auto verb = noun.AddVerb<WhichOperations>("wait", "Wait until an operation is done");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const WhichOperations& which) -> absl::Status {
    return OperateOnEach(session, which.AsTargets(),
                         [&](const Target& target) { return GetOperation(session.client, target.id); });
  });
}

void AddWatch(Noun& noun) {
  auto verb =
      noun.AddVerb<WhichOperation>("watch", "Print an operation again at every change, until it is done");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const WhichOperation& which) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(v1::Operation operation, GetOperation(session.client, which.id));
    absl::Status printed;
    if (operation.done()) printed = session.printer.Next(operation);
    CROFT_RETURN_IF_ERROR(Follow(session.client, operation, [&](const v1::Operation& seen) {
      printed.Update(session.printer.Next(seen));
      return printed.ok();
    }));
    CROFT_RETURN_IF_ERROR(printed);
    SayWarnings(session, operation);
    return OutcomeOf(operation);
  });
}

// What became of the cancel of an operation that has ended.
absl::Status CancelOutcome(const v1::Operation& operation) {
  if (operation.state() == v1::Operation::STATE_CANCELLED) return absl::OkStatus();
  if (operation.state() != v1::Operation::STATE_SUCCEEDED) return OutcomeOf(operation);
  return absl::FailedPreconditionError(
      absl::StrCat(operation.name(), " succeeded before it could be cancelled"));
}

absl::Status Cancel(Session& session, const WhichOperations& which) {
  const Targets targets = which.AsTargets();
  std::vector<Outcome> outcomes = RunEach(session, targets, [&](const Target& target) {
    v1::CancelOperationRequest request;
    request.set_name(OperationName(target.id));
    return session.Change(&Operations::CancelOperation, request, target.key);
  });
  std::vector<v1::Operation> operations;
  for (Outcome& outcome : outcomes) {
    if (outcome.operation.done()) outcome.status = CancelOutcome(outcome.operation);
    if (!outcome.operation.name().empty()) operations.push_back(outcome.operation);
  }
  if (targets.many) {
    CROFT_RETURN_IF_ERROR(PrintOperations(session, operations));
    return SumUp(session, targets, outcomes);
  }
  for (const v1::Operation& operation : operations)
    CROFT_RETURN_IF_ERROR(PrintOperation(session, operation));
  return outcomes.front().status;
}

void AddCancel(Noun& noun) {
  auto verb =
      noun.AddVerb<WhichOperations>("cancel", "Stop an operation at its next step and undo what it made");
  verb->AddTo(verb.app);
  verb.Runs(Cancel);
}

}  // namespace

void AddOperation(Noun& root) {
  Noun noun = root.AddNoun("op", "Operations: what is under way and what became of it");
  AddList(noun);
  AddGet(noun);
  AddOperationDescribe(noun);
  AddWait(noun);
  AddWatch(noun);
  AddCancel(noun);
}

}  // namespace croft::ctl
