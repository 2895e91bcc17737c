#include "controlplane/handlers/watch_hub.h"

#include <utility>

#include <absl/time/clock.h>

namespace croft::handlers {

WatchHub::WatchHub(absl::Duration interval) : interval_(interval), thread_([this] { Run(); }) {}

WatchHub::~WatchHub() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

WatchHub::Ticket WatchHub::Subscribe(Wake wake) {
  const MutexLock lock(mutex_);
  watchers_.emplace(next_, std::move(wake));
  return next_++;
}

void WatchHub::Unsubscribe(Ticket ticket) {
  const MutexLock lock(mutex_);
  watchers_.erase(ticket);
}

void WatchHub::Signal() {
  const MutexLock lock(mutex_);
  signalled_ = true;
  changed_.NotifyAll();
}

void WatchHub::Run() {
  absl::Time next_round = absl::Now() + interval_;
  for (;;) {
    std::vector<Wake> wakes;
    {
      const MutexLock lock(mutex_);
      for (absl::Time now = absl::Now(); !stopping_ && !signalled_ && now < next_round; now = absl::Now()) {
        changed_.WaitFor(mutex_, next_round - now + absl::Milliseconds(1));
      }
      if (stopping_) return;
      signalled_ = false;
      wakes.reserve(watchers_.size());
      for (const auto& [ticket, wake] : watchers_) wakes.push_back(wake);
    }
    for (const Wake& wake : wakes) wake();
    if (absl::Now() >= next_round) next_round = absl::Now() + interval_;
  }
}

}  // namespace croft::handlers
