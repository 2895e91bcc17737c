// Reads and writes operations and their steps.

#include "controlplane/catalog/sqlite/operations.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/columns.h"
#include "controlplane/catalog/sqlite/payloads.h"
#include "controlplane/catalog/sqlite/table.h"

namespace croft::catalog {
namespace {

using domain::Operation;
using domain::OperationKind;
using domain::OperationState;
using domain::Step;
using sqlite::Rows;
using sqlite::Sql;
using sqlite::SqlBuilder;

using domain::OperationError;

// The error lies in three columns, which are NULL when there is none.
struct ErrorCodeCodec {
  std::optional<int> Encode(const std::optional<OperationError>& error) const {
    return error ? std::optional(static_cast<int>(error->code)) : std::nullopt;
  }
  absl::Status Decode(const Rows& rows, int column, std::optional<OperationError>& error) const {
    const auto code = rows.Get<std::optional<int>>(column);
    if (code) error.emplace().code = static_cast<absl::StatusCode>(*code);
    return absl::OkStatus();
  }
};

template <std::string OperationError::*text>
struct ErrorTextCodec {
  std::optional<std::string> Encode(const std::optional<OperationError>& error) const {
    return error ? std::optional((*error).*text) : std::nullopt;
  }
  absl::Status Decode(const Rows& rows, int column, std::optional<OperationError>& error) const {
    if (error) rows.Read(column, (*error).*text);
    return absl::OkStatus();
  }
};

struct DetailsCodec {
  std::string Encode(const domain::OperationDetails& details) const { return EncodeDetails(details); }
  absl::Status Decode(const Rows& rows, int column, domain::OperationDetails& details) const {
    return DecodeDetails(rows.Text(column), details);
  }
};

struct TaskKindCodec {
  absl::string_view Encode(const domain::Task& task) const { return NameOf(domain::KindOf(task)); }
  absl::Status Decode(const Rows& rows, int column, domain::Task& task) const {
    domain::TaskKind kind = domain::TaskKind::kCreate;
    CROFT_RETURN_IF_ERROR(DecodeEnum(rows.Text(column), kind));
    task = domain::EmptyTask(kind);
    return absl::OkStatus();
  }
};

struct TaskCodec {
  std::string Encode(const domain::Task& task) const { return EncodeTask(task); }
  absl::Status Decode(const Rows& rows, int column, domain::Task& task) const {
    return DecodeTask(rows.Text(column), task);
  }
};

std::string CurrentHost(const Operation& operation) {
  const auto step = domain::CurrentStep(operation);
  return step ? operation.steps[*step].host : "";
}

constexpr Table kOperations(
    Col("id", &Operation::id), Col("kind", EnumCodec(), &Operation::kind),
    Col("tenant", &Operation::tenant), Col("source_tenant", &Operation::source_tenant),
    Col("backup", &Operation::backup), Col("host", &Operation::host), Col("parent", &Operation::parent),
    Col("caller", &Operation::caller), Col("traceparent", &Operation::traceparent),
    Col("create_time", &Operation::create_time), Col("update_time", &Operation::update_time),
    Col("version", &Operation::version), Col("end_time", &Operation::end_time),
    Col("deadline", &Operation::deadline), Col("state", EnumCodec(), &Operation::state),
    Col("operation_order", &Operation::order), Col("point_of_no_return", &Operation::point_of_no_return),
    Col("cancel_requested", &Operation::cancel_requested),
    Col("error_code", ErrorCodeCodec(), &Operation::error),
    Col("error_reason", ErrorTextCodec<&OperationError::reason>(), &Operation::error),
    Col("error_message", ErrorTextCodec<&OperationError::message>(), &Operation::error),
    Col("details", DetailsCodec(), &Operation::details),
    Col("warnings", FindingsCodec(), &Operation::warnings, &domain::Findings::listed),
    Col("warning_count", &Operation::warnings, &domain::Findings::count),
    Derived("current_host", CurrentHost));

constexpr Table kSteps(Col("task", TaskKindCodec(), &Step::task), Col("payload", TaskCodec(), &Step::task),
                       Col("host", &Step::host), Col("undo", &Step::undo),
                       Col("generation", &Step::generation), Col("database_name", &Step::database),
                       Col("state", EnumCodec(), &Step::state), Col("attempt", &Step::attempt),
                       Col("refusals", &Step::refusals), Col("refusal_reason", &Step::refusal_reason),
                       Col("same_refusals", &Step::same_refusals), Col("short_since", &Step::short_since),
                       Col("not_before", &Step::not_before), Col("start_time", &Step::start_time),
                       Col("end_time", &Step::end_time), Col("message", &Step::message));

constexpr Sql kIsRunning = "state IN ('RUNNING', 'UNDOING')";

SqlBuilder Select() {
  return SqlBuilder().Append("SELECT position, ").Append(kOperations.Names()).Append(" FROM operations ");
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
                           .Append(kSteps.Names())
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
                         .Append(" AND kind <> 'CLEAN_UP'")),
      count_running_on_host_(
          database,
          SqlBuilder()
              .Append("SELECT count(*) FROM operations INDEXED BY operations_running_by_host WHERE ")
              .Append(kIsRunning)
              .Append(" AND current_host = ? AND caller = ?")),
      count_running_on_host_or_of_kind_(
          database,
          SqlBuilder()
              .Append("SELECT count(*) FROM operations INDEXED BY operations_running_by_host WHERE ")
              .Append(kIsRunning)
              .Append(" AND current_host = ? AND (caller = ? OR kind = ?)")),
      ended_(database,
             "SELECT id FROM operations INDEXED BY operations_ended WHERE end_time < ? "
             "ORDER BY end_time, id LIMIT ?") {}

absl::Status OperationReads::ReadSteps(int64_t position, Operation& operation) {
  Rows rows = steps_.Query(position);
  while (rows.Next()) CROFT_RETURN_IF_ERROR(kSteps.Read(rows, 0, operation.steps.emplace_back()));
  return rows.status();
}

absl::StatusOr<std::vector<OperationReads::Stored>> OperationReads::Collect(Rows rows) {
  std::vector<Stored> stored;
  while (rows.Next()) {
    Stored& one = stored.emplace_back();
    one.position = rows.Get<int64_t>(0);
    CROFT_RETURN_IF_ERROR(kOperations.Read(rows, 1, one.operation));
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

absl::StatusOr<int64_t> OperationReads::CountRunningOnHost(absl::string_view host,
                                                           absl::string_view caller) {
  Rows rows = count_running_on_host_.Query(host, caller);
  if (!rows.Next()) return rows.status();
  return rows.Get<int64_t>(0);
}

absl::StatusOr<int64_t> OperationReads::CountRunningOnHost(absl::string_view host, absl::string_view caller,
                                                           domain::OperationKind kind) {
  Rows rows = count_running_on_host_or_of_kind_.Query(host, caller, domain::NameOf(kind));
  if (!rows.Next()) return rows.status();
  return rows.Get<int64_t>(0);
}

absl::StatusOr<std::vector<std::string>> OperationReads::EndedBefore(absl::Time time, int32_t limit) {
  std::vector<std::string> ids;
  Rows rows = ended_.Query(time, std::max(limit, 0));
  while (rows.Next()) rows.Read(0, ids.emplace_back());
  if (!rows.status().ok()) return rows.status();
  return ids;
}

absl::StatusOr<OperationPage> OperationReads::List(const OperationQuery& query) {
  OperationPage page;
  if (query.limit <= 0) return page;
  // The unary plus keeps the planner from an index that an earlier condition makes needless.
  SqlBuilder sql = Select().Append("WHERE position < ?");
  if (query.parent) sql.Append(" AND parent = ? AND parent <> ''");
  if (query.tenant) sql.Append(query.parent ? Sql(" AND +tenant = ?") : Sql(" AND tenant = ?"));
  const bool few = query.parent || query.tenant;
  if (query.state) sql.Append(few ? Sql(" AND +state = ?") : Sql(" AND state = ?"));
  sql.Append(query.kind ? (few || query.state ? Sql(" AND +kind = ?") : Sql(" AND kind = ?"))
                        : Sql(" AND +kind <> 'CLEAN_UP'"));
  if (query.ended == false)
    sql.Append(query.parent ? Sql(" AND +state IN ('RUNNING', 'UNDOING')")
                            : Sql(" AND state IN ('RUNNING', 'UNDOING')"));
  if (query.ended == true) sql.Append(" AND +state NOT IN ('RUNNING', 'UNDOING')");
  sql.Append(" ORDER BY position DESC LIMIT ?");

  sqlite::Statement statement(database_, sql);
  CROFT_RETURN_IF_ERROR(statement.BindNext(query.before.value_or(std::numeric_limits<int64_t>::max())));
  if (query.parent) CROFT_RETURN_IF_ERROR(statement.BindNext(*query.parent));
  if (query.tenant) CROFT_RETURN_IF_ERROR(statement.BindNext(*query.tenant));
  if (query.state) CROFT_RETURN_IF_ERROR(statement.BindNext(NameOf(*query.state)));
  if (query.kind) CROFT_RETURN_IF_ERROR(statement.BindNext(NameOf(*query.kind)));
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
                            .Append(kOperations.Names())
                            .Append(") VALUES (")
                            .Append(kOperations.Places())
                            .Append(")")),
      update_(database, SqlBuilder()
                            .Append("UPDATE operations SET (")
                            .Append(kOperations.Names())
                            .Append(") = (")
                            .Append(kOperations.Places())
                            .Append(") WHERE position = ?")),
      put_step_(database, SqlBuilder()
                              .Append("INSERT OR REPLACE INTO steps (operation, number, ")
                              .Append(kSteps.Names())
                              .Append(") VALUES (?, ?, ")
                              .Append(kSteps.Places())
                              .Append(")")),
      delete_steps_from_(database, "DELETE FROM steps WHERE operation = ? AND number >= ?"),
      delete_(database, "DELETE FROM operations WHERE position = ?") {}

absl::StatusOr<std::optional<int64_t>> OperationWrites::FindPosition(absl::string_view id) {
  Rows rows = position_.Query(id);
  if (rows.Next()) return std::optional<int64_t>(rows.Get<int64_t>(0));
  if (!rows.status().ok()) return rows.status();
  return std::optional<int64_t>();
}

absl::Status OperationWrites::Put(const Operation& operation) {
  CROFT_ASSIGN_OR_RETURN(std::optional<int64_t> position, FindPosition(operation.id));
  CROFT_RETURN_IF_ERROR(kOperations.Bind(operation, [&](const auto&... columns) {
    return position ? update_.Execute(columns..., *position) : insert_.Execute(columns...);
  }));
  if (!position) position = database_.last_insert_rowid();
  for (size_t i = 0; i < operation.steps.size(); ++i) {
    CROFT_RETURN_IF_ERROR(kSteps.Bind(operation.steps[i], [&](const auto&... columns) {
      return put_step_.Execute(*position, i, columns...);
    }));
  }
  return delete_steps_from_.Execute(*position, operation.steps.size());
}

absl::Status OperationWrites::Delete(absl::string_view id) {
  CROFT_ASSIGN_OR_RETURN(const std::optional<int64_t> position, FindPosition(id));
  if (!position) return absl::OkStatus();
  CROFT_RETURN_IF_ERROR(delete_steps_from_.Execute(*position, 0));
  return delete_.Execute(*position);
}

}  // namespace croft::catalog
