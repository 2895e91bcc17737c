// Frees what the index's writer replaced once no reader uses it.

#include "controlplane/lookup/reclaimer.h"

#include <algorithm>
#include <functional>
#include <thread>

namespace croft::lookup {

Reclaimer::~Reclaimer() {
  for (Garbage& garbage : garbage_) Empty(garbage);
}

Reclaimer::Reading::Reading(const Reclaimer& reclaimer) {
  // Threads that count in different stripes do not fight for a cache line.
  const size_t mixed = std::hash<std::thread::id>()(std::this_thread::get_id()) * 0x9E3779B97F4A7C15U;
  const Stripe& stripe = reclaimer.stripes_[(mixed >> 32U) % kStripes];
  for (;;) {
    const uint64_t epoch = reclaimer.epoch_.load();
    active_ = &stripe.active[epoch % kEpochs];
    active_->fetch_add(1);
    if (reclaimer.epoch_.load() == epoch) return;
    active_->fetch_sub(1);
  }
}

void Reclaimer::Retire(void* object, Destroy destroy) {
  garbage_[epoch_.load(std::memory_order_relaxed) % kEpochs].emplace_back(object, destroy);
}

void Reclaimer::Collect() {
  const bool clean =
      std::all_of(garbage_.begin(), garbage_.end(), [](const Garbage& garbage) { return garbage.empty(); });
  if (clean) return;
  const uint64_t epoch = epoch_.load(std::memory_order_relaxed);
  if (!NobodyIn(epoch - 1)) return;
  epoch_.store(epoch + 1);
  Empty(garbage_[(epoch - 1) % kEpochs]);
}

bool Reclaimer::NobodyIn(uint64_t epoch) const {
  return std::all_of(stripes_.begin(), stripes_.end(),
                     [&](const Stripe& stripe) { return stripe.active[epoch % kEpochs].load() == 0; });
}

void Reclaimer::Empty(Garbage& garbage) {
  for (const auto& [object, destroy] : garbage) destroy(object);
  garbage.clear();
}

}  // namespace croft::lookup
