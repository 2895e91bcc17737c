#include <string>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/operation.grpc.pb.h"
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

absl::StatusOr<v1::Operation> GetOperation(Client& client, const std::string& id) {
  v1::GetOperationRequest request;
  request.set_name(OperationName(LastPart(id)));
  return client.Call(&Operations::GetOperation, request);
}

void AddList(Noun& noun) {
  struct Arguments {
    ListFlags list;
    std::string target;
    bool running = false;
  };
  auto verb = noun.AddVerb<Arguments>("list", "List operations, newest first");
  verb->list.AddFilter(verb.app, "kind = CREATE AND state = FAILED");
  verb->list.AddLimit(verb.app);
  verb.app.add_option("--target", verb->target, "Only those on this, such as tenants/acme");
  verb.app.add_flag("--running", verb->running, "Only those that are not done");
  verb.Reads([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::ListOperationsRequest request;
    request.set_filter(
        AllOf({arguments.list.filter, arguments.running ? "done = false" : "",
               arguments.target.empty() ? "" : absl::StrCat("target = \"", arguments.target, "\"")}));
    return PrintAll(session, kOperations, request, arguments.list.limit);
  });
}

void AddGet(Noun& noun) {
  auto verb = noun.AddVerb<WhichOperation>("get", "Show an operation and its steps");
  verb->AddTo(verb.app);
  verb.Reads([](Session& session, const WhichOperation& which) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const v1::Operation operation, GetOperation(session.client, which.id));
    return session.printer.One(operation);
  });
}

void AddWait(Noun& noun) {
  auto verb = noun.AddVerb<WhichOperation>("wait", "Wait until an operation is done");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const WhichOperation& which) -> absl::Status {
    return FinishAndPrint(session, GetOperation(session.client, which.id));
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
    }));
    CROFT_RETURN_IF_ERROR(printed);
    return OutcomeOf(operation);
  });
}

void AddCancel(Noun& noun) {
  auto verb =
      noun.AddVerb<WhichOperation>("cancel", "Stop an operation at its next step and undo what it made");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const WhichOperation& which) -> absl::Status {
    v1::CancelOperationRequest request;
    request.set_name(OperationName(LastPart(which.id)));
    CROFT_ASSIGN_OR_RETURN(v1::Operation operation, session.Change(&Operations::CancelOperation, request));
    const absl::Status outcome = FinishVisibly(session, operation);
    CROFT_RETURN_IF_ERROR(PrintOperation(session, operation));
    if (operation.state() == v1::Operation::STATE_CANCELLED) return absl::OkStatus();
    if (operation.state() != v1::Operation::STATE_SUCCEEDED) return outcome;
    return absl::FailedPreconditionError(
        absl::StrCat(operation.name(), " succeeded before it could be cancelled"));
  });
}

}  // namespace

void AddOperation(Noun& root) {
  Noun noun = root.AddNoun("op", "Operations: what is under way and what became of it");
  AddList(noun);
  AddGet(noun);
  AddWait(noun);
  AddWatch(noun);
  AddCancel(noun);
}

}  // namespace croft::ctl
