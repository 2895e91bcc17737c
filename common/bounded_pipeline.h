#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "common/sync.h"

namespace croft {

// Items that a thread of its own makes while another one takes them, in their order and many at a time, so that both
// work at once. Slots are reused, so strings keep their capacity. One thread takes.
template <typename Item>
class BoundedPipeline {
 public:
  // Where the next item is to be written, over what an older one has left there. It is passed on by the next call, or
  // at the end.
  using Place = std::function<Item&()>;

  // `make` is called once, on a thread of the pipeline, and asks for a place for every item. It waits while too many
  // are not taken.
  explicit BoundedPipeline(std::function<void(const Place& place)> make)
      : thread_([this, make = std::move(make)] {
          make([this]() -> Item& { return NextPlace(); });
          Finish();
        }) {}
  // What is not taken is passed over.
  ~BoundedPipeline() {
    while (Next() != nullptr) {
    }
    thread_.join();
  }
  BoundedPipeline(const BoundedPipeline&) = delete;
  BoundedPipeline& operator=(const BoundedPipeline&) = delete;

  // The next item, the taker's to use and to change until the next call; nullptr when `make` has returned and all
  // was taken.
  Item* Next() {
    if (taking_ != nullptr && taken_ == taking_->used) GiveBack();
    if (taking_ == nullptr && !AwaitFull()) return nullptr;
    return &taking_->items[taken_++];
  }

 private:
  static constexpr size_t kBatch = 256;
  static constexpr size_t kBatches = 16;
  // A thread that waits is woken when there is much to do for it: to be woken for each batch costs more than the batch.
  static constexpr size_t kMuch = kBatches / 2;

  struct Batch {
    std::vector<Item> items;
    size_t used = 0;
  };

  // --- Of the thread that takes.
  bool AwaitFull() {
    for (;;) {
      {
        const MutexLock lock(mutex_);
        if (full_ == 0) {
          while (full_ < kMuch && !finished_) changed_.Wait(mutex_);
        }
        if (full_ == 0) return false;
      }
      taking_ = &batches_[next_];
      taken_ = 0;
      if (taking_->used > 0) return true;
      GiveBack();
    }
  }

  void GiveBack() {
    taking_ = nullptr;
    next_ = (next_ + 1) % kBatches;
    const MutexLock lock(mutex_);
    if (--full_ == kMuch) changed_.NotifyAll();
  }

  // --- Of the thread that makes.
  Item& NextPlace() {
    if (batches_[filling_].used == kBatch) PassOn();
    Batch& batch = batches_[filling_];
    if (batch.used == batch.items.size()) batch.items.emplace_back();
    return batch.items[batch.used++];
  }

  void PassOn() {
    filling_ = (filling_ + 1) % kBatches;
    const MutexLock lock(mutex_);
    if (++full_ == kMuch) changed_.NotifyAll();
    if (full_ == kBatches) {
      while (full_ > kMuch) changed_.Wait(mutex_);
    }
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
  Batch* taking_ = nullptr;
  size_t taken_ = 0;  // of its items
  size_t next_ = 0;   // to be taken, or being so

  Mutex mutex_;
  CondVar changed_;
  size_t full_ ABSL_GUARDED_BY(mutex_) = 0;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all that is above
};

}  // namespace croft
