#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/domain/member_path.h"
#include "controlplane/domain/stored.h"

// A tenant as the catalog keeps it.
namespace croft::domain {

enum class TenantState { kCreating, kReady, kSuspended, kRetired, kFailed, kPurged };

constexpr absl::string_view NameOf(TenantState value) {
  switch (value) {
    case TenantState::kCreating: return "CREATING";
    case TenantState::kReady: return "READY";
    case TenantState::kSuspended: return "SUSPENDED";
    case TenantState::kRetired: return "RETIRED";
    case TenantState::kFailed: return "FAILED";
    case TenantState::kPurged: return "PURGED";
  }
  return "";
}

enum class SuspendMode { kNone, kBlocked, kReadOnly };

constexpr absl::string_view NameOf(SuspendMode value) {
  switch (value) {
    case SuspendMode::kNone: return "NONE";
    case SuspendMode::kBlocked: return "BLOCKED";
    case SuspendMode::kReadOnly: return "READ_ONLY";
  }
  return "";
}

// Which of a tenant's two login pairs a credential belongs to. MIGRATE connects as kApp.
enum class LoginRole { kApp, kReadOnly };

constexpr absl::string_view NameOf(LoginRole value) {
  switch (value) {
    case LoginRole::kApp: return "APP";
    case LoginRole::kReadOnly: return "READ_ONLY";
  }
  return "";
}

struct Quota {
  int32_t connections = 50;
  int64_t storage_bytes = 0;  // 0 is no limit
  absl::Duration statement_timeout = absl::ZeroDuration();

  static constexpr std::tuple kStored{Stored("connections", &Quota::connections),
                                      Stored("storage_bytes", &Quota::storage_bytes),
                                      Stored("statement_timeout", &Quota::statement_timeout)};
  friend bool operator==(const Quota&, const Quota&) = default;
};

// How the size of a tenant's database stands to its storage quota.
enum class StorageLevel { kNormal, kNearQuota, kFull };

constexpr absl::string_view NameOf(StorageLevel value) {
  switch (value) {
    case StorageLevel::kNormal: return "NORMAL";
    case StorageLevel::kNearQuota: return "NEAR_QUOTA";
    case StorageLevel::kFull: return "FULL";
  }
  return "";
}

struct Storage {
  StorageLevel level = StorageLevel::kNormal;
  // For growth: from the intent to close it until it is open again.
  bool closed = false;
  // By which `level` and `closed` were judged last.
  int64_t size_bytes = 0;
  // Until then it is not closed, whatever its size.
  std::optional<absl::Time> grace_time;

  friend bool operator==(const Storage&, const Storage&) = default;
};

inline constexpr absl::Duration kDefaultBackupJitter = absl::Minutes(10);

// When a tenant is backed up by itself, beside how often.
struct BackupTimes {
  std::string cron;                              // of domain/cron.h; empty: `Tenant::backup_every` counts
  std::string window;                            // `22:00-05:00`; empty: all day
  std::string time_zone;                         // of these and of the days of KeepRules; empty: UTC
  absl::Duration jitter = kDefaultBackupJitter;  // after each time of `cron`

  friend bool operator==(const BackupTimes&, const BackupTimes&) = default;
};

// Which scheduled backups are kept beside the newest `Tenant::backups_kept`: see domain/retention.h.
struct KeepRules {
  absl::Duration within;  // as old as this; zero: none
  int32_t daily = 0;      // the newest of each of so many days
  int32_t weekly = 0;
  int32_t monthly = 0;
  int32_t yearly = 0;

  friend bool operator==(const KeepRules&, const KeepRules&) = default;
};

// What a backup policy is made of: each part comes from the tenant itself or from one policy (domain/backup_policy.h).
enum class BackupPart { kSchedule, kRetention, kProofs, kProofHosts, kCopies, kSkippedRows };

constexpr absl::string_view NameOf(BackupPart value) {
  switch (value) {
    case BackupPart::kSchedule: return "SCHEDULE";
    case BackupPart::kRetention: return "RETENTION";
    case BackupPart::kProofs: return "PROOFS";
    case BackupPart::kProofHosts: return "PROOF_HOSTS";
    case BackupPart::kCopies: return "COPIES";
    case BackupPart::kSkippedRows: return "SKIPPED_ROWS";
  }
  return "";
}

struct Placement {
  std::string host;  // id
  std::string database;
  int64_t generation = 0;

  static constexpr std::tuple kStored{Stored("host", &Placement::host),
                                      Stored("database", &Placement::database),
                                      Stored("generation", &Placement::generation)};
  friend bool operator==(const Placement&, const Placement&) = default;
};

// A database of the tenant's that was replaced, and can be put back until it is dropped. Sealed meanwhile.
struct KeptDatabase {
  Placement placement;  // with the generation that its own tag says
  absl::Time replace_time;
  absl::Time expire_time;
  std::string clean_up;            // id of the operation that drops it
  bool closed_for_growth = false;  // it was when it was replaced

  static constexpr std::tuple kStored{
      Stored("placement", &KeptDatabase::placement), Stored("replace_time", &KeptDatabase::replace_time),
      Stored("expire_time", &KeptDatabase::expire_time), Stored("clean_up", &KeptDatabase::clean_up),
      Stored("closed_for_growth", &KeptDatabase::closed_for_growth)};
  friend bool operator==(const KeptDatabase&, const KeptDatabase&) = default;
};

// A backup was restored into a scratch database and compared.
struct Proof {
  std::string backup;  // id
  std::optional<absl::Time> time;
  std::string host;     // id
  std::string outcome;  // name of the backup's state, or the reason why it could not be restored
  std::string caller;

  friend bool operator==(const Proof&, const Proof&) = default;
};

// A PostgreSQL login of the tenant's.
struct Credential {
  std::string login;
  LoginRole role = LoginRole::kApp;
  std::string sealed_password;  // opened only for a reply; see keyring
  std::string verifier;         // what agents get
  absl::Time create_time;
  // Lookup hands out the published one of each role. An unpublished one is being made, or is on its way
  // out.
  bool published = false;
  // Set when a newer one was published: it stops working then.
  std::optional<absl::Time> disable_time;

  friend bool operator==(const Credential&, const Credential&) = default;
};

struct Tenant {
  std::string id;
  std::string uid;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;  // raised by every change; the etag
  std::optional<absl::Time> delete_time;
  std::optional<absl::Time> purge_time;
  std::optional<absl::Time> expire_time;

  std::string display_name;
  std::vector<std::string> aliases;
  std::map<std::string, std::string> labels;
  std::vector<std::string> extensions;
  std::string locale;
  std::string settings;  // a JSON object, or empty
  std::string features;  // a JSON object of scalars, or empty
  Quota quota;
  int32_t backups_kept = 0;     // the newest scheduled ones; 0 is the default of domain/retention.h
  KeepRules keep;               // and these
  absl::Duration backup_every;  // zero: not by this
  BackupTimes backup_times;
  absl::Duration prove_every;  // the newest usable backup; zero: not by itself
  std::vector<std::string>
      skip_rows;  // patterns of tables whose rows backups leave out (common/table_pattern.h)
  // Labels of the hosts where proofs are made by themselves; empty: wherever the backup can be read.
  std::map<std::string, std::string> prove_on;
  std::vector<std::string> copy_to;  // further stores for each backup, by id or name
  // The fields from `backups_kept` on are what the tenant itself says; where it says nothing, a backup policy may. These
  // parts are off instead: no policy counts for them.
  std::set<BackupPart> backup_off;

  TenantState state = TenantState::kCreating;
  SuspendMode suspend_mode = SuspendMode::kNone;
  // What undelete returns to; meaningful while kRetired.
  TenantState state_before_retire = TenantState::kReady;

  Placement placement;
  std::string owner_role;
  std::string reader_role;
  std::vector<Credential> credentials;

  // Raised in the intent's transaction of every exclusive operation; part of the fencing tuple.
  int64_t order = 0;
  // Highest placement generation ever given out; a restore under way holds one above the placement's.
  int64_t last_generation = 0;
  // When the fence of the present retirement was complete.
  std::optional<absl::Time> fence_time;
  std::string last_backup;        // id
  std::string current_operation;  // id of the exclusive operation under way
  std::string create_operation;   // id of the one that made it
  // The catalog is a restored or rebuilt one, and no host has yet shown that the tenant lives where this says.
  bool unconfirmed = false;
  // Neither retired nor purged nor ended by expire_time while it is true.
  bool delete_protection = false;
  // Why the last retirement has no proven final backup; empty where none failed since.
  std::string final_backup_failure;
  // A purge that was allowed has begun to remove what proved that it may, and parked: it can be asked for again.
  bool purge_parked = false;
  Storage storage;
  std::vector<KeptDatabase> kept_databases;  // the one replaced last first
  Proof last_proof;                          // without a time: there was none

  friend bool operator==(const Tenant&, const Tenant&) = default;
};

// Whether a tenant that is restored as a new one takes a field from its source.
enum class OnCopy { kTaken, kLeft };

// A field of the API's Tenant that callers set.
template <typename... Members>
struct TenantField {
  constexpr TenantField(absl::string_view name, OnCopy copy, Members... lead)
      : path(name), on_copy(copy), members(lead...) {}

  template <typename TenantOrConst>
  constexpr auto& Of(TenantOrConst& tenant) const {
    return std::apply(
        [&](auto... lead) -> auto& { return Follow(tenant, lead...); }, members);
  }

  absl::string_view path;
  OnCopy on_copy;
  std::tuple<Members...> members;  // that lead to it
};

// All of them, in the order in which events tell of their changes.
inline constexpr std::tuple kTenantFields{
    TenantField("display_name", OnCopy::kTaken, &Tenant::display_name),
    TenantField("aliases", OnCopy::kLeft, &Tenant::aliases),
    TenantField("labels", OnCopy::kTaken, &Tenant::labels),
    TenantField("extensions", OnCopy::kTaken, &Tenant::extensions),
    TenantField("locale", OnCopy::kTaken, &Tenant::locale),
    TenantField("settings", OnCopy::kTaken, &Tenant::settings),
    TenantField("features", OnCopy::kTaken, &Tenant::features),
    TenantField("quota", OnCopy::kTaken, &Tenant::quota),
    TenantField("storage_grace_time", OnCopy::kLeft, &Tenant::storage, &Storage::grace_time),
    TenantField("backup_policy.keep", OnCopy::kTaken, &Tenant::backups_kept),
    TenantField("backup_policy.every", OnCopy::kTaken, &Tenant::backup_every),
    TenantField("backup_policy.prove_every", OnCopy::kTaken, &Tenant::prove_every),
    TenantField("backup_policy.skip_rows", OnCopy::kTaken, &Tenant::skip_rows),
    TenantField("backup_policy.prove_on", OnCopy::kTaken, &Tenant::prove_on),
    TenantField("backup_policy.keep_rules", OnCopy::kTaken, &Tenant::keep),
    TenantField("backup_policy.times", OnCopy::kTaken, &Tenant::backup_times),
    TenantField("backup_policy.copy_to", OnCopy::kTaken, &Tenant::copy_to),
    TenantField("backup_policy.off", OnCopy::kTaken, &Tenant::backup_off),
    TenantField("expire_time", OnCopy::kLeft, &Tenant::expire_time),
    TenantField("delete_protection", OnCopy::kLeft, &Tenant::delete_protection),
};

// Calls `visit` with each of kTenantFields.
template <typename Visit>
void ForEachTenantField(Visit visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, kTenantFields);
}

// The published credential of `role`, or nullptr.
const Credential* PublishedCredential(const Tenant& tenant, LoginRole role);

}  // namespace croft::domain
