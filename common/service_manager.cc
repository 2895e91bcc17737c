// Talks to systemd: readiness, status, watchdog.

#include "common/service_manager.h"

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <absl/strings/numbers.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/log.h"

namespace croft {

void NotifyServiceManager(absl::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';  // an abstract socket
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  [[maybe_unused]] const ssize_t sent = sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                                               reinterpret_cast<const sockaddr*>(&address), size);
  close(fd);
}

std::optional<absl::Duration> WatchdogInterval() {
  const char* interval = std::getenv("WATCHDOG_USEC");
  const char* process = std::getenv("WATCHDOG_PID");
  int64_t microseconds = 0;
  if (interval == nullptr || !absl::SimpleAtoi(interval, &microseconds) || microseconds <= 0)
    return std::nullopt;
  int64_t pid = 0;
  // It is for the process that was started, not for a child that inherits the variables.
  if (process != nullptr && (!absl::SimpleAtoi(process, &pid) || pid != getpid())) return std::nullopt;
  return absl::Microseconds(microseconds);
}

Watchdog::Watchdog(std::function<bool()> well) : well_(std::move(well)) {
  if (const auto interval = WatchdogInterval()) {
    thread_ = std::thread([this, pause = *interval / 2] { Run(pause); });
  }
}

Watchdog::~Watchdog() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::Run(absl::Duration pause) {
  bool was_well = true;
  for (;;) {
    const bool is_well = well_();
    if (is_well) NotifyServiceManager("WATCHDOG=1");
    if (was_well && !is_well) log::Error("this process hangs; the service manager will end and restart it");
    was_well = is_well;
    const MutexLock lock(mutex_);
    if (!stopping_) wake_.WaitFor(mutex_, pause);
    if (stopping_) return;
  }
}

}  // namespace croft
