// The change log of placements, for watches.

#include "controlplane/lookup/history.h"

#include <algorithm>

namespace croft::lookup {
namespace {

bool IsCurrent(const HistoryItem& item) {
  return item.entry->row.load(std::memory_order_relaxed)->sequence() == item.sequence;
}

void DestroyChunk(void* chunk) { delete static_cast<Chunk*>(chunk); }

}  // namespace

History::History(Reclaimer& reclaimer) : reclaimer_(reclaimer), directory_(new Directory{new Chunk}) {}

History::~History() {
  const Directory* directory = directory_.load(std::memory_order_relaxed);
  for (Chunk* chunk : *directory) delete chunk;
  delete directory;
}

int64_t History::SequenceBefore(int64_t revision) const {
  const Directory& directory = *directory_.load(std::memory_order_acquire);
  // An empty chunk, which only the last can be, starts after everything else.
  const auto after = std::partition_point(directory.begin(), directory.end(), [&](const Chunk* chunk) {
    return chunk->used.load(std::memory_order_acquire) > 0 && chunk->first_revision <= revision;
  });
  if (after == directory.begin()) return 0;
  return (*(after - 1))->items[0].sequence - 1;
}

size_t History::Locate(const Directory& directory, int64_t sequence) {
  const auto after = std::partition_point(directory.begin(), directory.end(), [&](const Chunk* chunk) {
    return chunk->used.load(std::memory_order_acquire) > 0 && chunk->items[0].sequence <= sequence;
  });
  return after == directory.begin() ? 0 : static_cast<size_t>(after - directory.begin()) - 1;
}

void History::Append(Entry* entry, int64_t revision) {
  const Directory& directory = *directory_.load(std::memory_order_relaxed);
  Chunk* tail = directory.back();
  if (tail->used.load(std::memory_order_relaxed) == Chunk::kCapacity) {
    tail = new Chunk;
    Directory longer = directory;
    longer.push_back(tail);
    Publish(std::move(longer));
  }
  const size_t at = tail->used.load(std::memory_order_relaxed);
  if (at == 0) tail->first_revision = revision;
  tail->items[at] = {entry->row.load(std::memory_order_relaxed)->sequence(), entry};
  ++tail->live_items;
  entry->chunk = tail;
  tail->used.store(at + 1, std::memory_order_release);
}

void History::MarkSuperseded(Entry* entry) {
  Chunk* chunk = entry->chunk;
  if (chunk == nullptr) return;
  entry->chunk = nullptr;
  --chunk->live_items;
  // Checked only now and then: merging reads a whole chunk.
  const size_t used = chunk->used.load(std::memory_order_relaxed);
  if (chunk->live_items != 0 && chunk->live_items != used / 4) return;
  const Directory& directory = *directory_.load(std::memory_order_relaxed);
  const size_t index = Locate(directory, chunk->items[0].sequence);
  if (index + 1 < directory.size()) Compact(index);
}

void History::Publish(Directory directory) {
  const Directory* old = directory_.load(std::memory_order_relaxed);
  directory_.store(new Directory(std::move(directory)), std::memory_order_release);
  reclaimer_.Retire(const_cast<Directory*>(old), [](void* gone) { delete static_cast<Directory*>(gone); });
}

// Removes the chunk when none of its items is current; else merges it with a neighbour that is sparse too.
void History::Compact(size_t index) {
  Directory directory = *directory_.load(std::memory_order_relaxed);
  Chunk* chunk = directory[index];
  if (chunk->live_items == 0) {
    directory.erase(directory.begin() + static_cast<std::ptrdiff_t>(index));
    Publish(std::move(directory));
    reclaimer_.Retire(chunk, DestroyChunk);
    return;
  }
  size_t first = index;
  const auto joinable = [&](size_t other) {
    return other + 1 < directory.size() &&
           directory[other]->live_items + chunk->live_items <= Chunk::kCapacity / 2;
  };
  if (index > 0 && joinable(index - 1)) {
    first = index - 1;
  } else if (!joinable(index + 1)) {
    return;
  }
  auto* joined = new Chunk;
  size_t used = 0;
  for (const Chunk* part : {directory[first], directory[first + 1]}) {
    if (used == 0) joined->first_revision = part->first_revision;
    const size_t part_used = part->used.load(std::memory_order_relaxed);
    for (size_t at = 0; at < part_used; ++at) {
      const HistoryItem& item = part->items[at];
      if (item.entry->chunk != part || !IsCurrent(item)) continue;
      joined->items[used++] = item;
      item.entry->chunk = joined;
    }
  }
  joined->live_items = used;
  joined->used.store(used, std::memory_order_relaxed);
  reclaimer_.Retire(directory[first], DestroyChunk);
  reclaimer_.Retire(directory[first + 1], DestroyChunk);
  directory[first] = joined;
  directory.erase(directory.begin() + static_cast<std::ptrdiff_t>(first) + 1);
  Publish(std::move(directory));
}

}  // namespace croft::lookup
