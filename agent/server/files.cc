// Makes files and folders of the user that PostgreSQL runs as.

#include "agent/server/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <absl/strings/str_cat.h>
#include <sys/stat.h>

#include "common/errors.h"

namespace croft::agent {
namespace {

// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  const int number_;
};

absl::Status WriteAll(int descriptor, absl::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError("cannot write", path, errno);
    content.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status SyncFolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const Descriptor opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.number() < 0 || fsync(opened.number()) != 0) return FileError("cannot sync", folder, errno);
  return absl::OkStatus();
}

absl::Status FolderTaken(const std::string& path, absl::string_view why) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(path, " ", why, "; remove it or choose another"),
                   {.reason = "FOLDER_TAKEN", .metadata = {{"folder", path}}});
}

}  // namespace

absl::Status FileError(absl::string_view what, const std::string& path, int error) {
  const std::string message = absl::StrCat(what, " ", path, ": ", std::strerror(error));
  ErrorDetails details{.reason = "FILE_ERROR", .metadata = {{"path", path}}};
  if (error == ENOSPC || error == EDQUOT) {
    details.reason = "DISK_FULL";
    return MakeError(absl::StatusCode::kResourceExhausted, message, details);
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, message, details);
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return MakeError(absl::StatusCode::kNotFound, absl::StrCat("cannot read ", path),
                     {.reason = "FILE_MISSING", .metadata = {{"path", path}}});
  }
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string Tail(const std::string& path, size_t bytes) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (file.number() < 0) return "";
  const off_t size = lseek(file.number(), 0, SEEK_END);
  const off_t start = std::max<off_t>(0, size - static_cast<off_t>(bytes));
  std::string text(bytes, '\0');
  const ssize_t got = pread(file.number(), text.data(), text.size(), start);
  text.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return text;
}

absl::StatusOr<bool> WriteFile(const std::string& path, absl::string_view content, uint32_t mode,
                               const std::optional<User>& owner) {
  if (const auto present = ReadFile(path); present.ok() && *present == content) return false;
  const std::string aside = path + ".new";
  {
    unlink(aside.c_str());
    const Descriptor file(open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (file.number() < 0) return FileError("cannot make", aside, errno);
    CROFT_RETURN_IF_ERROR(WriteAll(file.number(), content, aside));
    if (fchmod(file.number(), mode) != 0) return FileError("cannot set the mode of", aside, errno);
    if (owner && fchown(file.number(), owner->uid, owner->gid) != 0) {
      return FileError("cannot give away", aside, errno);
    }
    if (fsync(file.number()) != 0) return FileError("cannot sync", aside, errno);
  }
  if (rename(aside.c_str(), path.c_str()) != 0) return FileError("cannot rename to", path, errno);
  CROFT_RETURN_IF_ERROR(SyncFolderOf(path));
  return true;
}

absl::Status MakeFolder(const std::string& path, uint32_t mode, const std::optional<User>& owner) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return FileError("cannot make the folder", path, errno);
  const Descriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (folder.number() < 0) return FolderTaken(path, "is there and is not a folder");
  struct stat status {};
  if (fstat(folder.number(), &status) != 0) return FileError("cannot look at", path, errno);
  if (status.st_uid != geteuid() && (!owner || status.st_uid != owner->uid)) {
    return FolderTaken(path, "belongs to another user");
  }
  if (fchmod(folder.number(), mode) != 0) return FileError("cannot set the mode of", path, errno);
  if (owner && fchown(folder.number(), owner->uid, owner->gid) != 0)
    return FileError("cannot give away", path, errno);
  return absl::OkStatus();
}

}  // namespace croft::agent
