#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/usage/usage.h"

namespace croft::usage {

// What is stored here and why: what each tenant's database used last, and what it did in each hour with
// activity. It lies apart from the catalog, so that no commit of the catalog waits for it and no copy of the catalog
// carries it; all that its loss costs is history. A row of an hour takes some 80 bytes, one of a database some 200.
//
// The errors are those of sqlite::Database. One writer and one reader at a time, each in a thread of its own.

class UsageWriter {
 public:
  // Opens or makes the file.
  static absl::StatusOr<std::unique_ptr<UsageWriter>> Open(absl::string_view path);
  ~UsageWriter();

  struct HostReports {
    std::string host;
    absl::Time time;  // when they came
    std::vector<Report> reports;
  };
  // All of it, in one transaction. What was done since the report before counts for the hour of `time`; of a database that
  // was not known, or is another one than before, nothing does. Databases that are not known are left out unless
  // `take_new`.
  absl::Status Write(const std::vector<HostReports>& batch, bool take_new);

  // Deletes at most `most` rows of hours that began before `oldest`, and databases last reported before it. Returns how many
  // were deleted.
  absl::StatusOr<int64_t> Prune(absl::Time oldest, int64_t most);
  // The same of hours alone.
  absl::Status PruneHours(absl::Time oldest, int64_t most);
  // The first hour there is.
  absl::StatusOr<std::optional<absl::Time>> OldestHour();
  // Of the file, without what is free in it.
  absl::StatusOr<int64_t> UsedBytes();

 private:
  struct State;
  explicit UsageWriter(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

class UsageReader {
 public:
  // Of a file that a UsageWriter holds open.
  static absl::StatusOr<std::unique_ptr<UsageReader>> Open(absl::string_view path);
  ~UsageReader();

  // Nothing if the host never reported it.
  absl::StatusOr<std::optional<Usage>> Find(absl::string_view uid, absl::string_view host);
  // The hours of a database from the one of `since` to the one of `until`, oldest first.
  absl::StatusOr<std::vector<Hour>> Hours(int64_t id, absl::Time since, absl::Time until);
  // At most `limit` databases from `after` on, the largest first. By size those of which it is known; by connections and
  // by transactions those that have some.
  absl::StatusOr<std::vector<Ranked>> List(Order order, const Position& after, int32_t limit);

 private:
  struct State;
  explicit UsageReader(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace croft::usage
