#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "agent/backup/manifest.h"
#include "agent/backup/part.h"
#include "agent/backup/replay.h"
#include "agent/dump_format/reader.h"
#include "agent/postgres/timeout.h"
#include "agent/store/store.h"

// Checks a backup and restores it into a database.
namespace croft::agent {

// Which backup, and what its reader must hold.
struct BackupToRead {
  ArchiveIdentity identity;
  std::string key;
  // Of the archive, as recorded when it was made; an older copy in its place is refused.
  std::string sha256;
};

// The manifest, after it was found to be of this backup. DATA_LOSS (ARCHIVE_DAMAGED, MANIFEST_DAMAGED),
// NOT_FOUND (BACKUP_NOT_FOUND).
[[nodiscard]] absl::StatusOr<Manifest> OpenBackup(Store& store, const BackupToRead& backup);

// A part of an archive, and the rows in it.
struct PartOfArchive {
  Part part;
  int64_t table_count = 0;
  int64_t row_count = 0;
  int64_t row_bytes = 0;
};

// Reads the archive to its end, checks it as RestoreArchive does, and chooses a part of it (see ChoosePart).
[[nodiscard]] absl::StatusOr<PartOfArchive> ChooseFromArchive(Store& store, const Manifest& manifest,
                                                              const std::string& key,
                                                              const std::vector<std::string>& patterns,
                                                              const Timeout& timeout);

// Restores the archive as the tenant, into a database of its own, entry by entry (see Replay). `also` sees the dump while
// it is read. Grants come from the archive alone, so that the reader sees what it saw.
//
// The archive is read twice: first to its end, so that nothing of an archive that was changed, cut or replaced is
// ever applied, then again to replay it. A decrypted copy on disk would save the second reading, but needs room for
// the uncompressed dump and leaves a tenant's data in the clear wherever the agent is killed. The second reading
// checks all again, so a swap in between is found too, before the database is opened to anybody. For a part,
// ChooseFromArchive was the first reading.
[[nodiscard]] absl::StatusOr<Replayed> RestoreArchive(Store& store, const Manifest& manifest,
                                                      const std::string& key, DumpVisitor& also,
                                                      const ReplayTarget& target, const ServerProbe& probe,
                                                      const Timeout& timeout);

}  // namespace croft::agent
