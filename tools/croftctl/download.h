#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "common/crypto/hash.h"

// Files that are downloaded whole or not at all.
namespace croft::ctl {

// A file on its way here. It appears under its name, with mode 0600 and its digest in a file beside it, only when it is
// whole and on disk; else nothing of it is left.
class DownloadedFile {
 public:
  // ALREADY_EXISTS when there is a file `path`.
  static absl::StatusOr<DownloadedFile> Begin(const std::string& path);
  DownloadedFile(DownloadedFile&& other) noexcept
      : path_(std::move(other.path_)),
        part_(std::move(other.part_)),
        file_(std::exchange(other.file_, -1)),
        digest_(std::move(other.digest_)),
        size_(other.size_) {}
  DownloadedFile& operator=(DownloadedFile&&) = delete;
  ~DownloadedFile();

  absl::Status Append(absl::string_view bytes);
  // DATA_LOSS when what came is not what was sent.
  absl::Status Finish(const std::string& sha256, int64_t size_bytes);
  // The same where only the caller can know.
  absl::Status Finish();

  int64_t size_bytes() const { return size_; }

 private:
  DownloadedFile(std::string path, std::string part, int file)
      : path_(std::move(path)),
        part_(std::move(part)),
        file_(file),
        digest_(std::make_unique<crypto::Sha256Stream>()) {}
  absl::Status Publish(const std::string& sha256);

  std::string path_;
  std::string part_;
  int file_;
  std::unique_ptr<crypto::Sha256Stream> digest_;
  int64_t size_ = 0;
};

}  // namespace croft::ctl
