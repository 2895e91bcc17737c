#pragma once

#include <functional>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "tools/croftctl/tool.h"

namespace croft::ctl {

using OnProgress = std::function<void(const v1::Operation&)>;

// Follows `operation` until it is done and leaves it as it was seen last; `each` gets every state on the way. Goes
// on over lost connections and restarts of the control plane. Errors end the wait, not the operation: with exit
// codes for a wait that timed out or was interrupted, UNAVAILABLE after a minute without contact. OK says that it
// is done, not how: see OutcomeOf.
[[nodiscard]] absl::Status Follow(Client& client, v1::Operation& operation, const OnProgress& each);

// OK when it succeeded, else its error, with the exit code of a failed operation.
[[nodiscard]] absl::Status OutcomeOf(const v1::Operation& operation);

// What a verb does with the operation it has begun: nothing with --no-wait or --dry-run; else follows it to its
// end, with `each`, and answers its outcome.
[[nodiscard]] absl::Status Finish(Session& session, v1::Operation& operation, const OnProgress& each);

// Draws a progress line meanwhile.
[[nodiscard]] absl::Status FinishVisibly(Session& session, v1::Operation& operation);

// Prints it; as a name, that of what it made or worked on once it has succeeded.
[[nodiscard]] absl::Status PrintOperation(Session& session, const v1::Operation& operation);
// The same for many, as a list.
[[nodiscard]] absl::Status PrintOperations(Session& session, const std::vector<v1::Operation>& operations);

// FinishVisibly, then PrintOperation.
[[nodiscard]] absl::Status FinishAndPrint(Session& session, absl::StatusOr<v1::Operation> operation);

}  // namespace croft::ctl
