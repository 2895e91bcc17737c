#pragma once

#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/store/store.h"
#include "common/clock.h"
#include "common/random.h"

namespace croft::agent {

// A store as an agent is told of it: `URL`, or `NAME=URL`, where the name is 1 to 63 of `a-z`, `0-9` and `-` that begin with
// a letter.
struct NamedStore {
  std::string name;  // may be empty
  std::string url;
};
[[nodiscard]] NamedStore ParseNamedStore(absl::string_view text);

// Whether `url` names a store: `file:///FOLDER`, or `s3://BUCKET/PREFIX?…` as ParseS3Address reads it. INVALID_ARGUMENT
// says what is wrong; nothing is looked for.
[[nodiscard]] absl::Status CheckStoreUrl(absl::string_view url);

// The store of `url`. The errors of CheckStoreUrl, OpenFileStore and OpenS3Store. `clock` and `random` outlive the
// store.
[[nodiscard]] absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& url, const Clock& clock,
                                                               Random& random);

}  // namespace croft::agent
