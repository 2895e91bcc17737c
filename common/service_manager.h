#pragma once

#include <functional>
#include <optional>
#include <thread>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/sync.h"

// What a daemon tells the service manager that started it, by systemd's protocol (sd_notify). Without one, which is where
// $NOTIFY_SOCKET is not set, nothing happens.
namespace croft {

// `state` is lines such as "READY=1\nSTATUS=serving". Lost where the socket takes nothing. Thread-safe.
void NotifyServiceManager(absl::string_view state);

// How often the service manager wants to hear that this process is well; nothing where it does not.
[[nodiscard]] std::optional<absl::Duration> WatchdogInterval();

// Tells the service manager that this process is well, at half the interval that it wants, for as long as `well` says so.
// One that falls silent is ended and started again. Does nothing where no watchdog is set.
class Watchdog {
 public:
  // `well` is called on a thread of its own and must not block.
  explicit Watchdog(std::function<bool()> well);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void Run(absl::Duration pause);

  const std::function<bool()> well_;
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace croft
