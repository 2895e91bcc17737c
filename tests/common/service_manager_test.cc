#include "common/service_manager.h"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace croft {
namespace {

// Stands for the service manager's end of the socket.
class ServiceManager {
 public:
  ServiceManager() : path_(testing::TempDir() + "/notify." + std::to_string(getpid())) {
    unlink(path_.c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    setenv("NOTIFY_SOCKET", path_.c_str(), 1);
  }
  ~ServiceManager() {
    close(fd_);
    unlink(path_.c_str());
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
  }

  // What it is told next; empty when nothing comes within `milliseconds`.
  std::string Hear(int milliseconds) {
    pollfd wait{fd_, POLLIN, 0};
    if (poll(&wait, 1, milliseconds) != 1) return "";
    char text[256];
    const ssize_t size = recv(fd_, text, sizeof text, 0);
    return std::string(text, size < 0 ? 0 : static_cast<size_t>(size));
  }

 private:
  const std::string path_;
  const int fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

TEST(ServiceManagerTest, HearsWhatItIsTold) {
  ServiceManager manager;
  NotifyServiceManager("READY=1");
  EXPECT_EQ(manager.Hear(1000), "READY=1");
}

TEST(ServiceManagerTest, NothingHappensWithoutOne) {
  unsetenv("NOTIFY_SOCKET");
  NotifyServiceManager("READY=1");
  EXPECT_EQ(WatchdogInterval(), std::nullopt);
}

TEST(ServiceManagerTest, WatchdogOfAnotherProcessIsNotOurs) {
  const ServiceManager manager;
  setenv("WATCHDOG_USEC", "2000000", 1);
  EXPECT_EQ(WatchdogInterval(), absl::Seconds(2));
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(WatchdogInterval(), std::nullopt);
}

TEST(WatchdogTest, SpeaksWhileTheProcessIsWellAndFallsSilentWhenItHangs) {
  ServiceManager manager;
  setenv("WATCHDOG_USEC", "20000", 1);
  std::atomic<bool> well{true};
  const Watchdog watchdog([&] { return well.load(); });
  EXPECT_EQ(manager.Hear(5000), "WATCHDOG=1");
  EXPECT_EQ(manager.Hear(5000), "WATCHDOG=1");
  well = false;
  while (!manager.Hear(100).empty()) {
  }
  EXPECT_EQ(manager.Hear(100), "");
}

}  // namespace
}  // namespace croft
