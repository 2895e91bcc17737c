#pragma once

#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "agent/backup/manifest.h"
#include "agent/backup/program.h"
#include "agent/postgres/access.h"
#include "agent/postgres/client_programs.h"
#include "agent/postgres/patience.h"
#include "agent/store/store.h"
#include "common/random.h"

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

struct RestoreTarget {
  // With dbname, user and password: a login that acts as the owner role (`role` is set) in a database that
  // holds nothing yet.
  Conninfo conninfo;
  // As they are called here, whatever the manifest calls them.
  std::string owner_role;
  std::string reader_role;
};

// Restores the whole archive as the tenant, into a database of its own. Grants come from the archive alone, so
// that the reader sees what it saw; those to a role that is not the tenant's are passed over where there is no
// such role, and always under new names.
//
// The archive is read twice: first to its end, so that nothing of an archive that was changed, cut or replaced is
// ever applied, then again into pg_restore. A decrypted copy on disk would save the second reading, but needs
// room for the uncompressed dump and leaves a tenant's data in the clear wherever the agent is killed. The
// second reading checks all again, so a swap in between is found too, before the database is opened to anybody.
[[nodiscard]] absl::Status RestoreArchive(Store& store, const Manifest& manifest, const std::string& key,
                                          const RestoreTarget& target, const ClientPrograms& programs,
                                          const ProgramPlace& place, Random& random,
                                          const Patience& patience);

// Whether the database holds what the manifest says. `conninfo`: a role that sees every row.
[[nodiscard]] absl::Status CompareWithManifest(const Conninfo& conninfo, const Manifest& manifest,
                                               const Patience& patience);

}  // namespace croft::agent
