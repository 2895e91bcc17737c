#pragma once

#include <cstdint>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

// The user that PostgreSQL runs as.
namespace croft::agent {

struct User {
  std::string name;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

// NOT_FOUND (NO_SUCH_USER).
[[nodiscard]] absl::StatusOr<User> FindUser(absl::string_view name);
[[nodiscard]] absl::StatusOr<User> CurrentUser();

// OK when `user` can enter every folder from the root down to `path`, by its own id or primary group.
// FAILED_PRECONDITION (STATE_NOT_ENTERABLE) names the first that it cannot, NOT_FOUND one that is not there.
[[nodiscard]] absl::Status CheckEnterable(absl::string_view path, const User& user);

}  // namespace croft::agent
