#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>

// What an agent finds on its server and in its stores, from one look.
namespace croft::domain {

struct FoundDatabase {
  std::string name;  // as it is called now, sealed suffix included
  std::string uid;   // from its comment; empty when that names none
  int64_t generation = 0;
  bool allows_connections = false;
  bool invalid = false;  // a DROP was cut: only another DROP works
  int64_t size_bytes = 0;
  std::string owner;                        // empty: the agent's own role
  std::vector<std::string> missing_grants;  // what Croft granted on it and is gone
};

struct FoundRole {
  std::string name;
  bool can_login = false;
  bool expired = false;
  std::string verifier_digest;       // SHA-256 in hexadecimal; empty where it is not known
  bool overprivileged = false;       // has an attribute, such as SUPERUSER, that Croft never gives
  std::vector<std::string> held_by;  // databases that name it, while none of its tenant's is on the server
};

// What a backup says of itself, unproven.
struct FoundManifest {
  int64_t generation = 0;
  std::string database;
  std::string owner_role;
  std::string reader_role;
  absl::Time create_time;
  std::string server_version;
  std::string locale;
  std::string sha256;
  std::string wrapped_key;
  int64_t table_count = 0;
  int64_t row_count = 0;
  std::vector<std::string> extensions;
};

struct FoundBackup {
  std::string store;
  std::string uid;
  std::string id;
  bool has_archive = false;
  bool has_manifest = false;
  int64_t size_bytes = 0;                   // of the archive
  std::shared_ptr<FoundManifest> manifest;  // null: not asked for, or not to be read
};

struct FoundKey {
  std::string store;
  std::string uid;
  std::string wrapped_data_key;
};

struct LookedInto {
  std::string store;
  std::string problem;  // empty: it was looked into
};

// Highest command that the agent has obeyed for a tenant.
struct ObeyedPosition {
  std::string uid;
  int64_t epoch = 0;
  int64_t order = 0;
};

struct Inventory {
  std::string host;
  std::vector<FoundDatabase> databases;
  std::vector<FoundRole> roles;
  std::vector<std::string> orphan_directories;
  std::vector<FoundBackup> backups;
  std::vector<FoundKey> keys;
  std::vector<LookedInto> stores;
  std::vector<ObeyedPosition> positions;
  int64_t highest_epoch = 0;
};

// The uid in a name of the forms that Croft gives to databases and roles; empty for others. A name proves nothing:
// it only says whose the object may be.
[[nodiscard]] std::string UidInName(absl::string_view name);

// The name without the suffix that a sealed database carries.
[[nodiscard]] std::string WithoutSeal(absl::string_view database);
[[nodiscard]] std::string WithSeal(absl::string_view database);
[[nodiscard]] bool IsScratch(absl::string_view database);

}  // namespace croft::domain
