#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "common/sync.h"

namespace croft::lookup {

// Items that a thread of its own makes while another one takes them, in their order and many at a time, so that both
// work at once. Items are assigned to, never made anew: what they hold keeps its room.
template <typename Item>
class Relay {
 public:
  using Give = std::function<void(const Item&)>;

  // `make` is called once, on a thread of the relay's, and gives every item. It waits while too many are not taken.
  explicit Relay(std::function<void(const Give& give)> make)
      : thread_([this, make = std::move(make)] {
          make([this](const Item& item) { Put(item); });
          Finish();
        }) {}
  ~Relay() {
    TakeAll([](const Item&) {});
    thread_.join();
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Calls `take` with each item on this thread; returns when `make` has returned and all was taken.
  void TakeAll(const std::function<void(const Item&)>& take) {
    for (;;) {
      {
        const MutexLock lock(mutex_);
        while (full_ == 0 && !finished_) changed_.Wait(mutex_);
        if (full_ == 0) return;
      }
      const Batch& batch = batches_[taking_];
      for (size_t at = 0; at < batch.used; ++at) take(batch.items[at]);
      taking_ = (taking_ + 1) % kBatches;
      {
        const MutexLock lock(mutex_);
        --full_;
      }
      changed_.NotifyAll();
    }
  }

 private:
  static constexpr size_t kBatch = 256;
  static constexpr size_t kBatches = 4;

  struct Batch {
    std::vector<Item> items;
    size_t used = 0;
  };

  void Put(const Item& item) {
    Batch& batch = batches_[filling_];
    if (batch.used == batch.items.size()) batch.items.emplace_back();
    batch.items[batch.used++] = item;
    if (batch.used == kBatch) PassOn();
  }

  void PassOn() {
    {
      const MutexLock lock(mutex_);
      ++full_;
    }
    changed_.NotifyAll();
    filling_ = (filling_ + 1) % kBatches;
    const MutexLock lock(mutex_);
    while (full_ == kBatches) changed_.Wait(mutex_);
    batches_[filling_].used = 0;
  }

  void Finish() {
    PassOn();
    {
      const MutexLock lock(mutex_);
      finished_ = true;
    }
    changed_.NotifyAll();
  }

  std::array<Batch, kBatches> batches_;  // in turn: one is filled, full ones wait or are taken from
  size_t filling_ = 0;
  size_t taking_ = 0;

  Mutex mutex_;
  CondVar changed_;
  size_t full_ ABSL_GUARDED_BY(mutex_) = 0;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all that is above
};

}  // namespace croft::lookup
