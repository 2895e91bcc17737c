#pragma once

#include <functional>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/names.h"
#include "tools/croftctl/targets.h"
#include "tools/croftctl/tool.h"
#include "tools/croftctl/wait.h"

// Work on many targets at a time.
namespace croft::ctl {

// What became of one target.
struct Outcome {
  bool begun = false;
  absl::Status status;      // of beginning it or, where that went well, of its operation
  v1::Operation operation;  // as it was seen last; nameless where there is none
};

// Begins the work on one target. An operation without a name is not followed.
using Begin = std::function<absl::StatusOr<v1::Operation>(const Target&)>;

// Begins each of the targets and follows its operation to its end (not with --no-wait or --dry-run), so many at a time
// as `targets.parallel` says. One that waits for a silent host does not count among them. None is begun after
// `targets.max_failures` have failed, an interrupt, or the end of --timeout; those that are under way are followed on,
// but for an interrupt. Outcomes in the targets' order.
[[nodiscard]] std::vector<Outcome> RunEach(Session& session, const Targets& targets, const Begin& begin);

// Says on standard error, in a table, what failed or still runs. OK when all succeeded. Else an error with the exit
// code that all failures share, or the general one; where nothing failed, that of a wait that was interrupted or timed
// out. What was not begun is counted, and is no failure.
[[nodiscard]] absl::Status SumUp(Session& session, const Targets& targets,
                                 const std::vector<Outcome>& outcomes);

// Begins an operation for each target, follows and prints them: one alone, or a list.
[[nodiscard]] absl::Status OperateOnEach(Session& session, const Targets& targets, const Begin& begin);

// The same where beginning is to send `request` with the tenant's name.
template <class Stub, class Request>
[[nodiscard]] absl::Status OperateOnEach(Session& session, const Targets& targets,
                                         grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                                      v1::Operation*),
                                         const Request& request) {
  return OperateOnEach(session, targets, [&](const Target& target) {
    Request named = request;
    named.set_name(TenantName(target.id));
    // Those of the methods that end data want it; it was asked for before.
    if constexpr (requires { named.set_confirm(named.name()); }) named.set_confirm(named.name());
    return session.Change(method, named, target.key);
  });
}

}  // namespace croft::ctl
