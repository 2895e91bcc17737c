// Limit growth: closes a tenant's database for growth, or opens it again.
//
// Why this order: closing, what makes new objects is taken first, so that what is counted afterwards is all there is.
// Opening, it is given back last, since a database in which the owner may make schemas is what counts as open. The work is
// done as the owner, in transactions of their own: it holds no lock on a table for longer than it takes to write its ACL, and
// what it has done stays when it is cut.

#include <absl/strings/str_cat.h>

#include "agent/tasks/sql_task.h"
#include "agent/tasks/tenant_shape.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {
namespace {

TaskStep Schemas(const SqlTask& task, bool closed) {
  return task.Applying(closed ? "take the right to make schemas" : "give back the right to make schemas",
                       [&task, closed]() -> absl::StatusOr<std::vector<Change>> {
                         CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
                         return GrowthChanges(task.tenant(), closed, database);
                       });
}

absl::Status CheckOpen(const SqlTask& task) {
  CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
  if (!task.IsSealed(database) && database.allows_connections) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the database ", database.name, " is fenced, and nothing grows in it"),
                   {.reason = "DATABASE_SEALED", .metadata = {{"database", database.name}}});
}

}  // namespace

absl::StatusOr<bool> IsClosedForGrowth(const SqlTask& task, const DatabaseState& database) {
  const std::string& owner = task.tenant().owner_role;
  if (MayMakeSchemas(database, owner) || !database.allows_connections) return false;
  CROFT_ASSIGN_OR_RETURN(const int64_t marked,
                         task.session().CountGrowthChanges(database.name, owner, /*closed=*/false));
  return marked > 0;
}

TaskStep LimitObjects(const SqlTask& task, bool closed) {
  const auto done = [&task, closed]() -> absl::StatusOr<bool> {
    CROFT_ASSIGN_OR_RETURN(
        const int64_t left,
        task.session().CountGrowthChanges(task.tenant().database, task.tenant().owner_role, closed));
    return left == 0;
  };
  const auto act = [&task, closed] {
    return task.session().LimitGrowth(task.tenant().database, task.tenant().owner_role, closed);
  };
  return {closed ? "take the right to insert" : "give back the right to insert", done, act};
}

LimitGrowthWork LimitGrowthWork::FromProto(const v1::Task& task) {
  return {.closed = task.limit_growth().closed()};
}

absl::StatusOr<Outcome> Run(const SqlTask& task, const LimitGrowthWork& work) {
  CROFT_RETURN_IF_ERROR(CheckOpen(task));
  const TaskStep schemas = Schemas(task, work.closed);
  const TaskStep objects = LimitObjects(task, work.closed);
  const absl::Status limited = work.closed ? RunSteps({schemas, objects}, task.context())
                                           : RunSteps({objects, schemas}, task.context());
  // A table that the tenant keeps to itself is no reason to leave the others open. It is closed by a later look, when the
  // database grows on.
  if (work.closed && DetailsOf(limited).reason == "TABLE_IN_USE")
    return Done{absl::StrCat("the database is closed for growth, but ", limited.message())};
  CROFT_RETURN_IF_ERROR(limited);
  return Done{work.closed ? "the database is closed for growth" : "the database is open for growth"};
}

}  // namespace croft::agent
