#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "common/sync.h"

namespace croft::lookup {

// Hands items from the thread that makes them to another one that takes them, in their order and many at a time, so that
// both work at once. Items are assigned to, never made anew: what they hold keeps its room.
template <typename Item>
class Relay {
 public:
  // `take` is called on a thread of the relay's until Finish() has returned.
  explicit Relay(std::function<void(const Item&)> take)
      : take_(std::move(take)), thread_([this] { Run(); }) {}
  ~Relay() { Finish(); }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Waits while all batches are full. On one thread.
  void Give(const Item& item) {
    Batch& batch = batches_[filling_];
    if (batch.used == batch.items.size()) batch.items.emplace_back();
    batch.items[batch.used++] = item;
    if (batch.used == kBatch) PassOn();
  }

  // Returns when everything was taken. Harmless when repeated.
  void Finish() {
    if (!thread_.joinable()) return;
    PassOn();
    {
      const MutexLock lock(mutex_);
      finished_ = true;
    }
    changed_.NotifyAll();
    thread_.join();
  }

 private:
  static constexpr size_t kBatch = 256;
  static constexpr size_t kBatches = 4;

  struct Batch {
    std::vector<Item> items;
    size_t used = 0;
  };

  void PassOn() {
    {
      const MutexLock lock(mutex_);
      ++full_;
      while (full_ == kBatches) changed_.Wait(mutex_);
    }
    changed_.NotifyAll();
    filling_ = (filling_ + 1) % kBatches;
    batches_[filling_].used = 0;
  }

  void Run() {
    for (size_t taking = 0;; taking = (taking + 1) % kBatches) {
      {
        const MutexLock lock(mutex_);
        while (full_ == 0 && !finished_) changed_.Wait(mutex_);
        if (full_ == 0) return;
      }
      const Batch& batch = batches_[taking];
      for (size_t at = 0; at < batch.used; ++at) take_(batch.items[at]);
      {
        const MutexLock lock(mutex_);
        --full_;
      }
      changed_.NotifyAll();
    }
  }

  const std::function<void(const Item&)> take_;
  std::array<Batch, kBatches> batches_;  // in turn: one is filled, full ones wait or are taken from
  size_t filling_ = 0;

  Mutex mutex_;
  CondVar changed_;
  size_t full_ ABSL_GUARDED_BY(mutex_) = 0;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all that is above
};

}  // namespace croft::lookup
