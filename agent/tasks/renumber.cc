// Renumber: a sealed database of the tenant's gets the name and the tag of another generation, and stays sealed.
//
// Why in one transaction: by name and tag together a catalog that is rebuilt knows a tenant's database, and every task
// refuses one whose tag is another generation's. Nobody is in a sealed database, so the rename waits for no session.

#include <absl/strings/str_cat.h>

#include "agent/tasks/sql_task.h"
#include "agent/tasks/tenant_shape.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {
namespace {

absl::Status NotSealed(const std::string& database) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("the database ", database, " is not sealed, and only sealed ones are renumbered"),
      {.reason = "DATABASE_NOT_SEALED", .metadata = {{"database", database}}});
}

// The database under the name that it has before.
absl::StatusOr<DatabaseState> Source(const SqlTask& task, const RenumberWork& work) {
  CROFT_ASSIGN_OR_RETURN(std::optional<DatabaseState> database,
                         task.session().ObserveDatabase(SealedName(work.database)));
  const ErrorMetadata metadata = {{"database", work.database}};
  if (!database) {
    CROFT_ASSIGN_OR_RETURN(database, task.session().ObserveDatabase(work.database));
    if (database) return NotSealed(work.database);
    return MakeError(absl::StatusCode::kNotFound,
                     absl::StrCat("the database ", work.database, " is not on this server any more"),
                     {.reason = "DATABASE_MISSING", .metadata = metadata});
  }
  if (database->invalid) return InvalidDatabase(*database);
  if (database->tag != DatabaseTag{task.tenant().uid, work.generation}) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat("the database ", database->name, " belongs to another tenant or generation"),
        {.reason = "WRONG_DATABASE", .metadata = metadata});
  }
  return *std::move(database);
}

absl::StatusOr<std::vector<Change>> Differences(const SqlTask& task, const RenumberWork& work) {
  const TenantObjects& tenant = task.tenant();
  CROFT_ASSIGN_OR_RETURN(const std::optional<DatabaseState> done, task.ObserveDatabase());
  if (done && !task.IsSealed(*done)) return NotSealed(done->name);
  if (done) return std::vector<Change>();
  CROFT_ASSIGN_OR_RETURN(const DatabaseState source, Source(task, work));
  const std::string name = SealedName(tenant.database);
  return std::vector<Change>{RenameDatabase{source.name, name},
                             TagDatabase{name, {tenant.uid, tenant.generation}}};
}

}  // namespace

RenumberWork RenumberWork::FromProto(const v1::Task& task) {
  const v1::RenumberWork& proto = task.renumber();
  return {.database = proto.database(), .generation = proto.generation()};
}

absl::StatusOr<Outcome> Run(const SqlTask& task, const RenumberWork& work) {
  CROFT_RETURN_IF_ERROR(CheckDatabaseName(work.database));
  CROFT_RETURN_IF_ERROR(RunSteps(
      {task.Applying("give it its new name", [&] { return Differences(task, work); })}, task.context()));
  return Done{
      absl::StrCat("the database is called ", task.tenant().database, " from now on, and is sealed")};
}

}  // namespace croft::agent
