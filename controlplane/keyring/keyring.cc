// Reads, writes and rotates the file of master keys.

#include "controlplane/keyring/keyring.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "common/errors.h"
#include "common/files.h"

namespace croft::keyring {
namespace {

constexpr absl::string_view kFirstLine = "croft-keyring 1";
constexpr size_t kMaxFileBytes = 64 * 1024;
constexpr size_t kChecksumCharacters = 16;

absl::Status Damaged(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss,
                   absl::StrCat("the keyring is damaged: ", what, "; put your copy of it back"),
                   {.reason = "KEYRING_DAMAGED"});
}

std::string Checksum(absl::string_view lines) {
  return crypto::Hex(crypto::Sha256(lines)).substr(0, kChecksumCharacters);
}

// 0 when `id` is not `k` and a number.
int NumberOf(absl::string_view id) {
  int number = 0;
  const bool canonical = absl::ConsumePrefix(&id, "k") && absl::SimpleAtoi(id, &number) && number > 0 &&
                         absl::StrCat(number) == id;
  return canonical ? number : 0;
}

// The part before the colon; empty when there is none.
absl::string_view KeyIdOf(absl::string_view sealed) {
  const size_t colon = sealed.find(':');
  return colon == absl::string_view::npos ? absl::string_view() : sealed.substr(0, colon);
}

}  // namespace

Keyring Keyring::Generate(Random& random) { return Keyring().WithNewKey(random); }

Keyring Keyring::WithNewKey(Random& random) const {
  int newest = 0;
  for (const auto& [id, key] : keys_) newest = std::max(newest, NumberOf(id));
  Keyring keyring = *this;
  keyring.current_ = absl::StrCat("k", newest + 1);
  keyring.keys_[keyring.current_] = random.Bytes(crypto::kKeyBytes);
  return keyring;
}

std::string Keyring::Text() const {
  std::string lines = absl::StrCat(kFirstLine, "\ncurrent ", current_, "\n");
  for (const auto& [id, key] : keys_) {
    absl::StrAppend(&lines, "key ", id, " ", absl::WebSafeBase64Escape(key), "\n");
  }
  return absl::StrCat(lines, "check ", Checksum(lines), "\n");
}

absl::StatusOr<Keyring> Keyring::Parse(absl::string_view text) {
  const size_t check = text.rfind("\ncheck ");
  if (!absl::StartsWith(text, absl::StrCat(kFirstLine, "\n"))) return Damaged("it does not begin as one");
  if (check == absl::string_view::npos) return Damaged("its end is missing");
  const absl::string_view lines = text.substr(0, check + 1);
  if (text.substr(check + 1) != absl::StrCat("check ", Checksum(lines), "\n")) {
    return Damaged("its checksum does not fit");
  }
  Keyring keyring;
  for (const absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    std::string key;
    if (line == kFirstLine) continue;
    if (words.size() == 2 && words[0] == "current") {
      keyring.current_ = std::string(words[1]);
    } else if (words.size() == 3 && words[0] == "key" && NumberOf(words[1]) > 0 &&
               absl::WebSafeBase64Unescape(words[2], &key) && key.size() == crypto::kKeyBytes) {
      keyring.keys_[std::string(words[1])] = key;
    } else {
      return Damaged("a line is not understood");
    }
  }
  if (keyring.keys_.count(keyring.current_) == 0) return Damaged("it does not hold its current key");
  return keyring;
}

std::string Keyring::Seal(absl::string_view plaintext, absl::string_view context) const {
  return absl::StrCat(current_, ":",
                      absl::WebSafeBase64Escape(crypto::Seal(keys_.at(current_), plaintext, context)));
}

absl::StatusOr<std::string> Keyring::Open(absl::string_view sealed, absl::string_view context) const {
  const std::string id(KeyIdOf(sealed));
  std::string box;
  if (NumberOf(id) == 0 || !absl::WebSafeBase64Unescape(sealed.substr(id.size() + 1), &box)) {
    return MakeError(absl::StatusCode::kDataLoss, "a stored secret is not in the form the keyring seals",
                     {.reason = "SEAL_BROKEN"});
  }
  const auto key = keys_.find(id);
  if (key == keys_.end()) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat("a stored secret was sealed with key ", id,
                                  ", which the keyring does not hold: put the keyring back that has it"),
                     {.reason = "KEYRING_KEY_MISSING", .metadata = {{"key", id}}});
  }
  return crypto::Open(key->second, box, context);
}

bool Keyring::SealedWithCurrentKey(absl::string_view sealed) const { return KeyIdOf(sealed) == current_; }

bool Keyring::HoldsAllOf(const Keyring& other) const {
  return std::includes(keys_.begin(), keys_.end(), other.keys_.begin(), other.keys_.end());
}

KeyringFile FindKeyring(absl::string_view state_directory, absl::string_view credentials_directory) {
  if (!credentials_directory.empty()) {
    std::string credential = absl::StrCat(credentials_directory, "/keyring");
    if (access(credential.c_str(), F_OK) == 0)
      return {.path = std::move(credential), .is_credential = true};
  }
  return {.path = absl::StrCat(state_directory, "/keyring"), .is_credential = false};
}

absl::StatusOr<Keyring> LoadKeyring(const KeyringFile& file) {
  const absl::StatusOr<std::string> text = file.is_credential ? ReadCredential(file.path, kMaxFileBytes)
                                                              : ReadPrivateFile(file.path, kMaxFileBytes);
  if (absl::IsNotFound(text.status())) {
    return MakeError(absl::StatusCode::kNotFound,
                     absl::StrCat("there is no keyring at ", file.path,
                                  ": `croftd init` makes one; if there was one, put your copy of it back"),
                     {.reason = "KEYRING_NOT_FOUND", .metadata = {{"path", file.path}}});
  }
  CROFT_RETURN_IF_ERROR(text.status());
  absl::StatusOr<Keyring> keyring = Keyring::Parse(*text);
  CROFT_RETURN_IF_ERROR(Annotate(keyring.status(), file.path));
  return keyring;
}

absl::Status CreateKeyringFile(absl::string_view path, const Keyring& keyring) {
  return WriteFileDurably(path, keyring.Text(), 0600, IfFileExists::kRefuse);
}

absl::Status ReplaceKeyringFile(absl::string_view path, const Keyring& keyring) {
  CROFT_ASSIGN_OR_RETURN(const Keyring present, LoadKeyring({.path = std::string(path)}));
  if (!keyring.HoldsAllOf(present)) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat("the keyring at ", path, " holds a key that the new one lacks"),
                     {.reason = "KEYRING_KEY_MISSING", .metadata = {{"path", std::string(path)}}});
  }
  return WriteFileDurably(path, keyring.Text(), 0600, IfFileExists::kReplace);
}

}  // namespace croft::keyring
