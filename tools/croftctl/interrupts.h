#pragma once

#include <csignal>
#include <functional>
#include <map>
#include <thread>

#include <absl/time/clock.h>
#include <absl/time/time.h>

#include "common/sync.h"

namespace croft::ctl {

// SIGINT and SIGTERM as something a call can answer to. Thread-safe, but make it before any other thread.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  // While one is alive an interrupt calls `cancel`, once, from another thread. With none alive, or at the second
  // interrupt, the process ends at once with 130.
  class Scope {
   public:
    Scope(Interrupts& interrupts, std::function<void()> cancel);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Interrupts& interrupts_;
    int id_;
  };

  bool Raised();
  // False at once when interrupted.
  bool Sleep(absl::Duration duration);
  // Gives both signals back their usual effect in the calling thread: before another program takes it over.
  void Release();

 private:
  void Listen();
  void Raise();

  Mutex mutex_;
  CondVar changed_;
  bool raised_ ABSL_GUARDED_BY(mutex_) = false;
  int next_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int, std::function<void()>> cancels_ ABSL_GUARDED_BY(mutex_);
  sigset_t signals_;
  int signal_fd_;
  int stop_fd_;
  std::thread listener_;
};

}  // namespace croft::ctl
