// Writes a downloaded file so that it is whole or not there.

#include "tools/croftctl/download.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <absl/strings/str_cat.h>
#include <sys/stat.h>

#include "common/errors.h"
#include "common/files.h"

namespace croft::ctl {
namespace {

absl::Status CannotWrite(const std::string& path) {
  return absl::InternalError(absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<DownloadedFile> DownloadedFile::Begin(const std::string& path) {
  struct stat unused;
  if (lstat(path.c_str(), &unused) == 0)
    return absl::AlreadyExistsError(absl::StrCat(path, " exists already; name a new file"));
  const std::string part = absl::StrCat(path, ".part-", getpid());
  const int file = open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return CannotWrite(part);
  return DownloadedFile(path, part, file);
}

DownloadedFile::~DownloadedFile() {
  if (file_ < 0) return;
  close(file_);
  unlink(part_.c_str());
}

absl::Status DownloadedFile::Append(absl::string_view bytes) {
  digest_->Update(bytes);
  size_ += static_cast<int64_t>(bytes.size());
  while (!bytes.empty()) {
    const ssize_t written = write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return CannotWrite(part_);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status DownloadedFile::Finish(const std::string& sha256, int64_t size_bytes) {
  if (size_ != size_bytes || crypto::Hex(digest_->Finish()) != sha256) {
    return absl::DataLossError("what came is not what was sent; nothing was written. Try again");
  }
  return Publish(sha256);
}

absl::Status DownloadedFile::Finish() { return Publish(crypto::Hex(digest_->Finish())); }

absl::Status DownloadedFile::Publish(const std::string& sha256) {
  if (fsync(file_) != 0) return CannotWrite(part_);
  const std::string name = std::filesystem::path(path_).filename().string();
  CROFT_RETURN_IF_ERROR(WriteFileDurably(absl::StrCat(path_, ".sha256"),
                                         absl::StrCat(sha256, "  ", name, "\n"), 0600,
                                         IfFileExists::kReplace));
  // Not over a file that has come there meanwhile.
  if (link(part_.c_str(), path_.c_str()) != 0) return CannotWrite(path_);
  const int folder =
      open(std::filesystem::absolute(path_).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && fsync(folder) == 0;
  if (folder >= 0) close(folder);
  return synced ? absl::OkStatus() : CannotWrite(path_);
}

}  // namespace croft::ctl
