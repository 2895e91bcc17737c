// Transactions that roll back unless they are committed.

#include "common/sqlite/transaction.h"

#include "common/errors.h"

namespace croft::sqlite {

absl::StatusOr<Transaction> Transaction::Begin(Database& database) {
  CROFT_RETURN_IF_ERROR(database.Execute("BEGIN IMMEDIATE"));
  return Transaction(&database);
}

absl::StatusOr<Transaction> Transaction::BeginRead(Database& database) {
  CROFT_RETURN_IF_ERROR(database.Execute("BEGIN"));
  return Transaction(&database);
}

Transaction::~Transaction() {
  // Fails where an error has already rolled it back, which is what is wanted.
  if (database_ != nullptr) (void)database_->Execute("ROLLBACK");
}

absl::Status Transaction::Commit() {
  CROFT_RETURN_IF_ERROR(database_->Execute("COMMIT"));
  return std::exchange(database_, nullptr)->CheckpointIfDue();
}

}  // namespace croft::sqlite
