#pragma once

#include <tuple>
#include <utility>

#include <absl/status/status.h>

#include "common/sqlite/sql.h"
#include "common/sqlite/statement.h"
#include "controlplane/domain/member_path.h"

// A table is described once: each column with its name, the member that it holds and how the member is written.
// SELECT lists, placeholders, reading and binding are derived, so that they cannot disagree.
//
//   constexpr Table kHosts(Col("id", &Host::id), Col("labels", MapCodec(), &Host::labels),
//                          Col("tls", &Host::report, &HostReport::tls));
namespace croft::catalog {

// A codec has Encode(member) -> parameter of a statement, and Decode(rows, column, member) -> Status.

// Integers, text, times and what else a column holds as it is.
struct PlainCodec {
  template <typename T>
  const T& Encode(const T& value) const {
    return value;
  }
  template <typename T>
  absl::Status Decode(const sqlite::Rows& rows, int column, T& value) const {
    rows.Read(column, value);
    return absl::OkStatus();
  }
};

// Derived from the row for an index; `derive` is called with the row. Read back by nobody.
template <typename Derive>
struct DerivedCodec {
  Derive derive;

  template <typename Row>
  auto Encode(const Row& row) const {
    return derive(row);
  }
  template <typename Row>
  absl::Status Decode(const sqlite::Rows&, int, Row&) const {
    return absl::OkStatus();
  }
};

template <typename Codec, typename... Path>
struct Column {
  sqlite::Sql name;
  Codec codec;
  std::tuple<Path...> path;

  template <typename Row>
  auto& Of(Row& row) const {
    return std::apply(
        [&](auto... members) -> auto& { return domain::Follow(row, members...); }, path);
  }
};

// `path` leads from the row to the member, by one pointer to member after the other.
template <typename Codec, typename... Path>
requires(!std::is_member_pointer_v<Codec>) constexpr Column<Codec, Path...> Col(sqlite::Sql name,
                                                                                Codec codec, Path... path) {
  return {name, codec, std::tuple<Path...>(path...)};
}
template <typename... Path>
constexpr Column<PlainCodec, Path...> Col(sqlite::Sql name, Path... path) {
  return {name, PlainCodec(), std::tuple<Path...>(path...)};
}
template <typename Derive>
constexpr Column<DerivedCodec<Derive>> Derived(sqlite::Sql name, Derive derive) {
  return {name, {derive}, {}};
}

template <typename... Columns>
class Table {
 public:
  constexpr explicit Table(Columns... columns) : columns_(columns...) {}

  static constexpr int kCount = sizeof...(Columns);

  // `id, labels, …`
  sqlite::SqlBuilder Names() const {
    return Joined([](const auto& column) { return column.name; });
  }
  // `?, ?, …`
  sqlite::SqlBuilder Places() const {
    return Joined([](const auto&) { return sqlite::Sql("?"); });
  }

  // From the columns of `rows` that were selected by Names(), the first of which is `first`. DATA_LOSS for a value that
  // no encoder makes.
  template <typename Row>
  absl::Status Read(const sqlite::Rows& rows, int first, Row& row) const {
    absl::Status status;
    int at = first;
    std::apply(
        [&](const auto&... column) {
          ((status.ok() ? void(status = column.codec.Decode(rows, at++, column.Of(row))) : void()), ...);
        },
        columns_);
    return status;
  }

  // What `run` answers when it is called with the row's parameters in the order of Names().
  template <typename Row, typename Run>
  absl::Status Bind(const Row& row, Run run) const {
    return std::apply([&](const auto&... column) { return run(column.codec.Encode(column.Of(row))...); },
                      columns_);
  }

 private:
  template <typename Pick>
  sqlite::SqlBuilder Joined(Pick pick) const {
    sqlite::SqlBuilder joined;
    bool first = true;
    std::apply(
        [&](const auto&... column) {
          ((first ? void(first = false) : void(joined.Append(", ")), joined.Append(pick(column))), ...);
        },
        columns_);
    return joined;
  }

  std::tuple<Columns...> columns_;
};

}  // namespace croft::catalog
