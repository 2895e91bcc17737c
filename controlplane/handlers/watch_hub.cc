// Wakes subscribers after commits.

#include "controlplane/handlers/watch_hub.h"

#include <algorithm>
#include <utility>

#include <absl/time/clock.h>

namespace croft::handlers {

WatchHub::WatchHub(absl::Duration interval, absl::Duration pause)
    : interval_(interval), pause_(pause), thread_([this] { Run(); }) {}

WatchHub::~WatchHub() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

WatchHub::Ticket WatchHub::Subscribe(Wake wake, std::shared_ptr<WatchProgress> progress) {
  const MutexLock lock(mutex_);
  watchers_.emplace(next_, Watcher{std::move(wake), std::move(progress)});
  return next_++;
}

void WatchHub::Unsubscribe(Ticket ticket) {
  const MutexLock lock(mutex_);
  watchers_.erase(ticket);
}

WatchHub::Standing WatchHub::standing() const {
  const MutexLock lock(mutex_);
  Standing standing{.watchers = watchers_.size()};
  for (const auto& [ticket, watcher] : watchers_) {
    const std::optional<absl::Time> since = watcher.progress->behind_since();
    if (since && (!standing.behind_since || *since < *standing.behind_since)) standing.behind_since = since;
  }
  return standing;
}

void WatchHub::Signal() {
  const MutexLock lock(mutex_);
  signalled_ = true;
  changed_.NotifyAll();
}

void WatchHub::Run() {
  absl::Time next_round = absl::Now() + interval_;
  absl::Time rested = absl::InfinitePast();
  for (;;) {
    std::vector<Wake> wakes;
    {
      const MutexLock lock(mutex_);
      for (absl::Time now = absl::Now(); !stopping_; now = absl::Now()) {
        const absl::Time due = signalled_ ? std::min(rested, next_round) : next_round;
        if (now >= due) break;
        changed_.WaitFor(mutex_, due - now + absl::Milliseconds(1));
      }
      if (stopping_) return;
      const bool signalled = std::exchange(signalled_, false);
      wakes.reserve(watchers_.size());
      const absl::Time now = absl::Now();
      for (const auto& [ticket, watcher] : watchers_) {
        if (signalled) watcher.progress->MarkBehind(now);
        wakes.push_back(watcher.wake);
      }
    }
    for (const Wake& wake : wakes) wake();
    rested = absl::Now() + pause_;
    if (absl::Now() >= next_round) next_round = absl::Now() + interval_;
  }
}

}  // namespace croft::handlers
