#include "tests/crash_consistency/disk.h"

#include <algorithm>

namespace croft::power {
namespace {

constexpr int64_t kSector = 512;
constexpr uint64_t kAll = ~uint64_t{0};
// All subsets are tried of at most so many unsynced changes.
constexpr size_t kFew = 6;
// Of more, at most so many are left out one by one.
constexpr size_t kMissing = 50;

// A write that is longer than a mask has bits counts the rest as its last sector.
int SectorsOf(const Event& event) {
  if (event.kind == Event::Kind::kTruncate) return 1;
  const int64_t first = event.offset / kSector;
  const int64_t end = (event.offset + static_cast<int64_t>(event.bytes.size()) + kSector - 1) / kSector;
  return static_cast<int>(std::clamp<int64_t>(end - first, 1, 64));
}

uint64_t FirstOf(int sectors) { return sectors >= 64 ? kAll : (uint64_t{1} << sectors) - 1; }

}  // namespace

void Disk::Apply(const Event& event) {
  switch (event.kind) {
    case Event::Kind::kCreate:
      new_files_.insert(static_cast<int>(files_.size()));
      unsynced_names_.emplace_back(event.file, files_.size());
      files_.emplace_back();
      return;
    case Event::Kind::kDelete: unsynced_names_.emplace_back(event.file, -1); return;
    case Event::Kind::kWrite:
    case Event::Kind::kTruncate: {
      const int file = Find(event.file);
      if (file >= 0) unsynced_.push_back({file, event, SectorsOf(event)});
      return;
    }
    case Event::Kind::kSync: return SyncFile(Find(event.file));
    case Event::Kind::kSyncFolder: return SyncNames();
    case Event::Kind::kBegin: begun_ = event.number; return;
    case Event::Kind::kAcknowledge:
      acknowledged_ = event.number;
      seen_.clear();
      return;
  }
}

int Disk::Find(const std::string& name) const {
  for (auto entry = unsynced_names_.rbegin(); entry != unsynced_names_.rend(); ++entry) {
    if (entry->first == name) return entry->second;
  }
  const auto found = names_.find(name);
  return found == names_.end() ? -1 : found->second;
}

void Disk::SyncFile(int file) {
  std::vector<Unsynced> rest;
  for (const Unsynced& change : unsynced_) {
    if (change.file == file) {
      Change(files_[file], change.event, kAll);
    } else {
      rest.push_back(change);
    }
  }
  unsynced_ = std::move(rest);
  seen_.clear();
  if (new_files_.erase(file) > 0) SyncNames();
}

void Disk::SyncNames() {
  for (const auto& [name, file] : unsynced_names_) {
    names_.erase(name);
    if (file >= 0) names_.emplace(name, file);
  }
  unsynced_names_.clear();
  seen_.clear();
}

void Disk::Change(std::string& bytes, const Event& event, uint64_t sectors) {
  if (event.kind == Event::Kind::kTruncate) {
    if ((sectors & 1) != 0) bytes.resize(event.offset);
    return;
  }
  const int64_t end = event.offset + static_cast<int64_t>(event.bytes.size());
  int64_t from = event.offset;
  for (int sector = 0; from < end; ++sector) {
    const int64_t to = sector >= 63 ? end : std::min(end, (from / kSector + 1) * kSector);
    if ((sectors >> std::min(sector, 63) & 1) != 0) {
      if (static_cast<int64_t>(bytes.size()) < to) bytes.resize(to);
      bytes.replace(from, to - from, event.bytes, from - event.offset, to - from);
    }
    from = to;
  }
}

Image Disk::Build(size_t names, const Kept& kept) const {
  std::map<std::string, int> found = names_;
  for (size_t i = 0; i < names; ++i) {
    found.erase(unsynced_names_[i].first);
    if (unsynced_names_[i].second >= 0) found.insert(unsynced_names_[i]);
  }
  Image image;
  for (const auto& [name, file] : found) {
    std::string& bytes = image[name] = files_[file];
    for (size_t i = 0; i < unsynced_.size(); ++i) {
      if (unsynced_[i].file == file) Change(bytes, unsynced_[i].event, kept[i]);
    }
  }
  return image;
}

std::vector<Disk::Kept> Disk::Choices(bool settles, int subsets, std::mt19937_64& random) const {
  const size_t count = unsynced_.size();
  std::vector<Kept> choices = {Kept(count, kAll), Kept(count, 0)};
  if (count == 0) return choices;
  choices.emplace_back(count, 0).back() = kAll;
  for (int cut = 1; cut < unsynced_.back().sectors; ++cut) {
    choices.emplace_back(count, kAll).back() = FirstOf(cut);
    choices.emplace_back(count, kAll).back() = ~FirstOf(cut);
  }
  if (settles) {
    const size_t step = count / kMissing + 1;
    for (size_t missing = random() % step; missing < count; missing += step) {
      choices.emplace_back(count, kAll)[missing] = 0;
    }
    for (uint64_t mask = 0; count <= kFew && mask < (uint64_t{1} << count); ++mask) {
      Kept& kept = choices.emplace_back(count, 0);
      for (size_t i = 0; i < count; ++i) kept[i] = (mask >> i & 1) != 0 ? kAll : 0;
    }
  }
  for (int i = 0; i < subsets; ++i) {
    Kept& by_write = choices.emplace_back(count, 0);
    for (uint64_t& one : by_write) one = (random() & 1) != 0 ? kAll : 0;
    Kept& by_sector = choices.emplace_back(count, 0);
    for (uint64_t& one : by_sector) one = random();
  }
  return choices;
}

void Disk::ForEachState(bool settles, int subsets, uint64_t seed,
                        const std::function<void(const State&)>& visit) {
  std::mt19937_64 random(seed);
  for (Kept& kept : Choices(settles, subsets, random)) {
    // What lies beyond a change's sectors makes no other state.
    for (size_t i = 0; i < kept.size(); ++i) kept[i] &= FirstOf(unsynced_[i].sectors);
    for (size_t names = 0; names <= unsynced_names_.size(); ++names) {
      if (seen_.emplace(names, kept).second) visit({Build(names, kept), acknowledged_, begun_});
    }
  }
}

void ForEachStateOf(const Trace& trace, const Bounds& bounds,
                    const std::function<void(const State&)>& visit) {
  Disk disk;
  for (size_t i = 0; i < trace.size(); ++i) {
    disk.Apply(trace[i]);
    const size_t look = i / bounds.every;
    if (i % bounds.every != 0 || look % bounds.parts != static_cast<size_t>(bounds.part)) continue;
    const bool settles = i + 1 == trace.size() || (trace[i + 1].kind != Event::Kind::kWrite &&
                                                   trace[i + 1].kind != Event::Kind::kTruncate);
    disk.ForEachState(settles, bounds.subsets, i, visit);
  }
}

}  // namespace croft::power
