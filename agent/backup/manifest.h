#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "agent/backup/archive.h"
#include "agent/backup/catalog_facts.h"
#include "agent/dump_format/definition.h"
#include "agent/dump_format/finding.h"

// What lies beside an archive and says what is in it. Readable as JSON by people and by whoever rebuilds a
// catalog from the store alone. A backup without its manifest does not exist.
namespace croft::agent {

struct Manifest {
  ArchiveIdentity identity;
  std::string database;
  std::string owner_role;
  std::string reader_role;
  absl::Time create_time;
  ArchiveDigest archive;
  std::string wrapped_key;
  int64_t table_count = 0;
  int64_t row_count = 0;
  // Of extensions, manifests of the version before know the names alone; of settings and locale, only the collation.
  CatalogFacts facts;
  // What the dump lacks although it is in the database.
  std::vector<Finding> not_dumped;
  // Tables whose rows were left out by intention; the dump has their definitions.
  std::vector<QualifiedName> without_rows;
  // All that was said when the backup was made.
  std::vector<Finding> findings;
  // Made by the version of Croft before: what is not in `facts` was not asked.
  bool old = false;
};

// Objects of a backup in its store.
[[nodiscard]] std::string ArchiveObject(absl::string_view uid, absl::string_view backup);
[[nodiscard]] std::string ManifestObject(absl::string_view uid, absl::string_view backup);
// The tenant's wrapped data key.
[[nodiscard]] std::string KeyObject(absl::string_view uid);

inline constexpr size_t kMaxManifestBytes = 64 << 20;

// JSON with a seal that only the holder of the backup's key can make.
[[nodiscard]] std::string EncodeManifest(const Manifest& manifest, absl::string_view key);

// DATA_LOSS (MANIFEST_DAMAGED) for anything but what EncodeManifest made with `key`; FAILED_PRECONDITION
// (MANIFEST_NEWER) for one of a later version of Croft.
[[nodiscard]] absl::StatusOr<Manifest> DecodeManifest(absl::string_view json, absl::string_view key);

// The same without the key: whether this is what was made stays open.
[[nodiscard]] absl::StatusOr<Manifest> ReadUnprovenManifest(absl::string_view json);

}  // namespace croft::agent
