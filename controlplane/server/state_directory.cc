// Makes and opens the folder in which croftd keeps its state.

#include "controlplane/server/state_directory.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>
#include <sys/stat.h>

#include "common/errors.h"
#include "common/files.h"
#include "common/random.h"
#include "controlplane/access/authority.h"
#include "controlplane/keyring/keyring.h"

namespace croft::server {
namespace {

constexpr size_t kMaxNamesBytes = 64 * 1024;

bool Exists(const std::string& path) {
  struct stat facts {};
  return lstat(path.c_str(), &facts) == 0;
}

absl::Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("cannot create the folder ", path, ": ", std::strerror(errno)),
                   {.reason = "FILE_IO", .metadata = {{"path", path}}});
}

std::vector<std::string> ThisMachine() {
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) == 0 && name[0] != '\0' && names[0] != name)
    names.emplace_back(name);
  return names;
}

absl::Status CheckPrivate(const StateDirectory& state) {
  struct stat facts {};
  if (stat(state.folder.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) && (facts.st_mode & 077) == 0 &&
      facts.st_uid == geteuid()) {
    return absl::OkStatus();
  }
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat(state.folder,
                   " must be a folder of this user's that nobody else may enter: chmod 700 it"),
      {.reason = "STATE_NOT_PRIVATE", .metadata = {{"path", state.folder}}});
}

}  // namespace

StateDirectory::StateDirectory(absl::string_view path)
    : folder(path),
      tls(absl::StrCat(path, "/tls")),
      server_names(absl::StrCat(path, "/server-names")),
      catalog(absl::StrCat(path, "/catalog.db")),
      catalog_copies(absl::StrCat(path, "/catalog-copies")),
      key_store(absl::StrCat(path, "/keys.db")),
      usage(absl::StrCat(path, "/usage.db")),
      socket(absl::StrCat(path, "/croftd.sock")) {}

absl::Status InitStateDirectory(const StateDirectory& state, std::vector<std::string> server_names) {
  if (Exists(state.tls)) {
    return MakeError(absl::StatusCode::kAlreadyExists,
                     absl::StrCat(state.folder, " holds a control plane already; nothing was changed"),
                     {.reason = "STATE_EXISTS", .metadata = {{"path", state.folder}}});
  }
  if (server_names.empty()) server_names = ThisMachine();
  CROFT_RETURN_IF_ERROR(MakeFolder(state.folder));
  CROFT_RETURN_IF_ERROR(CheckPrivate(state));
  const keyring::KeyringFile keyring = keyring::FindKeyring(state.folder, "");
  if (!Exists(keyring.path)) {
    SystemRandom random;
    CROFT_RETURN_IF_ERROR(keyring::CreateKeyringFile(keyring.path, keyring::Keyring::Generate(random)));
  }
  CROFT_RETURN_IF_ERROR(WriteFileDurably(state.server_names,
                                         absl::StrCat(absl::StrJoin(server_names, "\n"), "\n"), 0600,
                                         IfFileExists::kReplace));
  // Last: it tells a complete folder from one that was cut off.
  return access::Authority::Create(state.tls, server_names, absl::Now());
}

absl::Status CheckStateDirectory(const StateDirectory& state) {
  if (!Exists(state.tls)) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat(state.folder, " holds no control plane; make one with croftd init --state ",
                     state.folder),
        {.reason = "STATE_MISSING", .metadata = {{"path", state.folder}}});
  }
  return CheckPrivate(state);
}

absl::StatusOr<std::vector<std::string>> ReadServerNames(const StateDirectory& state) {
  CROFT_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(state.server_names, kMaxNamesBytes));
  std::vector<std::string> names;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const absl::string_view name = absl::StripAsciiWhitespace(line);
    if (!name.empty()) names.emplace_back(name);
  }
  return names;
}

}  // namespace croft::server
