#pragma once

#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/sqlite/database.h"

namespace croft::sqlite {

// Destroyed without Commit() it is rolled back.
class Transaction {
 public:
  // BEGIN IMMEDIATE: nobody else writes until it ends.
  static absl::StatusOr<Transaction> Begin(Database& database);
  // Reads of one state of the file. Keep it short.
  static absl::StatusOr<Transaction> BeginRead(Database& database);

  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  // Durable when it answers OK. After an error of a write transaction nothing is known of the disk: stop
  // the process, never retry.
  absl::Status Commit();

 private:
  explicit Transaction(Database* database) : database_(database) {}

  Database* database_;
};

}  // namespace croft::sqlite
