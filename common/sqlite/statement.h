#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/sqlite/database.h"
#include "common/sqlite/sql.h"

struct sqlite3_stmt;

// Prepared statements of SQLite.
namespace croft::sqlite {

// Bytes bound to, or read from, a BLOB column.
struct Blob {
  std::string bytes;

  friend bool operator==(const Blob&, const Blob&) = default;
};

// How times and durations are stored: whole microseconds since 1970, rounded down, and whole nanoseconds.
// Infinities are kept.
int64_t ToColumn(absl::Time time);
int64_t ToColumn(absl::Duration duration);
absl::Time TimeFromColumn(int64_t microseconds);
absl::Duration DurationFromColumn(int64_t nanoseconds);

class Statement;

// The rows of one run of a statement, which is free again when this is destroyed. A run that is left open
// keeps a read transaction open, and the WAL from shrinking: take the rows and let go.
class Rows {
 public:
  Rows(Rows&& other) noexcept : statement_(other.statement_), status_(std::move(other.status_)) {
    other.statement_ = nullptr;
  }
  Rows& operator=(Rows&&) = delete;
  ~Rows();

  // False after the last row and on an error.
  bool Next();
  // Look at it when Next() was false.
  const absl::Status& status() const { return status_; }

  // Columns count from 0. NULL reads as nullopt, 0 or empty.
  template <typename T>
  T Get(int column) const;
  // Valid until the next call of Next().
  absl::string_view Text(int column) const;
  // The columns in order, from `first` on. An absl::string_view is valid until the next call of Next().
  template <typename... T>
  void Read(int first, T&... values) const {
    int column = first;
    (ReadOne(column++, values), ...);
  }

 private:
  friend class Statement;
  Rows(Statement* statement, absl::Status status) : statement_(statement), status_(std::move(status)) {}

  template <typename T>
  void ReadOne(int column, T& value) const {
    value = Get<T>(column);
  }
  // Keeps the room that the string has.
  void ReadOne(int column, std::string& value) const {
    const absl::string_view text = Text(column);
    value.assign(text.data(), text.size());
  }
  void ReadOne(int column, absl::string_view& value) const { value = Text(column); }

  bool IsNull(int column) const;
  int64_t Integer(int column) const;

  Statement* statement_;
  absl::Status status_;
};

// A prepared statement: a named member beside its user, after the Database. One that could not be prepared
// answers why whenever it is run. Parameters take integers, bool, text, Blob, absl::Time, absl::Duration,
// std::optional of these and std::nullopt.
class Statement {
 public:
  Statement(Database& database, Sql sql) : database_(database) { Prepare(sql.text()); }
  Statement(Database& database, const SqlBuilder& sql) : database_(database) { Prepare(sql.text()); }
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Runs it to its end with the parameters in their order; rows are passed over.
  template <typename... T>
  absl::Status Execute(const T&... parameters) {
    absl::Status status = Start(sizeof...(T));
    int index = 1;
    ((status.ok() ? void(status = Bind(index++, parameters, Lifetime::kCall)) : void()), ...);
    return Finish(std::move(status));
  }

  // Parameters are copied.
  template <typename... T>
  Rows Query(const T&... parameters) {
    if (absl::Status status = Start(sizeof...(T)); !status.ok()) return Rows(nullptr, std::move(status));
    absl::Status status;
    int index = 1;
    ((status.ok() ? void(status = Bind(index++, parameters, Lifetime::kCopy)) : void()), ...);
    return Rows(this, std::move(status));
  }

  // For statements put together at run time: Query() without parameters after BindNext() for each.
  template <typename T>
  absl::Status BindNext(const T& parameter) {
    return status_.ok() ? Bind(++bound_, parameter, Lifetime::kCopy) : status_;
  }

 private:
  friend class Rows;
  enum class Lifetime { kCall, kCopy };

  void Prepare(absl::string_view text);

  absl::Status Start(int parameters);
  absl::Status Finish(absl::Status status);
  void Reset();

  absl::Status BindNull(int index);
  absl::Status BindInteger(int index, int64_t value);
  absl::Status BindText(int index, absl::string_view value, Lifetime lifetime);
  absl::Status BindBlob(int index, absl::string_view value, Lifetime lifetime);

  template <typename T>
  absl::Status Bind(int index, const T& value, Lifetime lifetime) {
    if constexpr (std::is_same_v<T, std::nullopt_t>) {
      return BindNull(index);
    } else if constexpr (std::is_integral_v<T>) {
      return BindInteger(index, value);
    } else if constexpr (std::is_same_v<T, absl::Time> || std::is_same_v<T, absl::Duration>) {
      return BindInteger(index, ToColumn(value));
    } else if constexpr (std::is_same_v<T, Blob>) {
      return BindBlob(index, value.bytes, lifetime);
    } else if constexpr (std::is_convertible_v<const T&, absl::string_view>) {
      return BindText(index, value, lifetime);
    } else {
      return value.has_value() ? Bind(index, *value, lifetime) : BindNull(index);
    }
  }

  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
  absl::Status status_;  // of preparing it
  int bound_ = 0;
  bool running_ = false;
};

namespace internal {
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};
}  // namespace internal

template <typename T>
T Rows::Get(int column) const {
  if constexpr (internal::IsOptional<T>::value) {
    return IsNull(column) ? T() : T(Get<typename T::value_type>(column));
  } else if constexpr (std::is_same_v<T, bool>) {
    return Integer(column) != 0;
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(Integer(column));
  } else if constexpr (std::is_same_v<T, absl::Time>) {
    return TimeFromColumn(Integer(column));
  } else if constexpr (std::is_same_v<T, absl::Duration>) {
    return DurationFromColumn(Integer(column));
  } else if constexpr (std::is_same_v<T, Blob>) {
    return Blob{std::string(Text(column))};
  } else {
    static_assert(std::is_same_v<T, std::string>, "no column type");
    return std::string(Text(column));
  }
}

}  // namespace croft::sqlite
