// Creates and syncs files that SQLite does not have open.

#include "common/sqlite/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include <sys/stat.h>

#include "common/sqlite/error.h"

namespace croft::sqlite {
namespace {

absl::Status Sync(const std::string& path, int flags) {
  const int file = open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) return MakeFileError(errno, "open it", path);
  const int error = fsync(file) == 0 ? 0 : errno;
  close(file);
  return error == 0 ? absl::OkStatus() : MakeFileError(error, "sync it", path);
}

}  // namespace

absl::Status SyncFile(absl::string_view path) { return Sync(std::string(path), O_RDONLY); }

absl::Status SyncFolderOf(absl::string_view path) {
  const std::string folder = std::filesystem::path(std::string(path)).parent_path().string();
  return Sync(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
}

absl::Status CreateFile(absl::string_view path) {
  const int file = open(std::string(path).c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) return errno == EEXIST ? absl::OkStatus() : MakeFileError(errno, "create it", path);
  close(file);
  return SyncFolderOf(path);
}

}  // namespace croft::sqlite
