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

// Whether `url` names a store: `file:///FOLDER`, or `s3://BUCKET/PREFIX?…` as ParseS3Address reads it. INVALID_ARGUMENT
// says what is wrong; nothing is looked for.
[[nodiscard]] absl::Status CheckStoreUrl(absl::string_view url);

// The store of `url`. The errors of CheckStoreUrl, OpenFileStore and OpenS3Store. `clock` and `random` outlive the
// store.
[[nodiscard]] absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& url, const Clock& clock,
                                                               Random& random);

}  // namespace croft::agent
