#pragma once

#include <cstdint>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/sqlite/database.h"
#include "common/sqlite/statement.h"
#include "controlplane/catalog/audit_chain.h"
#include "controlplane/domain/fleet_event.h"
#include "controlplane/domain/revision.h"

// The catalog's own facts: epoch, revision, counters.
namespace croft::catalog {

// Where the catalog's history stands.
struct CatalogHead {
  domain::Revision revision;
  AuditHead audit_head;
  int64_t tenants = 0;       // that are no tombstones
  int64_t last_event = 0;    // position
  int64_t pruned_event = 0;  // position
};

class MetaReads {
 public:
  explicit MetaReads(sqlite::Database& database);

  absl::StatusOr<CatalogHead> Read();
  absl::StatusOr<domain::EventLog> ReadEventLog();

 private:
  sqlite::Statement read_;
  sqlite::Statement read_event_log_;
};

class MetaWrites {
 public:
  explicit MetaWrites(sqlite::Database& database);

  // The epoch stays as it is.
  absl::Status Put(const CatalogHead& standing);

 private:
  sqlite::Statement put_;
};

// Who opens a catalog, and what for.
struct Claim {
  std::string machine_id;
  int64_t inode = 0;  // of the catalog's file
  bool take_over = false;
  absl::Time now;
};

// The position after which a catalog that is new or restored at `now` gives out positions of events: none that was given
// out before is above it.
[[nodiscard]] int64_t FirstEventPosition(absl::Time now);

// Notes in a new catalog whose it is. A known one must be the same file on the same machine, else
// FAILED_PRECONDITION, CATALOG_COPIED. Taking over raises the epoch by one, and above the seconds since 1970
// where the file is a copy, since nobody knows what the other one has become; positions of events rise then, too.
[[nodiscard]] absl::Status ClaimCatalog(sqlite::Database& database, const Claim& claim);
// Whether ClaimCatalog would refuse. Changes nothing.
[[nodiscard]] absl::Status CheckClaim(sqlite::Database& database, const Claim& claim);

// From /etc/machine-id; empty where there is none.
[[nodiscard]] std::string ReadMachineId();

}  // namespace croft::catalog
