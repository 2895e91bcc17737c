// Connections and statements over libpq: quoting, deadlines, typed results, COPY.

#include "agent/postgres/connection.h"

#include <poll.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <utility>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <absl/time/clock.h>
#include <libpq-fe.h>

#include "common/work_scope.h"

namespace croft::agent {
namespace {

// How often `keep_going` is asked while the server is silent.
constexpr absl::Duration kAskInterval = absl::Milliseconds(200);
// How long a cancelled statement may take to end before the connection is given up.
constexpr absl::Duration kCancelTimeout = absl::Seconds(10);
constexpr size_t kIdentifierBytes = 63;

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

absl::Status BadArgument(absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, what, {.reason = "INVALID_SQL_ARGUMENT"});
}

// Waits until the socket can be read (or written). OK also when it is only time to look again.
absl::Status WaitForSocket(int socket, bool for_write, const Timeout& timeout) {
  const absl::Time start = absl::Now();
  if (start >= timeout.deadline) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, "PostgreSQL did not answer in time",
                     {.reason = "POSTGRES_DEADLINE"});
  }
  const absl::Duration slice = std::min(timeout.deadline - start, kAskInterval);
  pollfd waited{
      .fd = socket, .events = static_cast<short>(for_write ? POLLOUT | POLLIN : POLLIN), .revents = 0};
  const int ready = poll(
      &waited, 1, static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(slice, absl::Milliseconds(1)))));
  if (ready < 0 && errno != EINTR) return PostgresUnavailable("its socket cannot be watched");
  if (ready == 0 && timeout.keep_going) return timeout.keep_going();
  return absl::OkStatus();
}

std::string TrimmedError(const PGconn* connection) {
  return std::string(absl::StripAsciiWhitespace(PQerrorMessage(connection)));
}

// libpq shows the SQLSTATE of a refused connection only within a verbose message, as "FATAL:  28P01: …".
absl::Status ConnectError(const PGconn* connection) {
  const std::string text = TrimmedError(connection);
  constexpr size_t kStateLength = 5;
  for (size_t at = text.rfind(":  "); at != std::string::npos && at > 0; at = text.rfind(":  ", at - 1)) {
    const absl::string_view rest = absl::string_view(text).substr(at + 3);
    const absl::string_view state = rest.substr(0, kStateLength);
    const bool looks_right = rest.size() > kStateLength && rest[kStateLength] == ':' &&
                             std::all_of(state.begin(), state.end(), [](unsigned char c) {
                               return std::isdigit(c) || std::isupper(c);
                             });
    if (!looks_right) continue;
    const absl::string_view message = rest.substr(kStateLength + 1);
    return SqlError(state, absl::StripAsciiWhitespace(message.substr(0, message.find('\n'))));
  }
  return PostgresUnavailable(text);
}

absl::Status ResultError(const PGconn* connection, const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (state == nullptr) return PostgresUnavailable(TrimmedError(connection));
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  absl::Status error = SqlError(state, message == nullptr ? "no message" : message);
  return WithPostgresMessage(std::move(error), PQresultErrorMessage(result));
}

std::string ApplicationName() {
  const std::string& operation = CurrentWork().operation;
  return operation.empty() ? "croft-agent" : absl::StrCat("croft-agent ", operation);
}

// What a session of the agent's own starts with: nothing of a tenant's is ever found by its bare name.
Conninfo WithSafeStart(Conninfo conninfo, Trust trust) {
  // Every login of the server can read it: the operation's id and nothing else.
  conninfo.emplace("application_name", ApplicationName());
  conninfo.emplace("client_encoding", "UTF8");
  if (trust == Trust::kPrivileged) {
    std::string& options = conninfo["options"];
    absl::StrAppend(&options, options.empty() ? "" : " ", "-csearch_path=pg_catalog,pg_temp");
  }
  return conninfo;
}

// From here on CREATEROLE reaches only the roles that it makes. It may act as them where it asks for that beforehand.
constexpr int kRestrictedCreateRole = 160000;

bool HasNul(absl::string_view text) { return text.find('\0') != absl::string_view::npos; }

}  // namespace

absl::StatusOr<Conninfo> ParseConninfo(absl::string_view text) {
  // libpq's message could repeat a password, so it is not passed on.
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(std::string(text).c_str(), nullptr), PQconninfoFree);
  if (options == nullptr) {
    return InvalidField("conninfo",
                        "is neither a list of keyword=value nor a postgresql:// URI that libpq reads");
  }
  Conninfo conninfo;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) conninfo[option->keyword] = option->val;
  }
  return conninfo;
}

std::string TextArray(const std::vector<std::string>& items) {
  std::string array = "{";
  for (const std::string& item : items) {
    absl::StrAppend(&array, array.size() > 1 ? "," : "", "\"");
    for (const char c : item) {
      if (c == '"' || c == '\\') array += '\\';
      array += c;
    }
    array += '"';
  }
  return array + "}";
}

struct Connection::State {
  State(PGconn* opened, Trust of) : connection(opened), trust(of) {}
  ~State() { PQfinish(connection); }

  absl::Status FinishConnecting();
  absl::StatusOr<std::string> Format(const Statement& statement);
  absl::StatusOr<std::string> FormatArgument(char kind, const std::string& argument);
  absl::Status Send(const std::string& sql, const Statement* parameters);
  absl::Status CheckArchived(absl::string_view text) const;
  // OK when the server waits for data.
  absl::Status AwaitCopyIn(const Timeout& limit);
  absl::Status Flush(const Timeout& limit);
  // Every result of what was sent, up to the last; the first error.
  absl::StatusOr<Result> Collect();
  absl::StatusOr<Result> CollectUntil(const Timeout& limit);
  void Cancel();
  void Drop() {
    PQfinish(connection);
    connection = nullptr;
  }

  PGconn* connection;
  const Trust trust;
  Timeout timeout;
};

absl::Status Connection::State::FinishConnecting() {
  if (connection == nullptr) return PostgresUnavailable("out of memory");
  PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
  PQsetNoticeReceiver(
      connection, [](void*, const PGresult*) {}, nullptr);
  if (PQstatus(connection) == CONNECTION_BAD) return ConnectError(connection);
  PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
  while (wanted != PGRES_POLLING_OK) {
    if (wanted == PGRES_POLLING_FAILED) return ConnectError(connection);
    const int socket = PQsocket(connection);
    pollfd waited{.fd = socket,
                  .events = static_cast<short>(wanted == PGRES_POLLING_WRITING ? POLLOUT : POLLIN),
                  .revents = 0};
    const absl::Time now = absl::Now();
    if (now >= timeout.deadline) {
      return MakeError(absl::StatusCode::kDeadlineExceeded,
                       "PostgreSQL did not let us in before the deadline", {.reason = "POSTGRES_DEADLINE"});
    }
    const absl::Duration slice = std::min(timeout.deadline - now, kAskInterval);
    const int ready = poll(&waited, 1, static_cast<int>(absl::ToInt64Milliseconds(slice)) + 1);
    if (ready == 0 && timeout.keep_going) CROFT_RETURN_IF_ERROR(timeout.keep_going());
    if (ready > 0) wanted = PQconnectPoll(connection);
  }
  PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
  if (PQsetnonblocking(connection, 1) != 0) return PostgresUnavailable(TrimmedError(connection));
  return absl::OkStatus();
}

absl::StatusOr<std::string> Connection::State::FormatArgument(char kind, const std::string& argument) {
  if (HasNul(argument)) return BadArgument("a value for PostgreSQL holds a NUL");
  if (kind == 'd') {
    int64_t number = 0;
    if (!absl::SimpleAtoi(argument, &number)) return BadArgument("an integer was expected");
    return absl::StrCat(number);
  }
  if (kind != 'I' && kind != 'L') return BadArgument("a statement has an unknown placeholder");
  const bool identifier = kind == 'I';
  if (identifier && (argument.empty() || argument.size() > kIdentifierBytes)) {
    return BadArgument(absl::StrCat("a name of ", argument.size(), " bytes: PostgreSQL takes 1 to 63"));
  }
  char* quoted = identifier ? PQescapeIdentifier(connection, argument.data(), argument.size())
                            : PQescapeLiteral(connection, argument.data(), argument.size());
  if (quoted == nullptr) return BadArgument("a value for PostgreSQL is not valid UTF-8");
  std::string text = quoted;
  PQfreemem(quoted);
  return text;
}

absl::StatusOr<std::string> Connection::State::Format(const Statement& statement) {
  std::string sql;
  size_t used = 0;
  const absl::string_view text = statement.text();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 1 == text.size()) {
      sql += text[i];
      continue;
    }
    const char kind = text[++i];
    if (kind == '%') {
      sql += '%';
      continue;
    }
    if (used == statement.arguments().size()) return BadArgument("a statement lacks an argument");
    CROFT_ASSIGN_OR_RETURN(const std::string argument, FormatArgument(kind, statement.arguments()[used++]));
    sql += argument;
  }
  if (used != statement.arguments().size()) return BadArgument("a statement has an argument too many");
  return sql;
}

absl::Status Connection::State::Send(const std::string& sql, const Statement* parameters) {
  int sent = 0;
  if (parameters == nullptr || parameters->parameters().empty()) {
    sent = PQsendQuery(connection, sql.c_str());
  } else {
    std::vector<const char*> values;
    for (const std::optional<std::string>& value : parameters->parameters()) {
      if (value && HasNul(*value)) return BadArgument("a value for PostgreSQL holds a NUL");
      values.push_back(value ? value->c_str() : nullptr);
    }
    sent = PQsendQueryParams(connection, sql.c_str(), static_cast<int>(values.size()), nullptr,
                             values.data(), nullptr, nullptr, 0);
  }
  if (sent == 0) return PostgresUnavailable(TrimmedError(connection));
  return absl::OkStatus();
}

absl::Status Connection::State::Flush(const Timeout& limit) {
  int left = 0;
  while ((left = PQflush(connection)) == 1) {
    CROFT_RETURN_IF_ERROR(WaitForSocket(PQsocket(connection), true, limit));
    if (PQconsumeInput(connection) == 0) break;
  }
  if (left != 0) return PostgresUnavailable(TrimmedError(connection));
  return absl::OkStatus();
}

absl::StatusOr<Result> Connection::State::CollectUntil(const Timeout& limit) {
  CROFT_RETURN_IF_ERROR(Flush(limit));
  Result last(nullptr, PQclear);
  absl::Status error;
  while (true) {
    while (PQisBusy(connection) != 0) {
      CROFT_RETURN_IF_ERROR(WaitForSocket(PQsocket(connection), false, limit));
      if (PQconsumeInput(connection) == 0) break;  // the result that follows says why
    }
    Result result(PQgetResult(connection), PQclear);
    if (result == nullptr) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_COPY_IN) PQputCopyEnd(connection, "no data was expected here");
    if (status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      Drop();
      return PostgresUnavailable("the session was given up: a statement sends data that nobody expects");
    }
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY &&
        error.ok()) {
      error = ResultError(connection, result.get());
    }
    last = std::move(result);
  }
  if (!error.ok()) return error;
  if (last == nullptr) return PostgresUnavailable(TrimmedError(connection));
  return last;
}

absl::StatusOr<Result> Connection::State::Collect() {
  absl::StatusOr<Result> result = CollectUntil(timeout);
  if (result.ok() || PQtransactionStatus(connection) != PQTRANS_ACTIVE) return result;
  // Out of timeout while the statement runs on. It may still end well: then that is the answer.
  Cancel();
  absl::StatusOr<Result> end = CollectUntil({.deadline = absl::Now() + kCancelTimeout});
  if (end.ok()) return end;
  if (PQtransactionStatus(connection) == PQTRANS_ACTIVE) Drop();
  return result;
}

void Connection::State::Cancel() {
  PGcancel* cancel = PQgetCancel(connection);
  if (cancel == nullptr) return;
  char ignored[256];
  PQcancel(cancel, ignored, sizeof(ignored));
  PQfreeCancel(cancel);
}

absl::StatusOr<Connection> Connection::Open(const Conninfo& conninfo, Trust trust, const Timeout& timeout) {
  const Conninfo complete = WithSafeStart(conninfo, trust);
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : complete) {
    if (HasNul(value)) return BadArgument("a connection parameter holds a NUL");
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  auto state = std::make_unique<State>(
      PQconnectStartParams(keywords.data(), values.data(), /*expand_dbname=*/0), trust);
  state->timeout = timeout;
  CROFT_RETURN_IF_ERROR(state->FinishConnecting());
  Connection connection(std::move(state));
  if (trust == Trust::kPrivileged && connection.server_version() >= kRestrictedCreateRole) {
    CROFT_RETURN_IF_ERROR(connection.Execute("SET createrole_self_grant = 'set'"));
  }
  return connection;
}

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::Connection(Connection&& other) noexcept = default;
Connection& Connection::operator=(Connection&& other) noexcept = default;
Connection::~Connection() = default;

void Connection::SetTimeout(Timeout timeout) { state_->timeout = std::move(timeout); }

absl::Status Connection::Execute(const Statement& statement) {
  if (!usable()) return PostgresUnavailable("the connection was lost");
  CROFT_ASSIGN_OR_RETURN(const std::string sql, state_->Format(statement));
  CROFT_RETURN_IF_ERROR(state_->Send(sql, &statement));
  return state_->Collect().status();
}

absl::Status Connection::ExecuteTogether(const std::vector<Statement>& statements) {
  if (!usable()) return PostgresUnavailable("the connection was lost");
  if (statements.empty()) return absl::OkStatus();
  // Statements sent as one query string are one transaction, ended by the first error.
  std::string sql;
  for (const Statement& statement : statements) {
    if (!statement.parameters().empty()) return BadArgument("statements together take no parameters");
    CROFT_ASSIGN_OR_RETURN(const std::string one, state_->Format(statement));
    absl::StrAppend(&sql, one, ";\n");
  }
  CROFT_RETURN_IF_ERROR(state_->Send(sql, nullptr));
  return state_->Collect().status();
}

absl::StatusOr<Connection::Table> Connection::Run(const Statement& statement, size_t columns) {
  if (!usable()) return PostgresUnavailable("the connection was lost");
  CROFT_ASSIGN_OR_RETURN(const std::string sql, state_->Format(statement));
  CROFT_RETURN_IF_ERROR(state_->Send(sql, &statement));
  CROFT_ASSIGN_OR_RETURN(const Result result, state_->Collect());
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return WrongShape("no rows but a command's end");
  if (static_cast<size_t>(PQnfields(result.get())) != columns) {
    return WrongShape(absl::StrCat(PQnfields(result.get()), " columns instead of ", columns));
  }
  Table table(static_cast<size_t>(PQntuples(result.get())));
  for (size_t row = 0; row < table.size(); ++row) {
    for (size_t column = 0; column < columns; ++column) {
      const int r = static_cast<int>(row);
      const int c = static_cast<int>(column);
      Field& field = table[row].emplace_back();
      if (PQgetisnull(result.get(), r, c) == 0) {
        field.emplace(PQgetvalue(result.get(), r, c), static_cast<size_t>(PQgetlength(result.get(), r, c)));
      }
    }
  }
  return table;
}

absl::Status Connection::State::CheckArchived(absl::string_view text) const {
  if (connection == nullptr || PQstatus(connection) != CONNECTION_OK)
    return PostgresUnavailable("the connection was lost");
  if (trust != Trust::kTenant) return absl::InternalError("text of an archive on a privileged session");
  return HasNul(text) ? BadArgument("a statement of an archive holds a NUL") : absl::OkStatus();
}

absl::Status Connection::ExecuteArchived(absl::string_view sql) {
  CROFT_RETURN_IF_ERROR(state_->CheckArchived(sql));
  CROFT_RETURN_IF_ERROR(state_->Send(std::string(sql), nullptr));
  return state_->Collect().status();
}

absl::Status Connection::State::AwaitCopyIn(const Timeout& limit) {
  CROFT_RETURN_IF_ERROR(Flush(limit));
  while (PQisBusy(connection) != 0) {
    CROFT_RETURN_IF_ERROR(WaitForSocket(PQsocket(connection), false, limit));
    if (PQconsumeInput(connection) == 0) break;
  }
  const Result result(PQgetResult(connection), PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COPY_IN) return absl::OkStatus();
  absl::Status error = status == PGRES_FATAL_ERROR ? ResultError(connection, result.get())
                                                   : absl::InternalError("the statement takes no data");
  CollectUntil(limit).IgnoreError();
  return error;
}

absl::Status Connection::BeginCopyIn(absl::string_view sql) {
  CROFT_RETURN_IF_ERROR(state_->CheckArchived(sql));
  CROFT_RETURN_IF_ERROR(state_->Send(std::string(sql), nullptr));
  absl::Status begun = state_->AwaitCopyIn(state_->timeout);
  // Out of timeout: nothing can follow on this connection.
  if (!begun.ok() && usable() && PQtransactionStatus(state_->connection) == PQTRANS_ACTIVE) {
    state_->Cancel();
    state_->Drop();
  }
  return begun;
}

absl::Status Connection::CopyIn(absl::string_view bytes) {
  if (!usable()) return PostgresUnavailable("the connection was lost");
  constexpr size_t kMostBytes = 1 << 20;
  while (!bytes.empty()) {
    const absl::string_view piece = bytes.substr(0, kMostBytes);
    bytes.remove_prefix(piece.size());
    if (PQputCopyData(state_->connection, piece.data(), static_cast<int>(piece.size())) != 1) {
      return PostgresUnavailable(TrimmedError(state_->connection));
    }
    const absl::Status sent = state_->Flush(state_->timeout);
    if (sent.ok()) continue;
    state_->Drop();  // the rest of the data cannot follow
    return sent;
  }
  return absl::OkStatus();
}

absl::Status Connection::EndCopyIn() {
  if (!usable()) return PostgresUnavailable("the connection was lost");
  if (PQputCopyEnd(state_->connection, nullptr) != 1) {
    return PostgresUnavailable(TrimmedError(state_->connection));
  }
  return state_->Collect().status();
}

absl::Status Connection::WriteLargeObject(uint32_t oid, int64_t offset, absl::string_view bytes) {
  CROFT_RETURN_IF_ERROR(state_->CheckArchived(""));
  const std::string id = absl::StrCat(oid);
  const std::string at = absl::StrCat(offset);
  const char* const values[] = {id.c_str(), at.c_str(), bytes.data()};
  const int lengths[] = {0, 0, static_cast<int>(bytes.size())};
  const int formats[] = {0, 0, 1};
  if (PQsendQueryParams(
          state_->connection,
          "SELECT pg_catalog.lo_put($1::pg_catalog.oid, $2::pg_catalog.int8, $3::pg_catalog.bytea)", 3,
          nullptr, values, lengths, formats, 0) == 0) {
    return PostgresUnavailable(TrimmedError(state_->connection));
  }
  return state_->Collect().status();
}

int Connection::server_version() const { return usable() ? PQserverVersion(state_->connection) : 0; }

bool Connection::usable() const {
  return state_ != nullptr && state_->connection != nullptr &&
         PQstatus(state_->connection) == CONNECTION_OK;
}

int Connection::backend_pid() const { return usable() ? PQbackendPID(state_->connection) : 0; }

bool Connection::Read(const Field& field, std::string& value) {
  if (field) value = *field;
  return field.has_value();
}

bool Connection::Read(const Field& field, bool& value) {
  if (!field || (*field != "t" && *field != "f")) return false;
  value = *field == "t";
  return true;
}

bool Connection::Read(const Field& field, int32_t& value) {
  return field && absl::SimpleAtoi(*field, &value);
}

bool Connection::Read(const Field& field, int64_t& value) {
  return field && absl::SimpleAtoi(*field, &value);
}

bool Connection::Read(const Field& field, std::vector<std::string>& value) {
  value.clear();
  if (!field || field->size() < 2 || field->front() != '{' || field->back() != '}') return false;
  const absl::string_view body = absl::string_view(*field).substr(1, field->size() - 2);
  bool quoted = false;
  for (size_t i = 0; i < body.size(); ++i) {
    if (value.empty()) value.emplace_back();
    const char c = body[i];
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      value.emplace_back();
    } else if (c == '\\' && i + 1 < body.size()) {
      value.back() += body[++i];
    } else {
      value.back() += c;
    }
  }
  return !quoted;
}

absl::Status Connection::WrongShape(absl::string_view what) {
  return MakeError(absl::StatusCode::kInternal,
                   absl::StrCat("PostgreSQL answered in an unexpected shape: ", what),
                   {.reason = "UNEXPECTED_RESULT"});
}

}  // namespace croft::agent
