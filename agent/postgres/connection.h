#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/postgres/access.h"
#include "agent/postgres/sql_error.h"
#include "agent/postgres/timeout.h"
#include "common/errors.h"

// Statements and connections over libpq; the one place that includes libpq-fe.h.
namespace croft::agent {

// One SQL statement. Its text is a literal of the program; everything else comes in by arguments:
//   %I an identifier, %L a string literal (utility statements take no parameters), %d an integer, %% a
//   percent sign, each but the last taking the next of `arguments`; $1, $2, … the bound `parameters`.
// An identifier over 63 bytes is refused (PostgreSQL would cut it), and so is a NUL anywhere.
class Statement {
 public:
  template <size_t N>
  Statement(const char (&text)[N], std::vector<std::string> arguments = {},  // NOLINT: implicit on purpose
            std::vector<std::optional<std::string>> parameters = {})
      : text_(text, N - 1), arguments_(std::move(arguments)), parameters_(std::move(parameters)) {}

  // Goes on with another literal, for statements with optional parts.
  template <size_t N>
  Statement& Append(const char (&text)[N], const std::vector<std::string>& arguments = {}) {
    text_.append(text, N - 1);
    arguments_.insert(arguments_.end(), arguments.begin(), arguments.end());
    return *this;
  }

  const std::string& text() const { return text_; }
  const std::vector<std::string>& arguments() const { return arguments_; }
  const std::vector<std::optional<std::string>>& parameters() const { return parameters_; }

 private:
  std::string text_;
  std::vector<std::string> arguments_;
  std::vector<std::optional<std::string>> parameters_;
};

// Bound parameters of a query without arguments.
template <size_t N>
Statement Bind(const char (&text)[N], std::vector<std::optional<std::string>> parameters) {
  return Statement(text, {}, std::move(parameters));
}

// A text array for `= ANY ($1::text[])`.
[[nodiscard]] std::string TextArray(const std::vector<std::string>& items);

enum class Trust {
  // A session of the agent's own role: search_path is pg_catalog, pg_temp from its first moment.
  kPrivileged,
  // A session with no more rights than the tenant's.
  kTenant,
};

// A connection to one database of PostgreSQL. One thread at a time. Notices are dropped. A statement that
// runs out of timeout is cancelled on the server (by a cancel request; backends are never killed).
class Connection {
 public:
  // UNAVAILABLE when nobody answers, UNAUTHENTICATED (LOGIN_REFUSED) when the server does not let it in,
  // NOT_FOUND when there is no such database.
  static absl::StatusOr<Connection> Open(const Conninfo& conninfo, Trust trust, const Timeout& timeout);

  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  // Applies to every statement that follows.
  void SetTimeout(Timeout timeout);

  // A statement that gives no rows, or whose rows do not matter.
  absl::Status Execute(const Statement& statement);
  // All of them in one transaction and one round trip; no parameters, only arguments.
  absl::Status ExecuteTogether(const std::vector<Statement>& statements);

  // Rows of the declared types: bool, int32_t, int64_t, std::string, or std::optional of these where SQL
  // may answer NULL. Another shape is INTERNAL.
  template <typename... Columns>
  absl::StatusOr<std::vector<std::tuple<Columns...>>> Rows(const Statement& statement);
  // Exactly one row; else INTERNAL.
  template <typename... Columns>
  absl::StatusOr<std::tuple<Columns...>> Row(const Statement& statement);
  // One column of exactly one row.
  template <typename Column>
  absl::StatusOr<Column> Value(const Statement& statement);

  // What follows runs text that comes out of an archive. Only a session with no more rights than the tenant's does
  // that: INTERNAL on another.

  // All statements of `sql` in one transaction.
  absl::Status ExecuteArchived(absl::string_view sql);
  // Begins `sql`, a COPY … FROM stdin; CopyIn and EndCopyIn follow. What the server refuses of the data is the answer of
  // EndCopyIn.
  absl::Status BeginCopyIn(absl::string_view sql);
  absl::Status CopyIn(absl::string_view bytes);
  absl::Status EndCopyIn();
  // Writes into the large object, which is there.
  absl::Status WriteLargeObject(uint32_t oid, int64_t offset, absl::string_view bytes);

  // The server's version as libpq tells it: 150020 is 15.20.
  int server_version() const;
  // False when the connection was lost: no statement can follow.
  bool usable() const;
  // Of the server's process for this connection.
  int backend_pid() const;

 private:
  struct State;
  using Field = std::optional<std::string>;
  using Table = std::vector<std::vector<Field>>;

  explicit Connection(std::unique_ptr<State> state);
  absl::StatusOr<Table> Run(const Statement& statement, size_t columns);

  static bool Read(const Field& field, std::string& value);
  static bool Read(const Field& field, std::vector<std::string>& value);
  static bool Read(const Field& field, bool& value);
  static bool Read(const Field& field, int32_t& value);
  static bool Read(const Field& field, int64_t& value);
  template <typename T>
  static bool Read(const Field& field, std::optional<T>& value) {
    if (!field) return value = std::nullopt, true;
    return Read(field, value.emplace());
  }
  static absl::Status WrongShape(absl::string_view what);

  std::unique_ptr<State> state_;
};

template <typename... Columns>
absl::StatusOr<std::vector<std::tuple<Columns...>>> Connection::Rows(const Statement& statement) {
  CROFT_ASSIGN_OR_RETURN(const Table table, Run(statement, sizeof...(Columns)));
  std::vector<std::tuple<Columns...>> rows;
  rows.reserve(table.size());
  for (const std::vector<Field>& fields : table) {
    std::tuple<Columns...>& row = rows.emplace_back();
    const bool read = std::apply(
        [&](Columns&... values) {
          size_t i = 0;
          return (Read(fields[i++], values) && ...);
        },
        row);
    if (!read) return WrongShape("a column is not of the declared type");
  }
  return rows;
}

template <typename... Columns>
absl::StatusOr<std::tuple<Columns...>> Connection::Row(const Statement& statement) {
  CROFT_ASSIGN_OR_RETURN(auto rows, Rows<Columns...>(statement));
  if (rows.size() != 1) return WrongShape("not exactly one row");
  return std::move(rows.front());
}

template <typename Column>
absl::StatusOr<Column> Connection::Value(const Statement& statement) {
  CROFT_ASSIGN_OR_RETURN(auto row, Row<Column>(statement));
  return std::get<0>(std::move(row));
}

}  // namespace croft::agent
