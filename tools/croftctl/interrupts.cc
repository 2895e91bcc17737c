// Turns SIGINT and SIGTERM into cancelled calls.

#include "tools/croftctl/interrupts.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include "tools/croftctl/exit_code.h"

namespace croft::ctl {

Interrupts::Interrupts() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  signal_fd_ = signalfd(-1, &signals_, SFD_CLOEXEC);
  stop_fd_ = eventfd(0, EFD_CLOEXEC);
  listener_ = std::thread([this] { Listen(); });
}

Interrupts::~Interrupts() {
  eventfd_write(stop_fd_, 1);
  listener_.join();
  close(stop_fd_);
  close(signal_fd_);
}

void Interrupts::Listen() {
  for (;;) {
    pollfd ready[] = {{signal_fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
    if (poll(ready, 2, -1) < 0 && errno != EINTR) return;
    if (ready[1].revents != 0) return;
    signalfd_siginfo info;
    if (ready[0].revents != 0 && read(signal_fd_, &info, sizeof info) == sizeof info) Raise();
  }
}

void Interrupts::Raise() {
  MutexLock lock(mutex_);
  if (raised_ || cancels_.empty()) _exit(static_cast<int>(ExitCode::kInterrupted));
  raised_ = true;
  // Under the lock, so that what a cancel touches is alive: a Scope's end waits here.
  for (const auto& [id, cancel] : cancels_) cancel();
  changed_.NotifyAll();
}

bool Interrupts::Raised() {
  MutexLock lock(mutex_);
  return raised_;
}

bool Interrupts::Sleep(absl::Duration duration) {
  Scope scope(*this, [] {});
  const absl::Time end = absl::Now() + duration;
  MutexLock lock(mutex_);
  while (!raised_ && absl::Now() < end) changed_.WaitFor(mutex_, end - absl::Now());
  return !raised_;
}

void Interrupts::Release() { pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr); }

Interrupts::Scope::Scope(Interrupts& interrupts, std::function<void()> cancel) : interrupts_(interrupts) {
  MutexLock lock(interrupts_.mutex_);
  id_ = interrupts_.next_id_++;
  // A scope that begins after the interrupt is cancelled from the start.
  if (interrupts_.raised_) cancel();
  interrupts_.cancels_.emplace(id_, std::move(cancel));
}

Interrupts::Scope::~Scope() {
  MutexLock lock(interrupts_.mutex_);
  interrupts_.cancels_.erase(id_);
}

}  // namespace croft::ctl
