#pragma once

#include <cstdint>
#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/catalog/sqlite/catalog_lock.h"
#include "controlplane/domain/revision.h"

// Copies of a catalog's file, which nobody writes: what they hold, and the way back.
namespace croft::catalog {

[[nodiscard]] absl::StatusOr<domain::Revision> RevisionOfCopy(absl::string_view path);

struct RestoreOptions {
  std::string copy;    // path of the copy
  std::string sha256;  // that it must have, hexadecimal; empty: not compared
  std::string machine_id;
  absl::Time now;
  int64_t epoch = 0;  // highest that is known besides those of the copy and of the catalog in its way
  std::string audited_as = "croftd/restore-catalog";
};

struct RestoredCatalog {
  domain::Revision copied;  // as the copy was
  int64_t epoch = 0;        // from now on
  int64_t tenants = 0;
  int64_t hosts = 0;       // that have yet to show what they hold
  int64_t operations = 0;  // that were under way in the copy, and ended by this
  std::string set_aside;   // the catalog that was there, under this name now; empty for none
};

// Puts a copy in the place of the catalog `path`, which no control plane may hold open. What was there is set aside, not
// deleted. Epoch and every tenant's counters are raised above all that can have been given out since, by the clock;
// what was under way ends as failed; every host and every tenant is unconfirmed until its agent has reported.
//
//   CATALOG_LOCKED       ABORTED; a control plane holds the catalog
//   DIGEST_MISMATCH      DATA_LOSS; the copy is not the one that was made
// and the errors of common/sqlite/database.h. Whatever the error, the catalog that was there is as it was.
[[nodiscard]] absl::StatusOr<RestoredCatalog> RestoreCatalog(absl::string_view path,
                                                             const RestoreOptions& options);
// The lock of the catalog `path`, there or not, as its control plane holds it.
[[nodiscard]] absl::StatusOr<CatalogLock> LockCatalog(absl::string_view path);
// RestoreCatalog for one who holds the lock already.
[[nodiscard]] absl::StatusOr<RestoredCatalog> RestoreCatalog(const CatalogLock& lock,
                                                             absl::string_view path,
                                                             const RestoreOptions& options);

}  // namespace croft::catalog
