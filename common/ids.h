#pragma once

#include <string>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>

// Identifiers that Croft makes. `entropy` is at least 16 random bytes; the same bytes give the same id, so
// that the engine stays a pure function.
namespace croft {

// 16 characters of `a-z2-7`.
[[nodiscard]] std::string UidFrom(absl::string_view entropy);
// `op-` and 16 of the same.
[[nodiscard]] std::string OperationIdFrom(absl::string_view entropy);
// `tk-` and 16 of the same.
[[nodiscard]] std::string AccessTokenIdFrom(absl::string_view entropy);
// `20261123t031100z-` and 4 of the same: sorts by time.
[[nodiscard]] std::string BackupIdFrom(absl::Time now, absl::string_view entropy);

// What PostgreSQL objects of a tenant are called: `t_<slug>_<uid>`, the slug at most 20 characters of the id.
// Made once, at creation, and stored.
[[nodiscard]] std::string OwnerRoleName(absl::string_view tenant_id, absl::string_view uid);
[[nodiscard]] std::string DatabaseName(absl::string_view owner_role, int64_t generation);

}  // namespace croft
