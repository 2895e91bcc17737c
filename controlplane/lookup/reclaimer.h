#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace croft::lookup {

// Lets readers follow pointers that one writer replaces at any time, without a lock that either could wait for:
// what the writer has replaced is destroyed once nobody can be reading it any more. Reading costs two atomic
// additions; a reader that stays long only delays destruction.
//
// How: there is a current epoch. A reader counts itself in under it. The writer enters the next epoch only when
// nobody is counted under the one before the current, so that readers are never spread over more than two;
// what was retired in an epoch is destroyed two epochs later.
class Reclaimer {
 public:
  Reclaimer() = default;
  // Nobody reads any more.
  ~Reclaimer();
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  // While it lives, nothing that was reachable when it was made is destroyed. Of one thread; short.
  class Reading {
   public:
    explicit Reading(const Reclaimer& reclaimer);
    ~Reading() { active_->fetch_sub(1, std::memory_order_release); }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;

   private:
    std::atomic<int64_t>* active_;
  };

  // --- For the writer alone.
  using Destroy = void (*)(void*);
  // `object` cannot be reached any more by readers that begin now.
  void Retire(void* object, Destroy destroy);
  // Destroys what it can. Never waits.
  void Collect();

 private:
  static constexpr size_t kEpochs = 3;
  static constexpr size_t kStripes = 32;
  struct alignas(64) Stripe {
    mutable std::array<std::atomic<int64_t>, kEpochs> active{};
  };
  using Garbage = std::vector<std::pair<void*, Destroy>>;

  bool NobodyIn(uint64_t epoch) const;
  static void Empty(Garbage& garbage);

  std::atomic<uint64_t> epoch_{kEpochs};
  std::array<Stripe, kStripes> stripes_;
  std::array<Garbage, kEpochs> garbage_;  // by the epoch it was retired in
};

}  // namespace croft::lookup
