// Converts SQLSTATEs into status codes and reasons.

#include "agent/postgres/sql_error.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/cord.h>
#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "common/errors.h"

namespace croft::agent {
namespace {

constexpr char kSqlStateKey[] = "sqlstate";
constexpr char kMessagePayload[] = "croft/postgres-message";

struct Meaning {
  absl::string_view prefix;  // of a SQLSTATE; the first that fits counts
  absl::StatusCode code;
  absl::string_view reason;
};

// Retryable are kUnavailable, kDeadlineExceeded and kResourceExhausted.
constexpr Meaning kMeanings[] = {
    {"08", absl::StatusCode::kUnavailable, "POSTGRES_UNAVAILABLE"},
    {"57P", absl::StatusCode::kUnavailable, "POSTGRES_UNAVAILABLE"},  // shut down, crashed, still starting
    {"57014", absl::StatusCode::kUnavailable, "STATEMENT_CANCELLED"},
    {"53100", absl::StatusCode::kResourceExhausted, "DISK_FULL"},
    {"53200", absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY"},
    {"53300", absl::StatusCode::kResourceExhausted, "TOO_MANY_CONNECTIONS"},
    {"53", absl::StatusCode::kResourceExhausted, "SERVER_EXHAUSTED"},
    {"55006", absl::StatusCode::kUnavailable, "DATABASE_IN_USE"},
    {"55P03", absl::StatusCode::kUnavailable, "LOCK_NOT_AVAILABLE"},
    {"55000", absl::StatusCode::kFailedPrecondition, "NOT_IN_STATE"},
    {"40", absl::StatusCode::kUnavailable, "CONFLICT"},
    {"28", absl::StatusCode::kUnauthenticated, "LOGIN_REFUSED"},
    {"42501", absl::StatusCode::kPermissionDenied, "NOT_PERMITTED"},
    {"42710", absl::StatusCode::kAlreadyExists, "ALREADY_THERE"},
    {"42P04", absl::StatusCode::kAlreadyExists, "ALREADY_THERE"},
    {"42P06", absl::StatusCode::kAlreadyExists, "ALREADY_THERE"},
    {"23505", absl::StatusCode::kAlreadyExists, "ALREADY_THERE"},
    {"42704", absl::StatusCode::kNotFound, "NOT_THERE"},
    {"3D000", absl::StatusCode::kNotFound, "NOT_THERE"},
    {"2BP01", absl::StatusCode::kFailedPrecondition, "STILL_REFERENCED"},
    {"0A000", absl::StatusCode::kFailedPrecondition, "NOT_SUPPORTED"},
    // A standby, or a provider's server whose disk is full: both pass.
    {"25006", absl::StatusCode::kUnavailable, "READ_ONLY"},
    {"XX001", absl::StatusCode::kDataLoss, "DATA_CORRUPTED"},
    {"XX002", absl::StatusCode::kDataLoss, "INDEX_CORRUPTED"},
    // "tuple concurrently updated" among others: two changed one role or database at the same instant.
    {"XX000", absl::StatusCode::kUnavailable, "POSTGRES_INTERNAL_ERROR"},
    {"58", absl::StatusCode::kUnavailable, "SERVER_IO_ERROR"},
};

constexpr absl::Duration kRetryDelay = absl::Seconds(1);

}  // namespace

absl::Status SqlError(absl::string_view sqlstate, absl::string_view message) {
  const auto* meaning = std::find_if(std::begin(kMeanings), std::end(kMeanings), [&](const Meaning& m) {
    return sqlstate.substr(0, m.prefix.size()) == m.prefix;
  });
  const bool known = meaning != std::end(kMeanings);
  ErrorDetails details{.reason = known ? std::string(meaning->reason) : "POSTGRES_ERROR",
                       .metadata = {{kSqlStateKey, std::string(sqlstate)}}};
  const absl::StatusCode code = known ? meaning->code : absl::StatusCode::kInternal;
  if (code == absl::StatusCode::kUnavailable) details.retry_delay = kRetryDelay;
  return MakeError(code, absl::StrCat("PostgreSQL: ", message, " (", sqlstate, ")"), std::move(details));
}

absl::Status PostgresUnavailable(absl::string_view message) {
  return MakeError(absl::StatusCode::kUnavailable, absl::StrCat("PostgreSQL does not answer: ", message),
                   {.reason = "POSTGRES_UNAVAILABLE", .retry_delay = kRetryDelay});
}

std::string CutMessage(absl::string_view text) {
  constexpr absl::string_view kCut = " [cut]";
  text = absl::StripAsciiWhitespace(text);
  if (text.size() <= kMostMessageBytes) return std::string(text);
  return absl::StrCat(text.substr(0, kMostMessageBytes - kCut.size()), kCut);
}

absl::Status WithPostgresMessage(absl::Status status, absl::string_view message) {
  status.SetPayload(kMessagePayload, absl::Cord(CutMessage(message)));
  return status;
}

std::string PostgresMessageOf(const absl::Status& status) {
  const auto message = status.GetPayload(kMessagePayload);
  return message ? std::string(*message) : CutMessage(status.message());
}

std::string SqlStateOf(const absl::Status& status) {
  if (status.ok()) return "";
  ErrorDetails details = DetailsOf(status);
  return details.metadata[kSqlStateKey];
}

}  // namespace croft::agent
