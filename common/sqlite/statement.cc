// Prepared statements: binding and reading values.

#include "common/sqlite/statement.h"

#include <limits>

#include <absl/strings/str_cat.h>
#include <sqlite3.h>

namespace croft::sqlite {
namespace {

constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

}  // namespace

int64_t ToColumn(absl::Time time) {
  if (time == absl::InfiniteFuture()) return kForever;
  if (time == absl::InfinitePast()) return -kForever;
  return absl::ToUnixMicros(time);
}

int64_t ToColumn(absl::Duration duration) {
  if (duration == absl::InfiniteDuration()) return kForever;
  if (duration == -absl::InfiniteDuration()) return -kForever;
  return absl::ToInt64Nanoseconds(duration);
}

absl::Time TimeFromColumn(int64_t microseconds) {
  if (microseconds == kForever) return absl::InfiniteFuture();
  if (microseconds == -kForever) return absl::InfinitePast();
  return absl::FromUnixMicros(microseconds);
}

absl::Duration DurationFromColumn(int64_t nanoseconds) {
  if (nanoseconds == kForever) return absl::InfiniteDuration();
  if (nanoseconds == -kForever) return -absl::InfiniteDuration();
  return absl::Nanoseconds(nanoseconds);
}

void Statement::Prepare(absl::string_view text) {
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(database_.handle_, text.data(), static_cast<int>(text.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle_, &rest);
  if (code != SQLITE_OK) {
    status_ = database_.ErrorOf(code);
  } else if (handle_ == nullptr || rest != text.data() + text.size()) {
    status_ = absl::InternalError(absl::StrCat("not exactly one statement: ", text));
  }
}

Statement::~Statement() { sqlite3_finalize(handle_); }

absl::Status Statement::Start(int parameters) {
  if (!status_.ok()) return status_;
  if (running_) return absl::InternalError(absl::StrCat("still running: ", sqlite3_sql(handle_)));
  if (parameters + bound_ != sqlite3_bind_parameter_count(handle_)) {
    return absl::InternalError(absl::StrCat("wrong count of parameters: ", sqlite3_sql(handle_)));
  }
  running_ = true;
  return absl::OkStatus();
}

absl::Status Statement::Finish(absl::Status status) {
  if (!running_) return status;
  int code = SQLITE_ROW;
  while (status.ok() && code == SQLITE_ROW) code = sqlite3_step(handle_);
  if (status.ok() && code != SQLITE_DONE) status = database_.ErrorOf(code);
  Reset();
  return status;
}

void Statement::Reset() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
  bound_ = 0;
  running_ = false;
}

absl::Status Statement::BindNull(int index) { return database_.ErrorOf(sqlite3_bind_null(handle_, index)); }

absl::Status Statement::BindInteger(int index, int64_t value) {
  return database_.ErrorOf(sqlite3_bind_int64(handle_, index, value));
}

absl::Status Statement::BindText(int index, absl::string_view value, Lifetime lifetime) {
  // A null pointer would bind NULL.
  const char* data = value.data() == nullptr ? "" : value.data();
  return database_.ErrorOf(
      sqlite3_bind_text64(handle_, index, data, value.size(),
                          lifetime == Lifetime::kCall ? SQLITE_STATIC : SQLITE_TRANSIENT, SQLITE_UTF8));
}

absl::Status Statement::BindBlob(int index, absl::string_view value, Lifetime lifetime) {
  const char* data = value.data() == nullptr ? "" : value.data();
  return database_.ErrorOf(sqlite3_bind_blob64(
      handle_, index, data, value.size(), lifetime == Lifetime::kCall ? SQLITE_STATIC : SQLITE_TRANSIENT));
}

Rows::~Rows() {
  if (statement_ != nullptr) statement_->Reset();
}

bool Rows::Next() {
  if (!status_.ok() || statement_ == nullptr) return false;
  const int code = sqlite3_step(statement_->handle_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) status_ = statement_->database_.ErrorOf(code);
  // Ends the read transaction now; a finished statement must not start again by another step.
  statement_->Reset();
  statement_ = nullptr;
  return false;
}

bool Rows::IsNull(int column) const {
  return sqlite3_column_type(statement_->handle_, column) == SQLITE_NULL;
}

int64_t Rows::Integer(int column) const { return sqlite3_column_int64(statement_->handle_, column); }

absl::string_view Rows::Text(int column) const {
  const void* data = sqlite3_column_blob(statement_->handle_, column);
  const int size = sqlite3_column_bytes(statement_->handle_, column);
  return data == nullptr ? absl::string_view() : absl::string_view(static_cast<const char*>(data), size);
}

}  // namespace croft::sqlite
