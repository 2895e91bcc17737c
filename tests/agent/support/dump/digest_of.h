#pragma once

#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/dump_format/digest.h"

namespace croft::agent {

// The digest of a whole dump in memory, under a key that all calls share. `cut`: it is read in pieces of so many bytes.
[[nodiscard]] absl::StatusOr<DumpDigest> DigestOf(absl::string_view dump, size_t cut = 64 << 10);

}  // namespace croft::agent
