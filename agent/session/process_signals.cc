// Delivers SIGTERM, SIGINT and SIGHUP on a thread of their own.

#include "agent/session/process_signals.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include "common/log.h"

namespace croft::agent {
namespace {

constexpr int kLongestStopMs = 15'000;

// Which of the two descriptors became readable; nothing of both at the time out.
struct Readable {
  bool signal = false;
  bool done = false;
};

Readable AwaitReadable(int signals, int done, int timeout_ms) {
  pollfd waits[] = {{signals, POLLIN, 0}, {done, POLLIN, 0}};
  while (poll(waits, 2, timeout_ms) < 0) {
  }
  return {waits[0].revents != 0, waits[1].revents != 0};
}

int TakeSignal(int signals) {
  signalfd_siginfo info{};
  [[maybe_unused]] const ssize_t got = read(signals, &info, sizeof info);
  return static_cast<int>(info.ssi_signo);
}

// False when the end takes too long, or a second signal asks for it now.
bool AwaitEnd(int signals, int done) {
  for (;;) {
    const Readable readable = AwaitReadable(signals, done, kLongestStopMs);
    if (readable.done) return true;
    if (!readable.signal || TakeSignal(signals) != SIGHUP) return false;
  }
}

}  // namespace

ProcessSignals::ProcessSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC);
  done_ = eventfd(0, EFD_CLOEXEC);
  if (signals_ < 0 || done_ < 0) {
    std::perror("signalfd");
    std::abort();
  }
}

ProcessSignals::~ProcessSignals() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(done_, &one, sizeof one);
  if (thread_.joinable()) thread_.join();
  close(done_);
  close(signals_);
}

void ProcessSignals::Await(std::function<void()> stop, std::function<void()> reload) {
  thread_ = std::thread([this, stop = std::move(stop), reload = std::move(reload)] {
    for (;;) {
      if (AwaitReadable(signals_, done_, -1).done) return;
      if (TakeSignal(signals_) != SIGHUP) break;
      reload();
    }
    log::Info("stopping");
    stop();
    if (AwaitEnd(signals_, done_)) return;
    log::Warning("a task did not stop in time; it is cut, and repeated when it comes again");
    std::_Exit(EXIT_SUCCESS);
  });
}

}  // namespace croft::agent
