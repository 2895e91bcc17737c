// Finds the user that PostgreSQL runs as and checks that it can enter its folders.

#include "agent/server/run_as.h"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include <absl/strings/str_cat.h>
#include <sys/stat.h>

#include "common/errors.h"

namespace croft::agent {
namespace {

constexpr size_t kPasswdBytes = 16384;

User Copy(const passwd& entry) { return {.name = entry.pw_name, .uid = entry.pw_uid, .gid = entry.pw_gid}; }

bool CanEnter(const struct stat& folder, const User& user) {
  if (user.uid == 0) return true;
  if (folder.st_uid == user.uid) return (folder.st_mode & S_IXUSR) != 0;
  if (folder.st_gid == user.gid) return (folder.st_mode & S_IXGRP) != 0;
  return (folder.st_mode & S_IXOTH) != 0;
}

}  // namespace

absl::StatusOr<User> FindUser(absl::string_view name) {
  const std::string wanted(name);
  std::vector<char> buffer(kPasswdBytes);
  passwd entry{};
  passwd* found = nullptr;
  getpwnam_r(wanted.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return MakeError(absl::StatusCode::kNotFound,
                     absl::StrCat("no user \"", name, "\" on this machine to run PostgreSQL as"),
                     {.reason = "NO_SUCH_USER", .metadata = {{"user", wanted}}});
  }
  return Copy(*found);
}

absl::StatusOr<User> CurrentUser() {
  std::vector<char> buffer(kPasswdBytes);
  passwd entry{};
  passwd* found = nullptr;
  getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return MakeError(absl::StatusCode::kNotFound,
                     absl::StrCat("user id ", geteuid(), " has no name on this machine"),
                     {.reason = "NO_SUCH_USER"});
  }
  return Copy(*found);
}

absl::Status CheckEnterable(absl::string_view path, const User& user) {
  std::filesystem::path folder = "/";
  for (const std::filesystem::path& part : std::filesystem::path(std::string(path)).lexically_normal()) {
    folder /= part;
    if (part.empty()) continue;
    struct stat status {};
    const ErrorMetadata metadata = {{"folder", folder.string()}, {"user", user.name}};
    if (stat(folder.c_str(), &status) != 0) {
      return MakeError(
          absl::StatusCode::kNotFound,
          absl::StrCat("the folder ", folder.string(), " cannot be looked at: ", std::strerror(errno)),
          {.reason = "STATE_FOLDER_MISSING", .metadata = metadata});
    }
    if (!CanEnter(status, user)) {
      return MakeError(
          absl::StatusCode::kFailedPrecondition,
          absl::StrCat("PostgreSQL runs as the user ", user.name, ", who cannot enter ", folder.string(),
                       "; choose a state folder elsewhere, or allow it with: chmod o+x ", folder.string()),
          {.reason = "STATE_NOT_ENTERABLE", .metadata = metadata});
    }
  }
  return absl::OkStatus();
}

}  // namespace croft::agent
