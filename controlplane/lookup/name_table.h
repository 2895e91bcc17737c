#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>

#include <absl/strings/string_view.h>

#include "controlplane/lookup/entry.h"
#include "controlplane/lookup/reclaimer.h"

namespace croft::lookup {

// Ids and aliases to entries: hash tables of pointers with open addressing, of one writer and any number of
// readers, which never wait. Names are not kept here but read from the entries' rows. In many small tables, so
// that none takes long to grow.
class NameTable {
 public:
  explicit NameTable(Reclaimer& reclaimer);
  ~NameTable();
  NameTable(const NameTable&) = delete;
  NameTable& operator=(const NameTable&) = delete;

  // nullptr for a name that nobody has. The caller is Reading.
  const Entry* Find(absl::string_view name) const;

  // --- For the writer alone.
  Entry* FindForWriting(absl::string_view name) { return const_cast<Entry*>(Find(name)); }
  // The entry's row has this name already.
  void Insert(absl::string_view name, Entry* entry);
  // Removes the name from this entry; harmless when it has it no more.
  void Erase(absl::string_view name, const Entry* entry);

 private:
  static constexpr size_t kShards = 1024;
  // Taken once, and never for another name.
  struct Slot {
    std::atomic<Entry*> entry{nullptr};
    size_t hash = 0;  // to be read after `entry` was seen
  };
  struct Table {
    explicit Table(size_t capacity);
    const size_t mask;
    const std::unique_ptr<Slot[]> slots;
  };
  struct Shard {
    std::atomic<Table*> table{nullptr};
    size_t taken = 0;  // slots that are not empty, those of erased names included
    size_t names = 0;
  };

  static size_t HashOf(absl::string_view name);
  Shard& ShardOf(size_t hash) { return shards_[hash % kShards]; }
  const Shard& ShardOf(size_t hash) const { return shards_[hash % kShards]; }
  static void Put(Table& table, size_t hash, Entry* entry);
  void Rebuild(Shard& shard);

  Reclaimer& reclaimer_;
  Entry erased_;  // stands in slots of erased names
  std::array<Shard, kShards> shards_;
};

}  // namespace croft::lookup
