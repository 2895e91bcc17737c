#pragma once

#include <map>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/store/store.h"

// The XML of S3, which is input from outside: no entities of its own are expanded, and what is not as described is an
// error, never a guess. Errors are UNAVAILABLE (STORE_UNREACHABLE).
namespace croft::agent {

struct S3Listing {
  std::vector<StoredObject> objects;  // names are whole keys
  bool truncated = false;
};

struct AssumedRole {
  std::string access_key;
  std::string secret_key;
  std::string session_token;
  std::string expiration;
};

// Code of an error, such as "NoSuchKey"; empty when `xml` is no error's.
[[nodiscard]] std::string S3ErrorCode(absl::string_view xml);
[[nodiscard]] absl::StatusOr<S3Listing> ParseListing(absl::string_view xml);
[[nodiscard]] absl::StatusOr<std::string> ParseUploadId(absl::string_view xml);
// Whether versions of objects are kept, or were once.
[[nodiscard]] absl::StatusOr<bool> ParseVersioned(absl::string_view xml);
[[nodiscard]] absl::StatusOr<AssumedRole> ParseAssumedRole(absl::string_view xml);

// The body that joins parts, whose ETags these are in order.
[[nodiscard]] std::string CompleteUploadBody(const std::vector<std::string>& etags);

}  // namespace croft::agent
