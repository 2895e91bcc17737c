#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "agent/postgres/usage_reader.h"

namespace croft::agent {

// What is known of one tenant's database.
struct UsageSample {
  DatabaseUsage usage;
  std::optional<int64_t> size_bytes;
  absl::Time size_time;
};

// Remembers what the databases of a host use: decides whose size is to be measured next, and which of them are to be
// reported to the control plane. Of a tenant that has several databases, as while it is restored, the open one with the highest
// generation counts. Pure; one thread at a time.
class UsageLedger {
 public:
  // After this long an idle database is measured and reported once more.
  static constexpr absl::Duration kLongest = absl::Hours(1);

  // A session begins: nothing has been reported in it.
  void Forget();
  // All tenants' databases of the host, as one look found them.
  void Take(const std::vector<DatabaseUsage>& found);
  // Oids of at most `most` databases to measure: those that were never measured, those whose clients worked since, and
  // those that were measured long ago, in this order. Nothing more to measure: empty.
  std::vector<int64_t> ToMeasure(size_t most, absl::Time now) const;
  // `bytes` is nothing where the size may not be asked for. One that is not called is gone.
  void NoteSize(int64_t oid, std::optional<int64_t> bytes, absl::Time now);
  // Those that changed since they were reported, or were reported long ago. They count as reported.
  std::vector<UsageSample> TakeUnreported(absl::Time now);

 private:
  struct Entry {
    DatabaseUsage usage;
    std::optional<int64_t> size_bytes;
    absl::Time size_time;                        // of `size_bytes`
    absl::Time measured = absl::InfinitePast();  // when the size was asked for last
    bool worked = false;                         // clients worked since it was measured
    bool changed = true;                         // since it was reported
    bool moving = false;                         // what was reported last was a change
    absl::Time reported = absl::InfinitePast();
  };

  std::map<std::string, Entry> entries_;  // by uid
  std::map<int64_t, std::string> uids_;   // by oid
};

}  // namespace croft::agent
