// A hash table from names to placements that readers use without locks.

#include "controlplane/lookup/name_table.h"

#include <absl/hash/hash.h>

namespace croft::lookup {
namespace {

constexpr size_t kFirstCapacity = 8;

}  // namespace

NameTable::Table::Table(size_t capacity) : mask(capacity - 1), slots(std::make_unique<Slot[]>(capacity)) {}

NameTable::NameTable(Reclaimer& reclaimer) : reclaimer_(reclaimer) {
  for (Shard& shard : shards_) shard.table.store(new Table(kFirstCapacity), std::memory_order_relaxed);
}

NameTable::~NameTable() {
  for (Shard& shard : shards_) delete shard.table.load(std::memory_order_relaxed);
}

size_t NameTable::HashOf(absl::string_view name) { return absl::Hash<absl::string_view>()(name); }

const Entry* NameTable::Find(absl::string_view name) const {
  const size_t hash = HashOf(name);
  const Table& table = *ShardOf(hash).table.load(std::memory_order_acquire);
  for (size_t at = (hash / kShards) & table.mask;; at = (at + 1) & table.mask) {
    const Slot& slot = table.slots[at];
    const Entry* entry = slot.entry.load(std::memory_order_acquire);
    if (entry == nullptr) return nullptr;
    const bool candidate = entry != &erased_ && slot.hash == hash;
    if (candidate && entry->row.load(std::memory_order_acquire)->IsCalled(name)) return entry;
  }
}

void NameTable::Put(Table& table, size_t hash, Entry* entry) {
  size_t at = (hash / kShards) & table.mask;
  while (table.slots[at].entry.load(std::memory_order_relaxed) != nullptr) at = (at + 1) & table.mask;
  table.slots[at].hash = hash;
  table.slots[at].entry.store(entry, std::memory_order_release);
}

void NameTable::Insert(absl::string_view name, Entry* entry) {
  const size_t hash = HashOf(name);
  Shard& shard = ShardOf(hash);
  const size_t capacity = shard.table.load(std::memory_order_relaxed)->mask + 1;
  // A quarter stays empty, so that every search ends, and soon.
  if ((shard.taken + 1) * 4 > capacity * 3) Rebuild(shard);
  Put(*shard.table.load(std::memory_order_relaxed), hash, entry);
  ++shard.taken;
  ++shard.names;
}

void NameTable::Erase(absl::string_view name, const Entry* entry) {
  const size_t hash = HashOf(name);
  Shard& shard = ShardOf(hash);
  Table& table = *shard.table.load(std::memory_order_relaxed);
  for (size_t at = (hash / kShards) & table.mask;; at = (at + 1) & table.mask) {
    Slot& slot = table.slots[at];
    const Entry* found = slot.entry.load(std::memory_order_relaxed);
    if (found == nullptr) return;
    if (found == entry && slot.hash == hash) {
      slot.entry.store(&erased_, std::memory_order_release);
      --shard.names;
      return;
    }
  }
}

void NameTable::Rebuild(Shard& shard) {
  Table* old = shard.table.load(std::memory_order_relaxed);
  size_t capacity = kFirstCapacity;
  while ((shard.names + 1) * 2 > capacity) capacity *= 2;
  auto* made = new Table(capacity);
  for (size_t at = 0; at <= old->mask; ++at) {
    Entry* entry = old->slots[at].entry.load(std::memory_order_relaxed);
    if (entry != nullptr && entry != &erased_) Put(*made, old->slots[at].hash, entry);
  }
  shard.taken = shard.names;
  shard.table.store(made, std::memory_order_release);
  reclaimer_.Retire(old, [](void* table) { delete static_cast<Table*>(table); });
}

}  // namespace croft::lookup
