// Reads which statements took the most time from pg_stat_statements.

#include "agent/postgres/statement_reader.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "agent/postgres/connection.h"
#include "common/errors.h"
#include "common/utf8.h"

namespace croft::agent {
namespace {

// Their constants are `$1` in the text that the server keeps.
constexpr absl::string_view kQueries[] = {"SELECT", "INSERT", "UPDATE", "DELETE",
                                          "MERGE",  "VALUES", "WITH"};

constexpr char kExtensionSchema[] =
    "SELECT n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
    "WHERE e.extname = 'pg_stat_statements'";

constexpr char kLoadsLibrary[] =
    "SELECT current_setting('shared_preload_libraries') ~ '(^|[, \"/])pg_stat_statements($|[, \"])'";

// A rotation gives a tenant another login, so roles are summed up. A statement whose text was lost has none.
constexpr char kSlowest[] =
    "SELECT coalesce(min(left(s.query, 2000)), ''), sum(s.calls)::int8, (sum(s.total_exec_time) * "
    "1000)::int8, "
    "(max(s.max_exec_time) * 1000)::int8, sum(s.rows)::int8, sum(s.shared_blks_read)::int8, "
    "sum(s.shared_blks_hit)::int8, sum(s.temp_blks_written)::int8 * 8192 "
    "FROM %I.pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid "
    "WHERE d.datname::text IN ($1::text, $1::text || '_f') AND s.userid <> (SELECT oid FROM pg_roles WHERE "
    "rolname = "
    "current_user) "
    "GROUP BY s.queryid ORDER BY sum(s.total_exec_time) DESC LIMIT $2::int";

absl::Status NotCounted(const std::string& why) {
  return MakeError(absl::StatusCode::kFailedPrecondition, why, {.reason = "STATEMENTS_NOT_COUNTED"});
}

// One space for each run of white space and control characters.
std::string InOneLine(absl::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool blank = static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
    if (!blank) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  absl::StripTrailingAsciiWhitespace(&line);
  return line;
}

size_t WordAt(absl::string_view text, size_t begin) {
  size_t end = begin;
  while (end < text.size() &&
         (absl::ascii_isalpha(static_cast<unsigned char>(text[end])) || text[end] == '_'))
    ++end;
  return end;
}

// Where the statement's first word begins: after parentheses and comments.
size_t FirstWord(absl::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    if (text[at] == ' ' || text[at] == '(') {
      ++at;
    } else if (text.substr(at, 2) == "/*") {
      const size_t end = text.find("*/", at + 2);
      at = end == absl::string_view::npos ? text.size() : end + 2;
    } else {
      break;
    }
  }
  return at;
}

bool IsQuery(absl::string_view word) {
  return std::any_of(std::begin(kQueries), std::end(kQueries),
                     [word](absl::string_view query) { return absl::AsciiStrToUpper(word) == query; });
}

// A text in quotes or dollars begins here; `$1` is none.
bool QuotesAt(absl::string_view text, size_t at) {
  if (text[at] == '\'') return true;
  if (text[at] != '$') return false;
  return at + 1 == text.size() || !absl::ascii_isdigit(static_cast<unsigned char>(text[at + 1]));
}

size_t FirstQuoted(absl::string_view text) {
  size_t at = 0;
  while (at < text.size() && !QuotesAt(text, at)) ++at;
  return at;
}

// Where the extension lies, made where that is the agent's to do.
absl::StatusOr<std::string> ExtensionSchema(Connection& connection, bool own_server) {
  CROFT_ASSIGN_OR_RETURN(std::vector<std::tuple<std::string>> found,
                         connection.Rows<std::string>(kExtensionSchema));
  if (found.empty() && own_server) {
    CROFT_ASSIGN_OR_RETURN(const bool loads, connection.Value<bool>(kLoadsLibrary));
    if (!loads) {
      return NotCounted(
          "the server does not count statements: put shared_preload_libraries = 'pg_stat_statements' into "
          "local.conf beside postgresql.conf and restart the server");
    }
    CROFT_RETURN_IF_ERROR(
        connection.Execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA public"));
    auto made = connection.Rows<std::string>(kExtensionSchema);
    if (!made.ok()) return std::move(made).status();
    found = *std::move(made);
  }
  if (found.empty()) {
    return NotCounted(
        "the server does not count statements: the extension pg_stat_statements is not in the maintenance "
        "database");
  }
  return std::get<0>(found.front());
}

}  // namespace

ShownStatement ShowStatement(absl::string_view text) {
  const std::string line = InOneLine(text);
  const size_t first = FirstWord(line);
  const size_t first_end = WordAt(line, first);
  size_t end = FirstQuoted(line);
  if (!IsQuery(absl::string_view(line).substr(first, first_end - first))) {
    const size_t second = first_end == first ? first : std::min(first_end + 1, line.size());
    end = std::min(end, WordAt(line, second));
  }
  const absl::string_view shown =
      absl::StripTrailingAsciiWhitespace(absl::string_view(line).substr(0, end));
  return {.text = Presentable(shown, kLongestStatement),
          .cut = end < line.size() || shown.size() > kLongestStatement};
}

absl::StatusOr<std::vector<StatementUse>> StatementReader::ReadSlowest(const std::string& database,
                                                                       int32_t limit,
                                                                       const Timeout& timeout) const {
  const ServerAccess access = access_();
  Conninfo conninfo = access.agent;
  conninfo["dbname"] = access.maintenance_database;
  CROFT_ASSIGN_OR_RETURN(Connection connection, Connection::Open(conninfo, Trust::kPrivileged, timeout));
  connection.SetTimeout(timeout);
  CROFT_ASSIGN_OR_RETURN(const bool sees_all,
                         connection.Value<bool>("SELECT pg_has_role('pg_read_all_stats', 'USAGE')"));
  if (!sees_all) {
    return MakeError(absl::StatusCode::kPermissionDenied,
                     "the agent's role may not see other roles' statements: GRANT pg_read_all_stats TO it",
                     {.reason = "STATEMENTS_DENIED"});
  }
  CROFT_ASSIGN_OR_RETURN(const std::string schema, ExtensionSchema(connection, access.own_server));
  auto rows = connection.Rows<std::string, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t>(
      Statement(kSlowest, {schema}, {database, absl::StrCat(limit)}));
  if (!rows.ok()) {
    if (SqlStateOf(rows.status()) != sqlstate::kNotInPrerequisiteState) return std::move(rows).status();
    return NotCounted(absl::StrCat("the server does not count statements: ", rows.status().message()));
  }
  std::vector<StatementUse> found;
  found.reserve(rows->size());
  for (const auto& [text, calls, total, longest, row_count, read, hit, temporary] : *rows) {
    found.push_back({.statement = ShowStatement(text),
                     .calls = calls,
                     .total_microseconds = total,
                     .longest_microseconds = longest,
                     .rows = row_count,
                     .blocks_read = read,
                     .blocks_hit = hit,
                     .temporary_bytes = temporary});
  }
  return found;
}

}  // namespace croft::agent
