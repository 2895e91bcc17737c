#include "controlplane/catalog/sqlite/operations.h"

#include <limits>
#include <utility>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/columns.h"

namespace croft::catalog {
namespace {

using domain::Operation;
using domain::OperationKind;
using domain::OperationState;
using domain::Step;
using sqlite::Rows;
using sqlite::Sql;
using sqlite::SqlBuilder;

constexpr Sql kColumns =
    "id, kind, tenant, source_tenant, backup, caller, create_time, update_time, version, end_time, "
    "deadline, state, "
    "operation_order, point_of_no_return, cancel_requested, error_code, error_reason, error_message, "
    "overlap, waiver, "
    "previous_quota_connections, previous_quota_storage_bytes, previous_quota_statement_timeout, "
    "previous_state, "
    "previous_suspend_mode, allow_incomplete, max_duration, warnings, warning_count";
constexpr Sql kPlaces =
    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?";
constexpr Sql kStepColumns =
    "task, host, landing, undo, generation, database_name, backup, backup_tenant, logins, flag, databases, "
    "state, "
    "attempt, refusals, refusal_reason, same_refusals, short_since, not_before, start_time, end_time, "
    "message";

constexpr Sql kIsRunning = "state IN ('RUNNING', 'UNDOING')";

absl::Status ReadOperation(const Rows& rows, int first, Operation& operation) {
  std::string kind, state, previous_state, previous_suspend_mode, warnings;
  std::optional<int32_t> error_code, quota_connections;
  std::string error_reason, error_message;
  domain::Quota quota;
  rows.Read(first, operation.id, kind, operation.tenant, operation.source_tenant, operation.backup,
            operation.caller, operation.create_time, operation.update_time, operation.version,
            operation.end_time, operation.deadline, state, operation.order, operation.point_of_no_return,
            operation.cancel_requested, error_code, error_reason, error_message, operation.overlap,
            operation.waiver, quota_connections, quota.storage_bytes, quota.statement_timeout,
            previous_state, previous_suspend_mode, operation.allow_incomplete, operation.max_duration,
            warnings, operation.warnings.count);
  if (error_code.has_value()) {
    operation.error = {static_cast<absl::StatusCode>(*error_code), error_reason, error_message};
  }
  if (quota_connections.has_value()) {
    quota.connections = *quota_connections;
    operation.previous_quota = quota;
  }
  CROFT_RETURN_IF_ERROR(DecodeFindings(warnings, operation.warnings.listed));
  CROFT_RETURN_IF_ERROR(DecodeEnum(kind, operation.kind));
  CROFT_RETURN_IF_ERROR(DecodeEnum(state, operation.state));
  CROFT_RETURN_IF_ERROR(DecodeEnum(previous_state, operation.previous_state));
  return DecodeEnum(previous_suspend_mode, operation.previous_suspend_mode);
}

absl::Status ReadStep(const Rows& rows, Step& step) {
  std::string task, landing, logins, databases, state;
  rows.Read(0, task, step.host, landing, step.undo, step.generation, step.database, step.backup,
            step.backup_tenant, logins, step.flag, databases, state, step.attempt, step.refusals,
            step.refusal_reason, step.same_refusals, step.short_since, step.not_before, step.start_time,
            step.end_time, step.message);
  CROFT_RETURN_IF_ERROR(DecodeEnum(task, step.task));
  CROFT_RETURN_IF_ERROR(DecodeEnum(landing, step.landing));
  CROFT_RETURN_IF_ERROR(DecodeList(logins, step.logins));
  CROFT_RETURN_IF_ERROR(DecodeList(databases, step.databases));
  return DecodeEnum(state, step.state);
}

template <typename Run>
absl::Status Columns(const Operation& operation, Run run) {
  std::optional<int> error_code;
  std::optional<std::string> error_reason, error_message;
  if (operation.error.has_value()) {
    error_code = static_cast<int>(operation.error->code);
    error_reason = operation.error->reason;
    error_message = operation.error->message;
  }
  std::optional<int32_t> connections;
  std::optional<int64_t> storage_bytes;
  std::optional<absl::Duration> statement_timeout;
  if (operation.previous_quota.has_value()) {
    connections = operation.previous_quota->connections;
    storage_bytes = operation.previous_quota->storage_bytes;
    statement_timeout = operation.previous_quota->statement_timeout;
  }
  std::string current_host;
  if (const auto step = domain::CurrentStep(operation)) current_host = operation.steps[*step].host;
  return run(
      operation.id, EncodeEnum(operation.kind), operation.tenant, operation.source_tenant, operation.backup,
      operation.caller, operation.create_time, operation.update_time, operation.version, operation.end_time,
      operation.deadline, EncodeEnum(operation.state), operation.order, operation.point_of_no_return,
      operation.cancel_requested, error_code, error_reason, error_message, operation.overlap,
      operation.waiver, connections, storage_bytes, statement_timeout, EncodeEnum(operation.previous_state),
      EncodeEnum(operation.previous_suspend_mode), operation.allow_incomplete, operation.max_duration,
      EncodeFindings(operation.warnings.listed), operation.warnings.count, current_host);
}

SqlBuilder Select() {
  return SqlBuilder().Append("SELECT position, ").Append(kColumns).Append(" FROM operations ");
}

SqlBuilder SelectRunning(Sql index, Sql condition) {
  return Select()
      .Append(index)
      .Append(" WHERE ")
      .Append(kIsRunning)
      .Append(condition)
      .Append(" ORDER BY position");
}

}  // namespace

struct OperationReads::Stored {
  int64_t position;
  Operation operation;
};

OperationReads::OperationReads(sqlite::Database& database)
    : database_(database),
      find_(database, Select().Append("WHERE id = ?")),
      steps_(database, SqlBuilder()
                           .Append("SELECT ")
                           .Append(kStepColumns)
                           .Append(" FROM steps WHERE operation = ? ORDER BY number")),
      running_(database, SelectRunning("INDEXED BY operations_running", "")),
      running_of_tenant_(database,
                         Select()
                             .Append("WHERE position IN (SELECT position FROM operations WHERE ")
                             .Append(kIsRunning)
                             .Append(" AND tenant = ?1 UNION SELECT position FROM operations WHERE ")
                             .Append(kIsRunning)
                             .Append(" AND source_tenant <> '' AND source_tenant = ?1) ORDER BY position")),
      running_on_host_(database,
                       SelectRunning("INDEXED BY operations_running_by_host", " AND current_host = ?")),
      count_running_(database,
                     SqlBuilder()
                         .Append("SELECT count(*) FROM operations INDEXED BY operations_running WHERE ")
                         .Append(kIsRunning)
                         .Append(" AND kind <> 'CLEAN_UP'")) {}

absl::Status OperationReads::ReadSteps(int64_t position, Operation& operation) {
  Rows rows = steps_.Query(position);
  while (rows.Next()) CROFT_RETURN_IF_ERROR(ReadStep(rows, operation.steps.emplace_back()));
  return rows.status();
}

absl::StatusOr<std::vector<OperationReads::Stored>> OperationReads::Collect(Rows rows) {
  std::vector<Stored> stored;
  while (rows.Next()) {
    Stored& one = stored.emplace_back();
    one.position = rows.Get<int64_t>(0);
    CROFT_RETURN_IF_ERROR(ReadOperation(rows, 1, one.operation));
    CROFT_RETURN_IF_ERROR(ReadSteps(one.position, one.operation));
  }
  if (!rows.status().ok()) return rows.status();
  return stored;
}

absl::StatusOr<std::vector<Operation>> OperationReads::CollectOperations(Rows rows) {
  CROFT_ASSIGN_OR_RETURN(std::vector<Stored> stored, Collect(std::move(rows)));
  std::vector<Operation> operations;
  operations.reserve(stored.size());
  for (Stored& one : stored) operations.push_back(std::move(one.operation));
  return operations;
}

absl::StatusOr<std::optional<Operation>> OperationReads::Find(absl::string_view id) {
  CROFT_ASSIGN_OR_RETURN(std::vector<Operation> operations, CollectOperations(find_.Query(id)));
  if (operations.empty()) return std::optional<Operation>();
  return std::optional<Operation>(std::move(operations.front()));
}

absl::StatusOr<std::vector<Operation>> OperationReads::Running() {
  return CollectOperations(running_.Query());
}

absl::StatusOr<std::vector<Operation>> OperationReads::RunningOfTenant(absl::string_view tenant) {
  return CollectOperations(running_of_tenant_.Query(tenant));
}

absl::StatusOr<std::vector<Operation>> OperationReads::RunningOnHost(absl::string_view host) {
  // Steps of the control plane's own are no host's.
  if (host.empty()) return std::vector<Operation>();
  return CollectOperations(running_on_host_.Query(host));
}

absl::StatusOr<int64_t> OperationReads::CountRunning() {
  Rows rows = count_running_.Query();
  if (!rows.Next()) return rows.status();
  return rows.Get<int64_t>(0);
}

absl::StatusOr<OperationPage> OperationReads::List(const OperationQuery& query) {
  OperationPage page;
  if (query.limit <= 0) return page;
  // The unary plus keeps the planner from an index that an earlier condition makes needless.
  SqlBuilder sql = Select().Append("WHERE position < ?");
  if (query.tenant) sql.Append(" AND tenant = ?");
  if (query.state) sql.Append(query.tenant ? Sql(" AND +state = ?") : Sql(" AND state = ?"));
  sql.Append(query.kind ? (query.tenant || query.state ? Sql(" AND +kind = ?") : Sql(" AND kind = ?"))
                        : Sql(" AND +kind <> 'CLEAN_UP'"));
  if (query.ended == false) sql.Append(" AND state IN ('RUNNING', 'UNDOING')");
  if (query.ended == true) sql.Append(" AND +state NOT IN ('RUNNING', 'UNDOING')");
  sql.Append(" ORDER BY position DESC LIMIT ?");

  sqlite::Statement statement(database_, sql);
  CROFT_RETURN_IF_ERROR(statement.BindNext(query.before.value_or(std::numeric_limits<int64_t>::max())));
  if (query.tenant) CROFT_RETURN_IF_ERROR(statement.BindNext(*query.tenant));
  if (query.state) CROFT_RETURN_IF_ERROR(statement.BindNext(EncodeEnum(*query.state)));
  if (query.kind) CROFT_RETURN_IF_ERROR(statement.BindNext(EncodeEnum(*query.kind)));
  CROFT_RETURN_IF_ERROR(statement.BindNext(int64_t{query.limit} + 1));
  CROFT_ASSIGN_OR_RETURN(std::vector<Stored> stored, Collect(statement.Query()));

  for (Stored& one : stored) {
    if (page.operations.size() == static_cast<size_t>(query.limit)) break;
    page.operations.push_back(std::move(one.operation));
  }
  if (stored.size() > page.operations.size()) page.next = stored[page.operations.size() - 1].position;
  return page;
}

OperationWrites::OperationWrites(sqlite::Database& database)
    : database_(database),
      position_(database, "SELECT position FROM operations WHERE id = ?"),
      insert_(database, SqlBuilder()
                            .Append("INSERT INTO operations (")
                            .Append(kColumns)
                            .Append(", current_host) VALUES (")
                            .Append(kPlaces)
                            .Append(", ?)")),
      update_(database, SqlBuilder()
                            .Append("UPDATE operations SET (")
                            .Append(kColumns)
                            .Append(", current_host) = (")
                            .Append(kPlaces)
                            .Append(", ?) WHERE position = ?")),
      put_step_(
          database,
          SqlBuilder()
              .Append("INSERT OR REPLACE INTO steps (operation, number, ")
              .Append(kStepColumns)
              .Append(") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")),
      delete_steps_from_(database, "DELETE FROM steps WHERE operation = ? AND number >= ?") {}

absl::StatusOr<std::optional<int64_t>> OperationWrites::FindPosition(absl::string_view id) {
  Rows rows = position_.Query(id);
  if (rows.Next()) return std::optional<int64_t>(rows.Get<int64_t>(0));
  if (!rows.status().ok()) return rows.status();
  return std::optional<int64_t>();
}

absl::Status OperationWrites::Put(const Operation& operation) {
  CROFT_ASSIGN_OR_RETURN(std::optional<int64_t> position, FindPosition(operation.id));
  CROFT_RETURN_IF_ERROR(Columns(operation, [&](const auto&... columns) {
    return position ? update_.Execute(columns..., *position) : insert_.Execute(columns...);
  }));
  if (!position) position = database_.last_insert_rowid();
  for (size_t i = 0; i < operation.steps.size(); ++i) {
    const Step& step = operation.steps[i];
    CROFT_RETURN_IF_ERROR(put_step_.Execute(
        *position, i, EncodeEnum(step.task), step.host, EncodeEnum(step.landing), step.undo,
        step.generation, step.database, step.backup, step.backup_tenant, EncodeList(step.logins), step.flag,
        EncodeList(step.databases), EncodeEnum(step.state), step.attempt, step.refusals,
        step.refusal_reason, step.same_refusals, step.short_since, step.not_before, step.start_time,
        step.end_time, step.message));
  }
  return delete_steps_from_.Execute(*position, operation.steps.size());
}

}  // namespace croft::catalog
