#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>

// What tenants use, as values.
namespace croft::usage {

// Counters of a database, or the work that was done in some time.
struct Counts {
  int64_t commits = 0;
  int64_t rollbacks = 0;
  int64_t blocks_read = 0;
  int64_t blocks_hit = 0;
  int64_t rows_returned = 0;
  int64_t rows_fetched = 0;
  int64_t rows_inserted = 0;
  int64_t rows_updated = 0;
  int64_t rows_deleted = 0;
  int64_t deadlocks = 0;
  int64_t temporary_bytes = 0;

  friend bool operator==(const Counts&, const Counts&) = default;
};

inline constexpr std::array<int64_t Counts::*, 11> kAllCounts = {
    &Counts::commits,       &Counts::rollbacks,    &Counts::blocks_read,    &Counts::blocks_hit,
    &Counts::rows_returned, &Counts::rows_fetched, &Counts::rows_inserted,  &Counts::rows_updated,
    &Counts::rows_deleted,  &Counts::deadlocks,    &Counts::temporary_bytes};

// What an agent says of one tenant's database.
struct Report {
  std::string uid;
  int64_t generation = 0;
  int32_t connections = 0;
  std::optional<int64_t> size_bytes;
  absl::Time size_time;  // of `size_bytes`
  Counts counters;       // since PostgreSQL began to count
};

// What is known of one tenant's database on one host.
struct Usage {
  int64_t id = 0;  // in the file
  std::string uid;
  std::string host;
  int64_t generation = 0;
  absl::Time look_time;
  std::optional<int64_t> size_bytes;
  absl::Time size_time;  // of `size_bytes`
  int32_t connections = 0;
  double transactions_per_second = 0;
};

struct Hour {
  absl::Time start_time;
  std::optional<int64_t> size_bytes;  // as measured last in it
  int32_t connections = 0;            // the most that were seen at a time
  Counts counts;

  friend bool operator==(const Hour&, const Hour&) = default;
};

enum class Order { kSize, kConnections, kTransactions };

// Where a list by `Order` goes on: after the database `id`, whose value was `value`.
struct Position {
  int64_t value = INT64_MAX;
  int64_t id = INT64_MAX;
};

// A database and its place in the list.
struct Ranked {
  Usage usage;
  Position position;
};

}  // namespace croft::usage
