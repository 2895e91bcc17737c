#pragma once

#include <ucontext.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <absl/time/time.h>

#include "common/clock.h"

namespace croft::sim {

// Thrown in a fiber that is killed, at the point where it waits; nobody but the scheduler catches it.
struct Killed {};

// Virtual time and everything that happens in it, one thing at a time, in the order of time and then of asking.
// Code that blocks runs in fibers: while one sleeps, the rest of the world goes on.
class Scheduler final : public Clock {
 public:
  using FiberId = int64_t;

  explicit Scheduler(absl::Time start) : now_(start) {}
  ~Scheduler() override;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  absl::Time Now() const override { return now_; }
  void At(absl::Time time, std::function<void()> what);
  void After(absl::Duration delay, std::function<void()> what) { At(now_ + delay, std::move(what)); }
  // Runs `body` in a fiber of its own, until it first sleeps before this returns.
  FiberId Spawn(std::function<void()> body);
  // Only inside a fiber.
  void Sleep(absl::Duration duration);
  // Unwinds the fiber where it waits. Not from within a fiber.
  void Kill(FiberId fiber);
  bool InFiber() const { return running_ != nullptr; }
  // The fiber that runs; 0 outside of any.
  FiberId Current() const;

  // Does the next thing that is due at or before `until`. False when there is none; it is `until` then.
  bool Step(absl::Time until);
  // The time of the next thing that is to happen, or InfiniteFuture.
  absl::Time Next() const;

 private:
  struct Fiber;

  void Resume(const std::shared_ptr<Fiber>& fiber);
  void Yield();
  static void Enter(unsigned low, unsigned high);

  absl::Time now_;
  int64_t last_ = 0;
  std::map<std::pair<absl::Time, int64_t>, std::function<void()>> agenda_;
  std::map<FiberId, std::shared_ptr<Fiber>> fibers_;
  std::shared_ptr<Fiber> running_;
  std::vector<std::unique_ptr<char[]>> stacks_;  // free ones
  void* main_stack_ = nullptr;                   // what the sanitizer wants to know
  size_t main_stack_bytes_ = 0;
};

// absl::Now and absl::SleepFor of this whole program are those of the scheduler that was named last.
void UseTimeOf(Scheduler* scheduler);

}  // namespace croft::sim
