#pragma once

#include <functional>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/backup/archive.h"

// The chunks that an archive consists of, whatever is in them.
namespace croft::agent {

// What a file of this kind, and of this version, begins with.
inline constexpr absl::string_view kArchiveMagic = "croft-archive 1\n";
// What the encryption is bound to.
[[nodiscard]] std::string ArchiveContext(const ArchiveIdentity& identity);

// Opens chunk after chunk, up to the last, and gives the dump as it is compressed: by zstd, in whole frames. As for ReadArchive,
// nothing that `take` was given may be trusted before OK.
[[nodiscard]] absl::StatusOr<ArchiveDigest> ReadArchiveChunks(
    ObjectReader& object, absl::string_view key, const ArchiveIdentity& identity,
    const std::function<absl::Status(absl::string_view)>& take);

}  // namespace croft::agent
