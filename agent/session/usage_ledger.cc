// Decides which databases to measure, and which to tell the control plane of.

#include "agent/session/usage_ledger.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace croft::agent {
namespace {

// Whether `other` is rather the tenant's database than `usage`.
bool Outranks(const DatabaseUsage& other, const DatabaseUsage& usage) {
  return std::make_tuple(!other.sealed, other.generation) >
         std::make_tuple(!usage.sealed, usage.generation);
}

// Whether clients were at work. Without them the counters change, too: autovacuum visits every database.
bool HasWorked(const DatabaseUsage& before, const DatabaseUsage& now) {
  const bool at_work = before.connections > 0 || now.connections > 0;
  return before.counters.sessions != now.counters.sessions || before.connections != now.connections ||
         (at_work && before.counters != now.counters);
}

}  // namespace

void UsageLedger::Forget() {
  for (auto& [uid, entry] : entries_) {
    entry.changed = true;
    entry.reported = absl::InfinitePast();
  }
}

void UsageLedger::Take(const std::vector<DatabaseUsage>& found) {
  std::map<std::string, const DatabaseUsage*> chosen;
  for (const DatabaseUsage& usage : found) {
    const DatabaseUsage*& best = chosen[usage.uid];
    if (best == nullptr || Outranks(usage, *best)) best = &usage;
  }
  std::map<std::string, Entry> before = std::exchange(entries_, {});
  uids_.clear();
  for (const auto& [uid, usage] : chosen) {
    uids_[usage->oid] = uid;
    const auto known = before.find(uid);
    if (known == before.end() || known->second.usage.oid != usage->oid) {
      entries_[uid].usage = *usage;
      continue;
    }
    Entry& entry = entries_[uid] = std::move(known->second);
    const bool worked = HasWorked(entry.usage, *usage);
    entry.worked = entry.worked || worked;
    // Once more when it stops: that it is idle again is a change, too.
    entry.changed = entry.changed || worked || entry.moving;
    entry.moving = worked;
    entry.usage = *usage;
  }
}

std::vector<int64_t> UsageLedger::ToMeasure(size_t most, absl::Time now) const {
  std::vector<std::pair<absl::Time, int64_t>> due;
  for (const auto& [uid, entry] : entries_) {
    if (entry.worked || now - entry.measured >= kLongest) {
      due.emplace_back(entry.worked ? entry.measured - kLongest : entry.measured, entry.usage.oid);
    }
  }
  const size_t count = std::min(most, due.size());
  std::partial_sort(due.begin(), due.begin() + static_cast<std::ptrdiff_t>(count), due.end());
  std::vector<int64_t> oids;
  for (size_t i = 0; i < count; ++i) oids.push_back(due[i].second);
  return oids;
}

void UsageLedger::NoteSize(int64_t oid, std::optional<int64_t> bytes, absl::Time now) {
  const auto uid = uids_.find(oid);
  if (uid == uids_.end()) return;
  Entry& entry = entries_[uid->second];
  entry.changed = entry.changed || entry.size_bytes != bytes;
  entry.size_bytes = bytes;
  entry.size_time = now;
  entry.measured = now;
  entry.worked = false;
}

std::vector<UsageSample> UsageLedger::TakeUnreported(absl::Time now) {
  std::vector<UsageSample> unreported;
  for (auto& [uid, entry] : entries_) {
    if (!entry.changed && now - entry.reported < kLongest) continue;
    unreported.push_back({entry.usage, entry.size_bytes, entry.size_time});
    entry.changed = false;
    entry.reported = now;
  }
  return unreported;
}

}  // namespace croft::agent
