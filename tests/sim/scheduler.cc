#include "tests/sim/scheduler.h"

#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define CROFT_SIM_SANITIZED 1
#else
#define CROFT_SIM_SANITIZED 0
#endif

namespace croft::sim {
namespace {

constexpr size_t kStackBytes = 256 << 10;

}  // namespace

struct Scheduler::Fiber {
  FiberId id = 0;
  std::function<void()> body;
  std::unique_ptr<char[]> stack;
  ucontext_t context{};
  ucontext_t caller{};
  bool killed = false;
  bool done = false;
  void* fake_stack = nullptr;
};

Scheduler::~Scheduler() {
  while (!fibers_.empty()) Kill(fibers_.begin()->first);
}

void Scheduler::At(absl::Time time, std::function<void()> what) {
  agenda_.emplace(std::make_pair(time < now_ ? now_ : time, ++last_), std::move(what));
}

Scheduler::FiberId Scheduler::Spawn(std::function<void()> body) {
  auto fiber = std::make_shared<Fiber>();
  fiber->id = ++last_;
  fiber->body = std::move(body);
  if (stacks_.empty()) {
    fiber->stack.reset(new char[kStackBytes]);
  } else {
    fiber->stack = std::move(stacks_.back());
    stacks_.pop_back();
  }
  getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = fiber->stack.get();
  fiber->context.uc_stack.ss_size = kStackBytes;
  fiber->context.uc_link = nullptr;
  const auto self = reinterpret_cast<uintptr_t>(this);
  makecontext(&fiber->context, reinterpret_cast<void (*)()>(&Scheduler::Enter), 2,
              static_cast<unsigned>(self), static_cast<unsigned>(self >> 32));
  fibers_[fiber->id] = fiber;
  // A fiber that is spawned by another begins when that one waits.
  if (running_ == nullptr) {
    Resume(fiber);
  } else {
    After(absl::ZeroDuration(), [this, fiber] {
      if (!fiber->done) Resume(fiber);
    });
  }
  return fiber->id;
}

void Scheduler::Enter(unsigned low, unsigned high) {
  auto* self = reinterpret_cast<Scheduler*>((static_cast<uintptr_t>(high) << 32) | low);
#if CROFT_SIM_SANITIZED
  const void* bottom = nullptr;
  __sanitizer_finish_switch_fiber(nullptr, &bottom, &self->main_stack_bytes_);
  self->main_stack_ = const_cast<void*>(bottom);
#endif
  Fiber& fiber = *self->running_;
  try {
    if (!fiber.killed) fiber.body();
  } catch (const Killed&) {
  }
  fiber.body = nullptr;
  fiber.done = true;
#if CROFT_SIM_SANITIZED
  __sanitizer_start_switch_fiber(nullptr, self->main_stack_, self->main_stack_bytes_);
#endif
  swapcontext(&fiber.context, &fiber.caller);
  std::abort();  // a fiber that is done is never resumed
}

void Scheduler::Resume(const std::shared_ptr<Fiber>& fiber) {
  running_ = fiber;
#if CROFT_SIM_SANITIZED
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, fiber->stack.get(), kStackBytes);
#endif
  swapcontext(&fiber->caller, &fiber->context);
#if CROFT_SIM_SANITIZED
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
  running_ = nullptr;
  if (!fiber->done) return;
  stacks_.push_back(std::move(fiber->stack));
  fibers_.erase(fiber->id);
}

void Scheduler::Yield() {
  const std::shared_ptr<Fiber> fiber = running_;
#if CROFT_SIM_SANITIZED
  __sanitizer_start_switch_fiber(&fiber->fake_stack, main_stack_, main_stack_bytes_);
#endif
  swapcontext(&fiber->context, &fiber->caller);
#if CROFT_SIM_SANITIZED
  const void* bottom = nullptr;
  __sanitizer_finish_switch_fiber(fiber->fake_stack, &bottom, &main_stack_bytes_);
  main_stack_ = const_cast<void*>(bottom);
#endif
  if (fiber->killed) throw Killed();
}

void Scheduler::Sleep(absl::Duration duration) {
  if (running_ == nullptr) std::abort();
  After(duration, [this, fiber = running_] {
    if (!fiber->done) Resume(fiber);
  });
  Yield();
}

void Scheduler::Kill(FiberId id) {
  const auto found = fibers_.find(id);
  if (found == fibers_.end()) return;
  if (running_ != nullptr) std::abort();
  const std::shared_ptr<Fiber> fiber = found->second;
  fiber->killed = true;
  // Whatever it does while it unwinds, it comes to its end.
  while (!fiber->done) Resume(fiber);
}

Scheduler::FiberId Scheduler::Current() const { return running_ == nullptr ? 0 : running_->id; }

absl::Time Scheduler::Next() const {
  return agenda_.empty() ? absl::InfiniteFuture() : agenda_.begin()->first.first;
}

bool Scheduler::Step(absl::Time until) {
  if (Next() > until) {
    now_ = until;
    return false;
  }
  auto next = agenda_.extract(agenda_.begin());
  now_ = next.key().first;
  next.mapped()();
  return true;
}

}  // namespace croft::sim
