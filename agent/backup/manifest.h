#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "agent/backup/archive.h"
#include "agent/backup/content.h"

// What lies beside an archive and says what is in it. Readable as JSON by people and by whoever rebuilds a
// catalog from the store alone. A backup without its manifest does not exist.
namespace croft::agent {

struct PolicyName {
  std::string schema;
  std::string table;
  std::string policy;

  friend bool operator==(const PolicyName&, const PolicyName&) = default;
};

struct Manifest {
  ArchiveIdentity identity;
  std::string database;
  std::string owner_role;
  std::string reader_role;
  absl::Time create_time;
  std::string server_version;  // such as "15.20"
  int64_t server_major = 0;
  std::string locale;
  ArchiveDigest archive;
  std::string wrapped_key;
  Content content;
  std::vector<std::string> extensions;
  // Publications FOR ALL TABLES, which a tenant can neither make nor restore.
  std::vector<std::string> all_tables_publications;
  // Roles that are not the tenant's and that its grants name. Such a grant is restored only where the role is.
  std::vector<std::string> foreign_roles;
  // Policies that name such roles, which are not restored: row security then shows less, never more.
  std::vector<PolicyName> foreign_policies;
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
