#include "agent/tasks/move.h"

#include <absl/strings/str_cat.h>

#include "common/errors.h"

namespace croft::agent {

absl::Status MakeMoves(const std::vector<Move>& moves, TaskContext& context) {
  for (const Move& move : moves) {
    CROFT_RETURN_IF_ERROR(context.KeepGoing());
    CROFT_ASSIGN_OR_RETURN(const bool done_before, move.done());
    if (done_before) continue;
    context.Report(move.name);
    CROFT_RETURN_IF_ERROR(Annotate(move.act(), move.name));
    CROFT_ASSIGN_OR_RETURN(const bool done_now, move.done());
    if (!done_now) {
      return MakeError(absl::StatusCode::kInternal,
                       absl::StrCat(move.name, ": PostgreSQL accepted it and does not show it"),
                       {.reason = "NO_EFFECT", .metadata = {{"move", std::string(move.name)}}});
    }
  }
  return absl::OkStatus();
}

Patience PatienceOf(const Task& task, TaskContext& context) {
  return {.deadline = task.deadline, .keep_going = [&context] { return context.KeepGoing(); }};
}

}  // namespace croft::agent
