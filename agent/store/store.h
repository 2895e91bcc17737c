#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

// Where backups lie: whole objects under names, kept for many agents. What an object holds is
// opaque to this module; backups are encrypted before they come here.
namespace croft::agent {

struct StoredObject {
  std::string name;
  int64_t size_bytes = 0;
  absl::Time modified;

  friend bool operator==(const StoredObject&, const StoredObject&) = default;
};

// An object on its way in. Until Commit has answered OK nothing of it can be seen, and an object that had
// the name before is still there; destroying it without Commit leaves nothing behind. A second writer of
// the same name ends the first, whose Commit is then UNAVAILABLE. One thread at a time.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  virtual absl::Status Append(absl::string_view data) = 0;
  // Makes the object durable and visible. Call once, last.
  virtual absl::Status Commit() = 0;
};

// One thread at a time.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  virtual int64_t size_bytes() const = 0;
  // Up to `size` bytes; 0 at the end.
  virtual absl::StatusOr<size_t> Read(char* buffer, size_t size) = 0;
};

// Objects are named `<tenant uid>/key`, `<tenant uid>/<backup>/archive` and the like: 2 to 4 parts of 1 to
// 100 characters `A-Z`, `a-z`, `0-9`, `.`, `_`, `-`, none of which begins with a dot. Other names are
// INVALID_ARGUMENT. Every call may answer UNAVAILABLE (STORE_UNREACHABLE) and, when it writes,
// RESOURCE_EXHAUSTED (DISK_FULL); after DISK_FULL nothing of the object is left. Thread-safe.
class Store {
 public:
  virtual ~Store() = default;

  // Of the store, not of the way to it: two agents that share a store see the same id.
  virtual const std::string& id() const = 0;

  // `size_hint` is about how many bytes will come; DISK_FULL at once when they cannot fit. 0 is unknown.
  virtual absl::StatusOr<std::unique_ptr<ObjectWriter>> Put(absl::string_view name, int64_t size_hint) = 0;
  // NOT_FOUND (OBJECT_NOT_FOUND).
  virtual absl::StatusOr<std::unique_ptr<ObjectReader>> Get(absl::string_view name) = 0;
  // Objects of one tenant, by name; of all tenants when `uid` is empty. Never one that was not committed.
  virtual absl::StatusOr<std::vector<StoredObject>> List(absl::string_view uid) = 0;
  // Calls `visit` with the objects of one tenant after another, tenants in any order, each tenant's objects by name. The
  // first error of `visit` ends the listing and is the answer. Unless a store replaces this, all objects are in memory at
  // once.
  virtual absl::Status VisitTenants(
      const std::function<absl::Status(const std::vector<StoredObject>&)>& visit);
  // OK when it is not there. Durable when it answers.
  virtual absl::Status Delete(absl::string_view name) = 0;
  // Everything of one tenant, also what was never committed.
  virtual absl::Status DeleteAll(absl::string_view uid) = 0;
  virtual absl::StatusOr<int64_t> FreeBytes() = 0;
};

// Small objects in one piece. ReadObject answers DATA_LOSS (OBJECT_TOO_LARGE) when it is over `limit`
// bytes.
[[nodiscard]] absl::Status WriteObject(Store& store, absl::string_view name, absl::string_view content);
[[nodiscard]] absl::StatusOr<std::string> ReadObject(Store& store, absl::string_view name, size_t limit);

// Whether `name` is of the form above.
[[nodiscard]] absl::Status CheckObjectName(absl::string_view name);
// Whether `uid` can be the first part of a name.
[[nodiscard]] absl::Status CheckObjectOwner(absl::string_view uid);

[[nodiscard]] absl::Status DiskFull(absl::string_view where);
[[nodiscard]] absl::Status StoreUnreachable(absl::string_view what);
[[nodiscard]] absl::Status ObjectNotFound(absl::string_view name);

}  // namespace croft::agent
