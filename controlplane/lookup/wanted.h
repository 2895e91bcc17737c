#pragma once

#include <cstddef>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "croft/v1/lookup.pb.h"

// What a lookup asks for.
namespace croft::lookup {

// What an answer is to hold.
struct Wanted {
  v1::Role role = v1::ROLE_APP;
  v1::Endpoint::Purpose purpose = v1::Endpoint::PURPOSE_DIRECT;
  bool password = false;
  bool extras = true;  // settings and features
  friend bool operator==(const Wanted&, const Wanted&) = default;
};

inline constexpr size_t kMostNames = 1000;

// The defaults filled in; INVALID_ARGUMENT for values that are none, FEATURE_NOT_AVAILABLE for purposes that no endpoint has. `password` and `extras` are the caller's
// to set.
absl::StatusOr<Wanted> ParseWanted(v1::Role role, v1::Endpoint::Purpose purpose);

// The name in lower case; INVALID_ARGUMENT naming `field` for what can be neither an id nor an alias.
absl::StatusOr<std::string> ParseTenantOrAlias(absl::string_view name, absl::string_view field);

}  // namespace croft::lookup
