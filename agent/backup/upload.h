#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "agent/backup/export.h"
#include "agent/backup/manifest.h"
#include "agent/store/store.h"

// Receives an exported archive for an import.
namespace croft::agent {

struct UploadedBackup {
  ArchiveIdentity identity;
  std::string key;
  std::string wrapped_key;
  std::string wrapped_data_key;
  std::string database;
  std::string owner_role;  // in the archive
  std::string reader_role;
  // As far as they are known; nothing is asked of a database.
  CatalogFacts facts;
  // What the dump must be.
  PlainDump dump;
  // What it lacks although it was in the database.
  std::vector<Finding> not_dumped;
  int64_t upload_bytes = 0;  // about how many will come; 0: not known
};

// The next bytes of the dump, compressed by zstd; nullopt: all has come. The first error is the answer of StoreUpload.
using NextPart = std::function<absl::StatusOr<std::optional<std::string>>()>;

// Seals what comes into the store as it comes, and makes a backup of it only when it was whole. After an error the caller
// removes what there is of the tenant's in the store. DATA_LOSS (BUNDLE_DAMAGED) for what is not what was described.
[[nodiscard]] absl::StatusOr<Manifest> StoreUpload(Store& store, const UploadedBackup& backup,
                                                   absl::Time now, const NextPart& next);

}  // namespace croft::agent
