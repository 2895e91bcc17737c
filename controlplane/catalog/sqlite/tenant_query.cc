#include "controlplane/catalog/sqlite/tenant_query.h"

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "common/errors.h"
#include "common/sqlite/statement.h"
#include "controlplane/catalog/sqlite/columns.h"

namespace croft::catalog {
namespace {

using domain::TenantState;
using sqlite::Rows;
using sqlite::Sql;
using sqlite::SqlBuilder;
using sqlite::Statement;
using Condition = TenantQuery::Condition;
using Field = Condition::Field;
using Operator = Condition::Operator;

// An index that promises fewer rows than this is read whole and sorted.
constexpr int64_t kFew = 512;
// Where all promise more, they are compared up to this.
constexpr int64_t kMany = 8192;

struct Value {
  bool is_number = false;
  int64_t number = 0;
  std::string text;
};

// Conditions in SQL with the values they bind.
class Where {
 public:
  Where& Add(Sql piece) {
    sql_.Append(piece);
    return *this;
  }
  Where& Add(const Where& other) {
    sql_.Append(other.sql_);
    values_.insert(values_.end(), other.values_.begin(), other.values_.end());
    return *this;
  }
  Where& Bind(std::string text) {
    values_.push_back({.text = std::move(text)});
    return *this;
  }
  Where& Bind(int64_t number) {
    values_.push_back({.is_number = true, .number = number});
    return *this;
  }

  absl::StatusOr<std::vector<std::string>> Run(sqlite::Database& database) const {
    Statement statement(database, sql_);
    for (const Value& value : values_) {
      CROFT_RETURN_IF_ERROR(value.is_number ? statement.BindNext(value.number)
                                            : statement.BindNext(value.text));
    }
    Rows rows = statement.Query();
    std::vector<std::string> answer;
    while (rows.Next()) answer.push_back(rows.Get<std::string>(0));
    if (!rows.status().ok()) return rows.status();
    return answer;
  }

 private:
  SqlBuilder sql_;
  std::vector<Value> values_;
};

// A way to find the tenants that meet one of the conditions.
struct Path {
  Where from;           // `FROM … WHERE …`
  bool ordered = true;  // gives ids in order
  bool joined = false;  // by way of tenant_labels
};

absl::Status Meaningless(const Condition& condition, absl::string_view remedy) {
  return InvalidField("filter", absl::StrCat("`", condition.value, "`: ", remedy));
}

Sql Comparison(Operator op) {
  switch (op) {
    case Operator::kEqual:
    case Operator::kHas: return " = ?";
    case Operator::kNotEqual: return " <> ?";
    case Operator::kLess: return " < ?";
    case Operator::kLessEqual: return " <= ?";
    case Operator::kGreater: return " > ?";
    case Operator::kGreaterEqual: return " >= ?";
  }
  return " = ?";
}

bool IsEquality(Operator op) { return op == Operator::kEqual || op == Operator::kHas; }

Where LabelFilter(const Condition& condition) {
  Where where;
  where.Add(condition.op == Operator::kNotEqual ? Sql(" AND NOT EXISTS ") : Sql(" AND EXISTS "));
  where.Add("(SELECT 1 FROM tenant_labels AS l WHERE l.tenant = tenants.id AND l.key = ?")
      .Bind(condition.label);
  if (condition.op != Operator::kHas || !condition.value.empty()) {
    const Operator op = condition.op == Operator::kNotEqual ? Operator::kEqual : condition.op;
    where.Add(" AND l.value").Add(Comparison(op)).Bind(condition.value);
  }
  return where.Add(")");
}

Path LabelPath(const Condition& condition) {
  Path path;
  path.joined = true;
  if (condition.op == Operator::kHas && condition.value.empty()) {
    path.from.Add(" FROM tenant_labels AS d CROSS JOIN tenants ON tenants.id = d.tenant WHERE d.key = ?");
    path.from.Bind(condition.label);
    return path;
  }
  path.from.Add(
      " FROM tenant_labels AS d INDEXED BY tenant_labels_by_value CROSS JOIN tenants ON tenants.id = "
      "d.tenant "
      "WHERE d.key = ? AND d.value = ?");
  path.from.Bind(condition.label).Bind(condition.value);
  return path;
}

class Planner {
 public:
  Planner(sqlite::Database& database, const TenantQuery& query) : database_(database), query_(query) {}

  absl::StatusOr<std::vector<std::string>> Run() {
    for (const Condition& condition : query_.conditions) CROFT_RETURN_IF_ERROR(Take(condition));
    TakeStates();
    if (states_.empty() || query_.limit <= 0) return std::vector<std::string>();
    CROFT_ASSIGN_OR_RETURN(const Path path, Choose());
    Where page;
    page.Add("SELECT tenants.id").Add(path.from).Add(filter_);
    page.Add(path.joined ? Sql(" AND d.tenant > ?") : Sql(" AND tenants.id > ?")).Bind(query_.after_id);
    page.Add(path.joined ? Sql(" ORDER BY d.tenant LIMIT ?") : Sql(" ORDER BY tenants.id LIMIT ?"));
    return page.Bind(int64_t{query_.limit}).Run(database_);
  }

 private:
  absl::Status Take(const Condition& condition) {
    switch (condition.field) {
      case Field::kId:
        filter_.Add(" AND tenants.id").Add(Comparison(condition.op)).Bind(condition.value);
        return absl::OkStatus();
      case Field::kUid:
        filter_.Add(" AND uid").Add(Comparison(condition.op)).Bind(condition.value);
        if (IsEquality(condition.op)) {
          AddPath(
              Where().Add(" FROM tenants INDEXED BY tenants_by_uid WHERE uid = ?").Bind(condition.value),
              false);
        }
        return absl::OkStatus();
      case Field::kHost:
        filter_.Add(" AND host").Add(Comparison(condition.op)).Bind(condition.value);
        if (IsEquality(condition.op)) {
          AddPath(Where()
                      .Add(" FROM tenants INDEXED BY tenants_by_host WHERE state <> 'PURGED' AND host = ?")
                      .Bind(condition.value),
                  true);
        }
        return absl::OkStatus();
      case Field::kLabel:
        filter_.Add(LabelFilter(condition));
        if (IsEquality(condition.op)) paths_.push_back(LabelPath(condition));
        return absl::OkStatus();
      case Field::kCreateTime: return TakeTime(condition);
      case Field::kState: return TakeState(condition);
    }
    return Meaningless(condition, "unknown field");
  }

  absl::Status TakeTime(const Condition& condition) {
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, condition.value, &time, &error)) {
      return Meaningless(condition, "write a time like \"2026-01-01T00:00:00Z\"");
    }
    const int64_t column = sqlite::ToColumn(time);
    filter_.Add(" AND create_time").Add(Comparison(condition.op)).Bind(column);
    if (condition.op != Operator::kNotEqual) {
      AddPath(Where()
                  .Add(" FROM tenants INDEXED BY tenants_by_create_time WHERE create_time")
                  .Add(Comparison(condition.op))
                  .Bind(column),
              false);
    }
    return absl::OkStatus();
  }

  absl::Status TakeState(const Condition& condition) {
    TenantState wanted;
    if (!DecodeEnum(condition.value, wanted).ok()) {
      return Meaningless(condition, "a state is CREATING, READY, SUSPENDED, RETIRED or FAILED");
    }
    if (!IsEquality(condition.op) && condition.op != Operator::kNotEqual) {
      return Meaningless(condition, "compare states by = or !=");
    }
    std::erase_if(states_,
                  [&](TenantState state) { return (state == wanted) != IsEquality(condition.op); });
    states_asked_ = true;
    return absl::OkStatus();
  }

  void TakeStates() {
    if (!query_.show_retired) std::erase(states_, TenantState::kRetired);
    Where in;
    in.Add("state IN (");
    for (size_t i = 0; i < states_.size(); ++i) {
      in.Add(i == 0 ? Sql("?") : Sql(", ?")).Bind(std::string(EncodeEnum(states_[i])));
    }
    in.Add(")");
    filter_.Add(" AND ").Add(in);
    if (!states_asked_) return;
    AddPath(Where().Add(" FROM tenants INDEXED BY tenants_by_state WHERE ").Add(in), states_.size() == 1);
  }

  void AddPath(Where from, bool ordered) {
    paths_.push_back({.from = std::move(from), .ordered = ordered});
  }

  // How many rows the path reads at most, counted up to `limit`.
  absl::StatusOr<int64_t> Count(const Path& path, int64_t limit) {
    Where count;
    count.Add("SELECT count(*) FROM (SELECT 1").Add(path.from);
    if (path.ordered) {
      count.Add(path.joined ? Sql(" AND d.tenant > ?") : Sql(" AND tenants.id > ?")).Bind(query_.after_id);
    }
    count.Add(" LIMIT ?)").Bind(limit);
    CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> rows, count.Run(database_));
    int64_t answer = limit;
    (void)absl::SimpleAtoi(rows.front(), &answer);
    return answer;
  }

  // The path with the fewest rows, if any has fewer than `limit`.
  absl::StatusOr<std::optional<Path>> Fewest(int64_t limit) {
    std::optional<Path> best;
    int64_t fewest = limit;
    for (const Path& path : paths_) {
      CROFT_ASSIGN_OR_RETURN(const int64_t count, Count(path, fewest));
      if (count >= fewest) continue;
      fewest = count;
      best = path;
    }
    return best;
  }

  absl::StatusOr<Path> Choose() {
    CROFT_ASSIGN_OR_RETURN(std::optional<Path> best, Fewest(kFew));
    if (best.has_value()) return *std::move(best);
    // An unordered path must be read whole before its first row is known: too many for that.
    std::erase_if(paths_, [](const Path& path) { return !path.ordered; });
    if (paths_.size() > 1) {
      CROFT_ASSIGN_OR_RETURN(best, Fewest(kMany));
    }
    if (best.has_value()) return *std::move(best);
    if (!paths_.empty()) return paths_.front();
    Path all;
    all.from.Add(
        query_.show_retired
            ? Sql(" FROM tenants INDEXED BY tenants_present WHERE state <> 'PURGED'")
            : Sql(" FROM tenants INDEXED BY tenants_live WHERE state NOT IN ('PURGED', 'RETIRED')"));
    return all;
  }

  sqlite::Database& database_;
  const TenantQuery& query_;
  Where filter_;
  std::vector<Path> paths_;
  std::vector<TenantState> states_ = {TenantState::kCreating, TenantState::kReady, TenantState::kSuspended,
                                      TenantState::kRetired, TenantState::kFailed};
  bool states_asked_ = false;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> ListTenantIds(sqlite::Database& database,
                                                       const TenantQuery& query) {
  return Planner(database, query).Run();
}

}  // namespace croft::catalog
