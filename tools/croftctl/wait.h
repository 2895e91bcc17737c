#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tools/croftctl/tool.h"

namespace croft::ctl {

// Is shown an operation whenever it has changed; false ends the wait.
using OnProgress = std::function<bool(const v1::Operation&)>;

// Follows `operation` until it is done, or `each`, which gets every state on the way, does not want to wait on; leaves
// it as it was seen last. Goes on over lost connections and restarts of the control plane. Errors end the wait, not the
// operation: with exit codes for a wait that timed out or was interrupted, UNAVAILABLE after a minute without contact.
// OK does not say how the operation ended: see OutcomeOf.
[[nodiscard]] absl::Status Follow(Client& client, v1::Operation& operation, const OnProgress& each);

// OK when it succeeded, else its error, with the exit code of a failed operation.
[[nodiscard]] absl::Status OutcomeOf(const v1::Operation& operation);

// Whether a verb follows the operation it has begun: there is one, and neither --no-wait nor --dry-run is given.
[[nodiscard]] bool IsFollowed(const Session& session, const v1::Operation& operation);

// Id of the host that the operation waits for because nothing can be sent to it now; empty where it waits for none.
[[nodiscard]] std::string SilentHostOf(const v1::Operation& operation);

// What a verb does with the operation it has begun: follows it to its end, where it is followed, draws a progress line
// meanwhile, and answers its outcome.
[[nodiscard]] absl::Status FinishVisibly(Session& session, v1::Operation& operation);

// Prints it; as a name, that of what it made or worked on once it has succeeded.
[[nodiscard]] absl::Status PrintOperation(Session& session, const v1::Operation& operation);
// The same for many, as a list.
[[nodiscard]] absl::Status PrintOperations(Session& session, const std::vector<v1::Operation>& operations);

// Says what an operator should know of an operation that has ended.
void SayWarnings(Session& session, const v1::Operation& operation);

// FinishVisibly, then PrintOperation and SayWarnings.
[[nodiscard]] absl::Status FinishAndPrint(Session& session, absl::StatusOr<v1::Operation> operation);

}  // namespace croft::ctl
