#pragma once

#include <string>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

// Lets one process at a time use a catalog.
namespace croft::catalog {

// The right to be the control plane of a catalog: an exclusive lock on a file, held until this is destroyed or
// the process ends, however it ends.
class CatalogLock {
 public:
  // ABORTED, CATALOG_LOCKED, names the process that holds it.
  static absl::StatusOr<CatalogLock> Acquire(absl::string_view path);
  // Ends the holder, if there is one: SIGTERM, and SIGKILL when it is still there after `timeout`. Only a
  // process that has the file open is ever signalled.
  static absl::StatusOr<CatalogLock> TakeOver(absl::string_view path, absl::Duration timeout);

  CatalogLock(CatalogLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  CatalogLock& operator=(CatalogLock&&) = delete;
  ~CatalogLock();

 private:
  explicit CatalogLock(int file) : file_(file) {}

  static absl::StatusOr<CatalogLock> OpenFile(const std::string& path);
  absl::StatusOr<bool> TryLock(const std::string& path);
  absl::Status WriteHolder(const std::string& path);

  int file_;
};

}  // namespace croft::catalog
