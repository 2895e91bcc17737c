// Reads passphrases from files.

#include "tools/croftctl/passphrase.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/files.h"
#include "tools/croftctl/exit_code.h"

namespace croft::ctl {
namespace {

constexpr size_t kLongestPassphrase = 4096;

}  // namespace

absl::StatusOr<std::string> ReadPassphrase(const std::string& path) {
  CROFT_ASSIGN_OR_RETURN(std::string passphrase, ReadPrivateFile(path, kLongestPassphrase));
  passphrase.resize(std::min(passphrase.find_first_of("\r\n"), passphrase.size()));
  if (passphrase.empty()) return UsageError(absl::StrCat("there is no passphrase in ", path));
  return passphrase;
}

}  // namespace croft::ctl
