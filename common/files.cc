// Reads and writes small files whole, and checks who may read them.

#include "common/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <sys/stat.h>

#include "common/errors.h"

namespace croft {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

absl::Status FileError(int error, absl::string_view action, const std::string& path) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  const absl::StatusCode code = error == ENOENT   ? absl::StatusCode::kNotFound
                                : error == EEXIST ? absl::StatusCode::kAlreadyExists
                                : full            ? absl::StatusCode::kResourceExhausted
                                                  : absl::StatusCode::kInternal;
  const char* reason = error == ENOENT   ? "FILE_NOT_FOUND"
                       : error == EEXIST ? "FILE_EXISTS"
                       : full            ? "DISK_FULL"
                                         : "FILE_IO";
  return MakeError(code, absl::StrCat("cannot ", action, " ", path, ": ", std::strerror(error)),
                   {.reason = reason, .metadata = {{"path", path}}});
}

absl::Status Unreadable(const std::string& path, absl::string_view why) {
  return MakeError(absl::StatusCode::kInternal, absl::StrCat("cannot read ", path, ": ", why),
                   {.reason = "FILE_IO", .metadata = {{"path", path}}});
}

absl::Status NotPrivate(const std::string& path, absl::string_view why) {
  return MakeError(absl::StatusCode::kFailedPrecondition, absl::StrCat(path, " ", why),
                   {.reason = "FILE_NOT_PRIVATE", .metadata = {{"path", path}}});
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status SyncFolder(const std::string& path) {
  const Descriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || fsync(folder.get()) != 0) return FileError(errno, "sync folder", path);
  return absl::OkStatus();
}

absl::Status WriteAndSync(int fd, absl::string_view contents, mode_t mode, const std::string& path) {
  while (!contents.empty()) {
    const ssize_t written = write(fd, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError(errno, "write", path);
    contents.remove_prefix(static_cast<size_t>(written));
  }
  if (fchmod(fd, mode) != 0) return FileError(errno, "set the mode of", path);
  return fsync(fd) == 0 ? absl::OkStatus() : FileError(errno, "sync", path);
}

// `temporary` is gone when this answers, whatever the answer.
absl::Status GiveName(const std::string& temporary, const std::string& path, IfFileExists if_exists) {
  int error = 0;
  switch (if_exists) {
    case IfFileExists::kReplace:
      if (rename(temporary.c_str(), path.c_str()) == 0) return absl::OkStatus();
      error = errno;
      break;
    case IfFileExists::kRefuse:
      // Unlike rename(), link() never takes the place of a file that is there.
      if (link(temporary.c_str(), path.c_str()) != 0) error = errno;
      break;
  }
  unlink(temporary.c_str());
  return error == 0 ? absl::OkStatus() : FileError(error, "write", path);
}

// Who may own a file and which mode bits it must not have.
struct Privacy {
  bool root_may_own = false;
  mode_t forbidden = 0;
};

constexpr Privacy kAnyone{.root_may_own = true, .forbidden = 0};
constexpr Privacy kOwnerOnly{.root_may_own = false, .forbidden = 0077};
constexpr Privacy kCredential{.root_may_own = true, .forbidden = 0037};

absl::Status CheckPrivacy(const struct stat& facts, const Privacy& privacy, const std::string& path) {
  if (privacy.forbidden == 0) return absl::OkStatus();
  if (facts.st_uid != geteuid() && !(privacy.root_may_own && facts.st_uid == 0)) {
    return NotPrivate(path,
                      absl::StrFormat("belongs to user id %d, but this process runs as user id %d: change "
                                      "its owner with chown, or start as that user",
                                      facts.st_uid, geteuid()));
  }
  if ((facts.st_mode & privacy.forbidden) != 0) {
    return NotPrivate(path,
                      absl::StrFormat("has mode %04o, so others can get at the secrets in it: run `chmod "
                                      "600 %s`, and renew the secrets if somebody may have read them",
                                      facts.st_mode & 07777, path));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes, const Privacy& privacy) {
  // Non-blocking, so that a pipe put in the file's place is found out and not waited for.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat facts = {};
  if (file.get() < 0 || fstat(file.get(), &facts) != 0) return FileError(errno, "read", path);
  if (!S_ISREG(facts.st_mode)) return Unreadable(path, "it is no regular file");
  CROFT_RETURN_IF_ERROR(CheckPrivacy(facts, privacy, path));
  // As large as the file says it is, so that a high bound costs nothing; what is larger nonetheless is read on.
  const auto expected = static_cast<size_t>(std::max<off_t>(facts.st_size, 0));
  std::string contents(std::min(max_bytes, expected) + 1, '\0');
  size_t size = 0;
  for (;;) {
    if (size == contents.size()) {
      if (size > max_bytes) break;
      contents.resize(std::min(max_bytes + 1, size * 2));
    }
    const ssize_t got = read(file.get(), contents.data() + size, contents.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(errno, "read", path);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > max_bytes) return Unreadable(path, absl::StrCat("it is larger than ", max_bytes, " bytes"));
  contents.resize(size);
  return contents;
}

}  // namespace

absl::Status WriteFileDurably(absl::string_view path, absl::string_view contents, mode_t mode,
                              IfFileExists if_exists) {
  const std::string name(path);
  std::string temporary = absl::StrCat(path, ".XXXXXX");
  {
    const Descriptor file(mkostemp(temporary.data(), O_CLOEXEC));  // mode 0600
    if (file.get() < 0) return FileError(errno, "write", name);
    if (const absl::Status written = WriteAndSync(file.get(), contents, mode, name); !written.ok()) {
      unlink(temporary.c_str());
      return written;
    }
  }
  CROFT_RETURN_IF_ERROR(GiveName(temporary, name, if_exists));
  return SyncFolder(FolderOf(name));
}

absl::StatusOr<std::string> ReadSmallFile(absl::string_view path, size_t max_bytes) {
  return Read(std::string(path), max_bytes, kAnyone);
}

absl::StatusOr<std::string> ReadPrivateFile(absl::string_view path, size_t max_bytes) {
  return Read(std::string(path), max_bytes, kOwnerOnly);
}

absl::StatusOr<std::string> ReadCredential(absl::string_view path, size_t max_bytes) {
  return Read(std::string(path), max_bytes, kCredential);
}

}  // namespace croft
