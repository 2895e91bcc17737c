#pragma once

#include <map>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "common/random.h"

namespace croft::keyring {

// The keys that seal every secret Croft stores. They lie in one file of mode 0600, never in a database, so
// that a copy of the catalog opens nothing. Whoever loses the keyring loses every stored password and, with
// the key store, every backup: keep a copy (`croftd keyring export`).
//
// Unchangeable once made, so every const method is thread-safe.
class Keyring {
 public:
  // One new key, `k1`.
  static Keyring Generate(Random& random);
  // From what Text() gave. DATA_LOSS, KEYRING_DAMAGED, when the text was cut or changed.
  static absl::StatusOr<Keyring> Parse(absl::string_view text);

  // This keyring and one key more, which is current from then on. What was sealed before still opens;
  // KeyStore::Reseal and the catalog bring it under the new key.
  Keyring WithNewKey(Random& random) const;

  // `k<id>:<base64url>`, sealed with the current key and bound to `context`, which should name the table,
  // the column and the resource, so that no row's secret can stand in for another's.
  std::string Seal(absl::string_view plaintext, absl::string_view context) const;
  // DATA_LOSS when `sealed` was changed or belongs to another context; FAILED_PRECONDITION,
  // KEYRING_KEY_MISSING, when it was sealed with a key that is not here.
  absl::StatusOr<std::string> Open(absl::string_view sealed, absl::string_view context) const;
  bool SealedWithCurrentKey(absl::string_view sealed) const;
  // Whether every key of `other` is here, under the same id.
  bool HoldsAllOf(const Keyring& other) const;

  const std::string& current_id() const { return current_; }
  size_t size() const { return keys_.size(); }

  // The file's contents: all keys in clear, with a checksum.
  std::string Text() const;

 private:
  Keyring() = default;

  std::map<std::string, std::string> keys_;  // by id, such as `k1`
  std::string current_;
};

// Where the keyring lies: `keyring` in systemd's credentials folder when that is given and holds one, else
// in the state folder. `credentials_directory` is the value of $CREDENTIALS_DIRECTORY, or empty.
struct KeyringFile {
  std::string path;
  bool is_credential = false;
};
[[nodiscard]] KeyringFile FindKeyring(absl::string_view state_directory,
                                      absl::string_view credentials_directory);

// NOT_FOUND, KEYRING_NOT_FOUND, when there is none; FILE_NOT_PRIVATE when others could read it.
[[nodiscard]] absl::StatusOr<Keyring> LoadKeyring(const KeyringFile& file);

// Makes the file. ALREADY_EXISTS when there is one: a keyring is never overwritten by a new one.
[[nodiscard]] absl::Status CreateKeyringFile(absl::string_view path, const Keyring& keyring);

// Puts `keyring` in the place of the one that is there. FAILED_PRECONDITION when that holds a key which
// `keyring` lacks.
[[nodiscard]] absl::Status ReplaceKeyringFile(absl::string_view path, const Keyring& keyring);

}  // namespace croft::keyring
