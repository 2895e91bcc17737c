#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "controlplane/lookup/entry.h"
#include "controlplane/lookup/reclaimer.h"

// Change log from which placement watches resume.
namespace croft::lookup {

// One change of an entry. Current while the entry's row has this sequence number; otherwise superseded.
struct HistoryItem {
  int64_t sequence = 0;
  Entry* entry = nullptr;
};

// A run of changes, appended to until it is full.
struct Chunk {
  static constexpr size_t kCapacity = 512;

  int64_t first_revision = 0;
  std::atomic<size_t> used{0};
  size_t live_items = 0;  // for the writer alone: items that are current
  std::array<HistoryItem, kCapacity> items;
};

// Entries are never destroyed while the history lives; they may be used again.
//
// Every entry once, in the order of their last changes. One writer, any number of lock-free readers whose only state
// is a sequence number. Superseded items stay in place; sparse chunks are merged.
class History {
 public:
  explicit History(Reclaimer& reclaimer);
  ~History();
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  // Returns a resume point: every item of a revision later than `revision` comes after it; some older items may too.
  // Caller must hold a Reclaimer::Reading.
  int64_t SequenceBefore(int64_t revision) const;

  // Calls `visit(row)` for each entry whose last change comes after `sequence`, in order, until it returns false.
  // Returns the sequence number of the last item that was visited. Caller must hold a Reclaimer::Reading.
  template <typename Visit>
  int64_t ReadAfter(int64_t sequence, Visit visit) const;

  // --- For the writer alone.
  int64_t NextSequence() { return ++last_sequence_; }
  int64_t last_sequence() const { return last_sequence_; }
  // `entry`'s row carries the newest sequence number and `revision`.
  void Append(Entry* entry, int64_t revision);
  // The entry's newest item is superseded: before Append, or for good.
  void MarkSuperseded(Entry* entry);
  size_t chunks() const { return directory_.load(std::memory_order_relaxed)->size(); }

 private:
  using Directory = std::vector<Chunk*>;  // in order; the last one is appended to

  // Index of the chunk that holds the item of `sequence`, or would.
  static size_t Locate(const Directory& directory, int64_t sequence);
  void Publish(Directory directory);
  void Compact(size_t index);

  Reclaimer& reclaimer_;
  std::atomic<const Directory*> directory_;
  int64_t last_sequence_ = 0;
};

template <typename Visit>
int64_t History::ReadAfter(int64_t sequence, Visit visit) const {
  const Directory& directory = *directory_.load(std::memory_order_acquire);
  for (size_t index = Locate(directory, sequence); index < directory.size(); ++index) {
    const Chunk& chunk = *directory[index];
    const size_t used = chunk.used.load(std::memory_order_acquire);
    for (size_t at = 0; at < used; ++at) {
      const HistoryItem& item = chunk.items[at];
      if (item.sequence <= sequence) continue;
      const Row& row = *item.entry->row.load(std::memory_order_acquire);
      if (row.sequence() == item.sequence && !visit(row)) return item.sequence;
      sequence = item.sequence;
    }
  }
  return sequence;
}

}  // namespace croft::lookup
