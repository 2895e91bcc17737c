// Prints the setup of an external server with the password of a file.

#include "agent/session/print_setup.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/crypto/scram.h"
#include "common/errors.h"
#include "common/files.h"
#include "common/random.h"

namespace croft::agent {
namespace {

constexpr size_t kMaxPasswordFile = 4 << 10;
constexpr size_t kSaltBytes = 16;
constexpr mode_t kPrivate = 0600;

absl::StatusOr<std::string> ReadOrMakePassword(const std::string& path, Random& random) {
  const absl::StatusOr<std::string> kept = ReadPrivateFile(path, kMaxPasswordFile);
  if (kept.ok()) {
    std::string password(absl::StripAsciiWhitespace(*kept));
    if (password.empty()) return InvalidField("password_file", absl::StrCat(path, " is empty"));
    return password;
  }
  if (!absl::IsNotFound(kept.status())) return kept.status();
  std::string password = crypto::NewPassword(random);
  CROFT_RETURN_IF_ERROR(
      WriteFileDurably(path, absl::StrCat(password, "\n"), kPrivate, IfFileExists::kRefuse));
  return password;
}

}  // namespace

absl::StatusOr<std::string> SetupWithPassword(ExternalSetupOptions options,
                                              const std::string& password_file) {
  if (options.remove || password_file.empty()) return ExternalSetup(options);
  // A wrong option leaves no file.
  CROFT_RETURN_IF_ERROR(ExternalSetup(options).status());
  SystemRandom random;
  CROFT_ASSIGN_OR_RETURN(const std::string password, ReadOrMakePassword(password_file, random));
  options.verifier = crypto::ScramVerifier(password, random.Bytes(kSaltBytes));
  return ExternalSetup(options);
}

}  // namespace croft::agent
