// Lets one process at a time be the control plane of a catalog.

#include "controlplane/catalog/sqlite/catalog_lock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/errors.h"
#include "common/log.h"
#include "common/sqlite/error.h"

namespace croft::catalog {
namespace {

// A lock can be seen held for this long after its holder has ended, or before the holder has written its name.
constexpr absl::Duration kSettling = absl::Seconds(2);
constexpr absl::Duration kLook = absl::Milliseconds(20);

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }

 private:
  int value_;
};

// 0 when the file names none.
pid_t ReadHolder(int file) {
  char text[32] = {};
  const ssize_t size = pread(file, text, sizeof(text) - 1, 0);
  pid_t holder = 0;
  if (size <= 0 || !absl::SimpleAtoi(absl::StripAsciiWhitespace(absl::string_view(text, size)), &holder))
    return 0;
  return holder > 0 ? holder : 0;
}

// The number in the file may be an old one that another process has by now.
bool HasOpen(pid_t process, int file) {
  struct stat wanted;
  if (fstat(file, &wanted) != 0) return false;
  std::error_code error;
  std::filesystem::directory_iterator entry(absl::StrCat("/proc/", process, "/fd"), error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    struct stat found;
    if (stat(entry->path().c_str(), &found) == 0 && found.st_dev == wanted.st_dev &&
        found.st_ino == wanted.st_ino) {
      return true;
    }
  }
  return false;
}

absl::Status Locked(absl::string_view path, pid_t holder, absl::string_view remedy) {
  const std::string who = holder == 0 ? "a process" : absl::StrCat("process ", holder);
  return MakeError(
      absl::StatusCode::kAborted,
      absl::StrCat("another control plane (", who, ") holds ", path, "; ", remedy),
      {.reason = "CATALOG_LOCKED", .metadata = {{"file", std::string(path)}, {"holder", who}}});
}

// A process that was killed ends when the kernel gives it a moment, which takes long on a machine with much else to do.
constexpr absl::Duration kDeath = absl::Seconds(30);

bool EndsWithin(const Descriptor& process, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    pollfd waiting = {.fd = process.value(), .events = POLLIN, .revents = 0};
    const absl::Duration left = deadline - absl::Now();
    const int ready = poll(
        &waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(std::max(left, absl::ZeroDuration()))));
    if (ready > 0) return true;
    if (left <= absl::ZeroDuration()) return false;
  }
}

int Signal(const Descriptor& process, int signal) {
  return static_cast<int>(syscall(SYS_pidfd_send_signal, process.value(), signal, nullptr, 0));
}

// OK when it has ended, or is not the holder (any more): then the lock shows what is next.
absl::Status End(pid_t holder, int file, const std::string& path, absl::Duration timeout) {
  // Opened before the check, so that what is checked is what is signalled.
  const Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, holder, 0)));
  if (process.value() < 0 && errno == ESRCH) return absl::OkStatus();
  if (process.value() < 0)
    return Locked(path, holder, "this kernel gives no safe way to end it; end it by hand.");
  if (!HasOpen(holder, file)) return absl::OkStatus();
  log::Warning("ending the control plane that holds the catalog", {{"process", absl::StrCat(holder)}});
  if (Signal(process, SIGTERM) != 0 && errno != ESRCH) {
    return Locked(path, holder, "this user may not end it; end it by hand.");
  }
  if (EndsWithin(process, timeout)) return absl::OkStatus();
  log::Warning("it did not end when asked; killing it", {{"process", absl::StrCat(holder)}});
  (void)Signal(process, SIGKILL);
  if (EndsWithin(process, std::max(timeout, kDeath))) return absl::OkStatus();
  return Locked(path, holder, "it could not be killed; the machine may have to be restarted.");
}

}  // namespace

CatalogLock::~CatalogLock() {
  if (file_ >= 0) close(file_);
}

absl::StatusOr<CatalogLock> CatalogLock::OpenFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return sqlite::MakeFileError(errno, "open it", path);
  return CatalogLock(file);
}

absl::StatusOr<bool> CatalogLock::TryLock(const std::string& path) {
  if (flock(file_, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return sqlite::MakeFileError(errno, "lock it", path);
}

absl::Status CatalogLock::WriteHolder(const std::string& path) {
  const std::string text = absl::StrCat(getpid(), "\n");
  if (ftruncate(file_, 0) == 0 &&
      pwrite(file_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size())) {
    return absl::OkStatus();
  }
  return sqlite::MakeFileError(errno, "write it", path);
}

absl::StatusOr<CatalogLock> CatalogLock::Acquire(absl::string_view path) {
  const std::string file(path);
  CROFT_ASSIGN_OR_RETURN(CatalogLock lock, OpenFile(file));
  CROFT_ASSIGN_OR_RETURN(const bool locked, lock.TryLock(file));
  if (!locked) {
    return Locked(path, ReadHolder(lock.file_), "stop it, or start with --take-over, which ends it.");
  }
  CROFT_RETURN_IF_ERROR(lock.WriteHolder(file));
  return lock;
}

absl::StatusOr<CatalogLock> CatalogLock::TakeOver(absl::string_view path, absl::Duration timeout) {
  const std::string file(path);
  CROFT_ASSIGN_OR_RETURN(CatalogLock lock, OpenFile(file));
  absl::Time deadline = absl::Now() + kSettling;
  pid_t ended = 0;
  while (true) {
    CROFT_ASSIGN_OR_RETURN(const bool locked, lock.TryLock(file));
    if (locked) break;
    const pid_t holder = ReadHolder(lock.file_);
    if (holder == getpid()) return Locked(path, holder, "it is this process itself.");
    if (holder != 0 && holder != ended) {
      CROFT_RETURN_IF_ERROR(End(holder, lock.file_, file, timeout));
      ended = holder;
      deadline = absl::Now() + kSettling;
    }
    if (absl::Now() > deadline) {
      return Locked(path, 0, "it is on another machine or not to be seen from here; end it there.");
    }
    absl::SleepFor(kLook);
  }
  CROFT_RETURN_IF_ERROR(lock.WriteHolder(file));
  return lock;
}

}  // namespace croft::catalog
