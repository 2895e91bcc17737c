// One session of a restore: sets its search path, runs an entry, and opens again after a loss.

#include "agent/backup/replay_session.h"

#include <utility>
#include <vector>

#include <absl/strings/match.h>

#include "agent/backup/program.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

constexpr int kWithTransactionTimeout = 170000;

// As pg_restore begins. What the tenant's database is set to would else decide how rows are read.
std::vector<Statement> SetUp(int server_version) {
  std::vector<Statement> statements = {
      "SET statement_timeout = 0", "SET lock_timeout = 0", "SET idle_in_transaction_session_timeout = 0",
      "SET idle_session_timeout = 0", "SET client_encoding = 'UTF8'",
      "SET standard_conforming_strings = on", "SET check_function_bodies = false",
      "SET xmloption = content", "SET client_min_messages = warning", "SET row_security = off",
      "SET default_transaction_read_only = off", "SET default_transaction_isolation = 'read committed'",
      "SET default_tablespace = ''", "SET default_table_access_method = heap", "SET DateStyle = 'ISO'",
      "SET IntervalStyle = 'postgres'", "SET lc_monetary = 'C'", "SET synchronous_commit = off",
      // It costs more than it saves: few statements here are planned at all.
      "SET jit = off"};
  if (server_version >= kWithTransactionTimeout) statements.push_back("SET transaction_timeout = 0");
  return statements;
}

bool IsTimeUp(const absl::Status& status, const Timeout& timeout) {
  return absl::IsCancelled(status) || !CheckTimeout(timeout).ok();
}

}  // namespace

bool MayBeTheServers(const absl::Status& status) {
  const std::string state = SqlStateOf(status);
  if (state.empty()) return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
  for (const absl::string_view prefix : {"08", "53", "57P", "58", "XX"}) {
    if (absl::StartsWith(state, prefix)) return true;
  }
  return false;
}

absl::StatusOr<ReplaySession> ReplaySession::Open(const Conninfo& conninfo, const ServerProbe& probe,
                                                  const Timeout& timeout) {
  ReplaySession session(conninfo, probe, timeout);
  CROFT_RETURN_IF_ERROR(session.Reopen());
  return session;
}

absl::Status ReplaySession::Reopen() {
  connection_.reset();
  CROFT_ASSIGN_OR_RETURN(Connection connection, Connection::Open(conninfo_, Trust::kTenant, timeout_));
  connection.SetTimeout(timeout_);
  CROFT_RETURN_IF_ERROR(connection.ExecuteTogether(SetUp(connection.server_version())));
  connection_ = std::move(connection);
  return SetPath();
}

absl::Status ReplaySession::SetPath() {
  if (path_ == SearchPath::kTenants && tenants_path_.empty()) {
    return connection_->Execute("RESET search_path");
  }
  // SET would make of the empty path one that holds the empty name.
  const std::string path = path_ == SearchPath::kEmpty ? "" : tenants_path_;
  return connection_->Execute(Bind("SELECT pg_catalog.set_config('search_path', $1, false)", {path}));
}

absl::Status ReplaySession::Use(SearchPath path, const std::string& tenants_path) {
  path_ = path;
  tenants_path_ = tenants_path;
  return connection_ && connection_->usable() ? SetPath() : Reopen();
}

absl::StatusOr<ReplaySession::Attempt> ReplaySession::Try(
    const std::function<absl::Status(Connection&)>& work) {
  CROFT_RETURN_IF_ERROR(CheckTimeout(timeout_));
  if (!connection_ || !connection_->usable()) CROFT_RETURN_IF_ERROR(Reopen());
  absl::Status status = work(*connection_);
  if (status.ok()) return Attempt{};
  if (IsTimeUp(status, timeout_)) return status;
  if (MayBeTheServers(status)) CROFT_RETURN_IF_ERROR(probe_->check());
  return Attempt{std::move(status)};
}

}  // namespace croft::agent
