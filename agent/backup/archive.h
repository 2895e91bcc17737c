#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/store/store.h"

// An archive as it lies in a store: a dump, compressed (zstd), then encrypted in chunks that cannot be changed,
// dropped, reordered or cut off. In constant memory.
namespace croft::agent {

// What an archive is, bound to its encryption: another tenant's, an older generation's or another backup's does
// not open in its place.
struct ArchiveIdentity {
  std::string uid;
  int64_t generation = 0;
  std::string backup;

  friend bool operator==(const ArchiveIdentity&, const ArchiveIdentity&) = default;
};

// Of the bytes as stored.
struct ArchiveDigest {
  int64_t size_bytes = 0;
  std::string sha256;  // lower-case hexadecimal

  friend bool operator==(const ArchiveDigest&, const ArchiveDigest&) = default;
};

// One thread at a time.
class ArchiveWriter {
 public:
  // `key` is of crypto::kKeyBytes. `object` outlives this.
  ArchiveWriter(ObjectWriter& object, absl::string_view key, const ArchiveIdentity& identity);
  ~ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;

  absl::Status Append(absl::string_view data);
  // Ends the archive, but does not commit the object. Call once, last.
  absl::StatusOr<ArchiveDigest> Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Gives the dump back piece by piece. `sink` may end the reading by an error, which is then the answer. Nothing
// that `sink` was given may be trusted before OK: only then was the end seen, and only the caller knows which
// digest it must have. DATA_LOSS (ARCHIVE_DAMAGED) for anything but the archive of `identity` under `key`.
[[nodiscard]] absl::StatusOr<ArchiveDigest> ReadArchive(
    ObjectReader& object, absl::string_view key, const ArchiveIdentity& identity,
    const std::function<absl::Status(absl::string_view)>& sink);

// Reads the whole archive as ReadArchive does, but looks into none of it: whether it is of `identity` under `key`.
// `keep_going` is asked all the time; its error ends the reading and is the answer.
[[nodiscard]] absl::StatusOr<ArchiveDigest> CheckArchive(ObjectReader& object, absl::string_view key,
                                                         const ArchiveIdentity& identity,
                                                         const std::function<absl::Status()>& keep_going);

[[nodiscard]] absl::Status ArchiveDamaged(absl::string_view what);

}  // namespace croft::agent
