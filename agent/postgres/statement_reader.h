#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/postgres/access.h"
#include "agent/postgres/timeout.h"

namespace croft::agent {

// The text of a statement as it leaves the server's machine.
struct ShownStatement {
  std::string text;
  bool cut = false;  // the statement goes on
};

inline constexpr size_t kLongestStatement = 500;

// `text` in one line of well-formed UTF-8 without control characters, at most kLongestStatement bytes, and without what
// it may say in secret: pg_stat_statements puts `$1` for the constants of queries alone, so that of any other statement
// only its first two words are shown; and each ends before its first quoted text. Pure.
[[nodiscard]] ShownStatement ShowStatement(absl::string_view text);

// What one statement took, over all logins that ran it.
struct StatementUse {
  ShownStatement statement;
  int64_t calls = 0;
  int64_t total_microseconds = 0;
  int64_t longest_microseconds = 0;
  int64_t rows = 0;
  int64_t blocks_read = 0;
  int64_t blocks_hit = 0;
  int64_t temporary_bytes = 0;
};

// Reads what pg_stat_statements of the maintenance database counts of tenants' databases, each time over a connection of
// its own. It enters no tenant's database. Thread-safe.
class StatementReader {
 public:
  // `access` is asked each time.
  explicit StatementReader(std::function<ServerAccess()> access) : access_(std::move(access)) {}

  // The statements of `database`, fenced or not, that took the most time, at most `limit`; the agent's own are left out. One query that
  // costs what pg_stat_statements keeps, whatever the size of the database. On a server of the agent's own that loads
  // the library it makes the extension first. FAILED_PRECONDITION, STATEMENTS_NOT_COUNTED, where there is none;
  // PERMISSION_DENIED, STATEMENTS_DENIED, where the agent's role may not see other roles' statements.
  absl::StatusOr<std::vector<StatementUse>> ReadSlowest(const std::string& database, int32_t limit,
                                                        const Timeout& timeout) const;

 private:
  const std::function<ServerAccess()> access_;
};

}  // namespace croft::agent
