#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "common/random.h"
#include "common/sync.h"
#include "controlplane/keyring/keyring.h"

namespace croft::keyring {

// What is stored here and why: for each tenant, by uid, one random data key, sealed by the keyring. A data
// key wraps the key of each of the tenant's backups and never leaves the key store. It lies apart from the
// catalog, so that a copy of the catalog holds none, and so that destroying it here and in the copies
// beside the backups makes every backup of the tenant unreadable, wherever copies of them are. Beside each key lies its
// tenant's id, which nothing but the catalog and this knows whole: a lost catalog is rebuilt with it.
//
// Errors: NOT_FOUND, DATA_KEY_NOT_FOUND · FAILED_PRECONDITION, DATA_KEY_DESTROYED · DATA_LOSS, SEAL_BROKEN
// · those of Keyring::Open and of sqlite::Database. After an error of the disk every later call gives it
// again: what the file holds is not known until the process starts anew.
//
// Thread-safe; writes wait for the disk.
class KeyStore {
 public:
  // Opens or makes `keys.db` at `path`. `random` outlives it.
  static absl::StatusOr<std::unique_ptr<KeyStore>> Open(absl::string_view path, const Keyring& keyring,
                                                        Random& random);
  ~KeyStore();
  KeyStore(const KeyStore&) = delete;
  KeyStore& operator=(const KeyStore&) = delete;

  // Makes the data key of the tenant with the id `tenant`; it is on disk when this answers OK. A tenant that has one
  // keeps it.
  absl::Status Create(absl::string_view uid, absl::string_view tenant);

  struct Owner {
    std::string tenant;      // id; empty where it is not known
    bool destroyed = false;  // by a purge, or since the tenant did not come to be
  };
  // All that the store has, or had, a key of, by uid.
  absl::StatusOr<std::map<std::string, Owner>> Owners();
  // Uids whose key is here and whose tenant's id is not: keys of earlier versions and imported ones.
  absl::StatusOr<std::vector<std::string>> Unnamed();
  // Notes ids, by uid. Uids that have no key are passed over.
  absl::Status Name(const std::map<std::string, std::string>& tenants);

  // The sealed data key, as it is written beside the tenant's backups.
  absl::StatusOr<std::string> Wrapped(absl::string_view uid);

  // Takes a sealed data key back from beside the backups, after the key store was lost. OK when the same
  // key is here already; ALREADY_EXISTS, DATA_KEY_EXISTS, when another one is.
  absl::Status Import(absl::string_view uid, absl::string_view wrapped);

  // `backup_key` (crypto::kKeyBytes), sealed by the tenant's data key: text for the backup's manifest.
  absl::StatusOr<std::string> WrapBackupKey(absl::string_view uid, absl::string_view backup_key);
  absl::StatusOr<std::string> UnwrapBackupKey(absl::string_view uid, absl::string_view wrapped);

  // Removes the data key from the file and its write-ahead log, for good. OK also when it is gone already
  // or never was.
  absl::Status Destroy(absl::string_view uid);

  // Brings every data key under the keyring's current key; answers how many were changed. The copies beside
  // the backups stay under the key they were sealed with: keep old keys in the keyring until those are
  // written anew.
  absl::StatusOr<int64_t> Reseal();

 private:
  struct State;
  explicit KeyStore(std::unique_ptr<State> state);

  absl::StatusOr<std::string> DataKey(absl::string_view uid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Remembers an error after which the file may not be used.
  absl::Status Note(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  const std::unique_ptr<State> state_ ABSL_PT_GUARDED_BY(mutex_);
};

}  // namespace croft::keyring
