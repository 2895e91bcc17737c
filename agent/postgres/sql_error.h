#pragma once

#include <string>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

// What PostgreSQL refused, as absl::Status with details. UNAVAILABLE, DEADLINE_EXCEEDED and
// RESOURCE_EXHAUSTED are worth another attempt; every other code is not.
namespace croft::agent {

namespace sqlstate {
inline constexpr absl::string_view kDuplicateObject = "42710";
inline constexpr absl::string_view kDuplicateDatabase = "42P04";
inline constexpr absl::string_view kUniqueViolation = "23505";
inline constexpr absl::string_view kUndefinedObject = "42704";
inline constexpr absl::string_view kUndefinedDatabase = "3D000";
inline constexpr absl::string_view kObjectInUse = "55006";
inline constexpr absl::string_view kNotInPrerequisiteState = "55000";
inline constexpr absl::string_view kDependentObjects = "2BP01";
inline constexpr absl::string_view kInsufficientPrivilege = "42501";
inline constexpr absl::string_view kDiskFull = "53100";
inline constexpr absl::string_view kQueryCanceled = "57014";
}  // namespace sqlstate

// `message` is the server's primary message. Reasons, among others: POSTGRES_UNAVAILABLE, DISK_FULL,
// DATABASE_IN_USE, LOGIN_REFUSED, NOT_PERMITTED, ALREADY_THERE, NOT_THERE, STILL_REFERENCED,
// POSTGRES_ERROR.
[[nodiscard]] absl::Status SqlError(absl::string_view sqlstate, absl::string_view message);

// No answer from the server: UNAVAILABLE, POSTGRES_UNAVAILABLE.
[[nodiscard]] absl::Status PostgresUnavailable(absl::string_view message);

// `status` with the server's whole message: DETAIL, HINT and CONTEXT too, of which a tenant can have written any.
[[nodiscard]] absl::Status WithPostgresMessage(absl::Status status, absl::string_view message);
// At most kMostMessageBytes; the message of `status` where it has no other.
[[nodiscard]] std::string PostgresMessageOf(const absl::Status& status);
inline constexpr size_t kMostMessageBytes = 4096;
// `text`, cut where it is longer than that.
[[nodiscard]] std::string CutMessage(absl::string_view text);

// The five characters; empty when `status` does not come from a statement.
[[nodiscard]] std::string SqlStateOf(const absl::Status& status);

}  // namespace croft::agent
