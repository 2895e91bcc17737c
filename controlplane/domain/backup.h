#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/domain/finding.h"
#include "controlplane/domain/tenant.h"

// A backup, and what it is good for.
namespace croft::domain {

enum class BackupState {
  kCreating,
  kAvailable,  // stored with its manifest
  kVerified,   // restored once and compared: all of it is there
  kFailed,
  kDeleting,
  kVerifiedWithNotes,  // the same, and something is worth knowing
  kIncomplete,         // some objects do not restore
  kDamaged,            // not what was backed up, or not to be read
};

constexpr absl::string_view NameOf(BackupState value) {
  switch (value) {
    case BackupState::kCreating: return "CREATING";
    case BackupState::kAvailable: return "AVAILABLE";
    case BackupState::kVerified: return "VERIFIED";
    case BackupState::kFailed: return "FAILED";
    case BackupState::kDeleting: return "DELETING";
    case BackupState::kVerifiedWithNotes: return "VERIFIED_WITH_NOTES";
    case BackupState::kIncomplete: return "INCOMPLETE";
    case BackupState::kDamaged: return "DAMAGED";
  }
  return "";
}
enum class BackupOrigin { kManual, kFinal, kScheduled };

constexpr absl::string_view NameOf(BackupOrigin value) {
  switch (value) {
    case BackupOrigin::kManual: return "MANUAL";
    case BackupOrigin::kFinal: return "FINAL";
    case BackupOrigin::kScheduled: return "SCHEDULED";
  }
  return "";
}

// A legal hold: while it lasts, nothing deletes the backup.
struct LegalHold {
  std::optional<absl::Time> time;  // set while it lasts
  std::string caller;
  std::string reason;

  friend bool operator==(const LegalHold&, const LegalHold&) = default;
};

// A backup's archive and manifest, unchanged, in another store than its own.
struct BackupCopy {
  std::string store;
  std::string store_name;                      // what the host that copied it calls the store; may be empty
  BackupState state = BackupState::kCreating;  // kCreating: it is being copied, for the first time or again
  absl::Time create_time;
  std::optional<absl::Time> copy_time;  // when it was whole, and its digest compared
  std::optional<absl::Time> verify_time;
  int32_t failures = 0;   // in a row
  absl::Time retry_time;  // while it is kFailed
  std::string failure;    // the last

  friend bool operator==(const BackupCopy&, const BackupCopy&) = default;
};

struct Backup {
  std::string tenant;  // id
  std::string id;
  std::string tenant_uid;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;
  BackupState state = BackupState::kCreating;
  BackupOrigin origin = BackupOrigin::kManual;
  std::string store;
  int64_t size_bytes = 0;
  std::string sha256;
  int64_t generation = 0;
  std::string server_version;
  int64_t table_count = 0;
  int64_t row_count = 0;
  std::optional<absl::Time> verify_time;
  // Its own key, wrapped by the tenant's data key.
  std::string wrapped_key;
  Findings findings;        // of making it
  Findings proof_findings;  // of its last proof, or of the restore that showed what it is
  // What its maker called it and said about it; a name is one backup's of its tenant.
  std::string given_name;
  std::string note;
  LegalHold hold;
  int64_t database_bytes = 0;       // of the database when it was made; 0: not known
  absl::Duration restore_duration;  // of its last restore or proof; zero: none was measured
  std::vector<BackupCopy> copies;   // one a store

  friend bool operator==(const Backup&, const Backup&) = default;
};

inline bool Held(const Backup& backup) { return backup.hold.time.has_value(); }

// Restored once, and nothing was missing or different.
constexpr bool IsProven(BackupState state) {
  return state == BackupState::kVerified || state == BackupState::kVerifiedWithNotes;
}

// Whether the backup was proven by it.
[[nodiscard]] bool Passed(const Proof& proof);

// Stored whole, and as far as is known all of it restores.
constexpr bool IsUsable(BackupState state) { return state == BackupState::kAvailable || IsProven(state); }
// Stored whole: it can be proven, or proven once more.
constexpr bool IsStored(BackupState state) {
  return IsUsable(state) || state == BackupState::kIncomplete || state == BackupState::kDamaged;
}

inline bool Proven(const Backup& backup) { return IsProven(backup.state); }
inline bool Usable(const Backup& backup) { return IsUsable(backup.state); }
inline bool Stored(const Backup& backup) { return IsStored(backup.state); }

// The copy in the store with this id, or else in the one with this name; nullptr when there is none.
[[nodiscard]] const BackupCopy* FindCopy(const Backup& backup, absl::string_view store_or_name);
[[nodiscard]] BackupCopy* FindCopy(Backup& backup, absl::string_view store_or_name);

// Every store that may hold something of it: its own first.
[[nodiscard]] std::vector<std::string> StoresOf(const Backup& backup);

// The stores that it can be restored from: its own first, and then those of the usable copies. One that is DAMAGED is
// restored from copies that are proven, and nothing else.
[[nodiscard]] std::vector<std::string> ReadableStoresOf(const Backup& backup);

// Of what can be restored from, the store whose proof is the longest ago; first one that has none.
[[nodiscard]] std::string NextProofStore(const Backup& backup);

// Whether an error with this reason says that the backup itself is INCOMPLETE or DAMAGED, so that trying again cannot help.
[[nodiscard]] bool IsVerdict(absl::string_view reason);

// What an operator should know of it: what making it and its last proof found. A proof says what really restores, so
// after one only the notes of making it count.
[[nodiscard]] Findings FindingsOf(const Backup& backup);

// Whether `backups`, the tenant's, hold a final backup of its present retirement that was restored once and compared.
// Retiring fences before it backs up, and the tenant has not been open since.
[[nodiscard]] bool HasProof(const Tenant& tenant, const std::vector<Backup>& backups);

// The newest final backup of its present retirement that is INCOMPLETE, or nullptr. `backups` are newest first.
[[nodiscard]] const Backup* IncompleteFinalBackup(const Tenant& tenant, const std::vector<Backup>& backups);

// The one of `backups`, a tenant's, that was given this name; nullptr when there is none.
[[nodiscard]] const Backup* FindByGivenName(absl::string_view given_name,
                                            const std::vector<Backup>& backups);

// Those that are held.
[[nodiscard]] std::vector<Backup> HeldBackups(const std::vector<Backup>& backups);

// How long after the last of `failures` in a row a copy is tried again.
[[nodiscard]] absl::Duration CopyRetryDelay(int32_t failures);

// Id of the newest that is proven, or else of the newest that is AVAILABLE; empty when there is none.
[[nodiscard]] std::string LatestUsable(const std::vector<Backup>& backups);

}  // namespace croft::domain
