// Turns filters of tenants into SQL and reads one page.

#include "controlplane/catalog/sqlite/tenant_query.h"

#include <algorithm>
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
constexpr int64_t kMany = 16'384;

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
  Where from;             // `FROM … WHERE …`
  Where index;            // the same of the index alone, to count by
  Sql id = "tenants.id";  // as the index has it
  bool ordered = true;    // gives ids in order
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
  const bool any_value = condition.op == Operator::kHas && condition.value.empty();
  Where labels, where;
  labels.Add(any_value ? Sql(" FROM tenant_labels AS d")
                       : Sql(" FROM tenant_labels AS d INDEXED BY tenant_labels_by_value"));
  where.Add(" WHERE d.key = ?").Bind(condition.label);
  if (!any_value) where.Add(" AND d.value = ?").Bind(condition.value);
  Path path{.id = "d.tenant"};
  path.from.Add(labels).Add(" CROSS JOIN tenants ON tenants.id = d.tenant").Add(where);
  path.index.Add(labels).Add(where);
  return path;
}

class Planner {
 public:
  Planner(sqlite::Database& database, const TenantQuery& query) : database_(database), query_(query) {}

  absl::StatusOr<TenantIdPage> Run() {
    for (const Condition& condition : query_.conditions) CROFT_RETURN_IF_ERROR(Take(condition));
    TakeStates();
    if (states_.empty() || query_.limit <= 0) return TenantIdPage();
    CROFT_ASSIGN_OR_RETURN(const Path path, Choose());
    CROFT_ASSIGN_OR_RETURN(std::optional<std::string> last, LastRead(path));
    Where rows;
    rows.Add("SELECT tenants.id").Add(path.from).Add(filter_).Add(After(path));
    if (last.has_value()) rows.Add(" AND ").Add(path.id).Add(" <= ?").Bind(*last);
    rows.Add(" ORDER BY ").Add(path.id).Add(" LIMIT ?").Bind(int64_t{query_.limit});
    TenantIdPage page;
    CROFT_ASSIGN_OR_RETURN(page.ids, rows.Run(database_));
    const bool full = page.ids.size() == static_cast<size_t>(query_.limit);
    page.next_after = full ? page.ids.back() : std::move(last);
    return page;
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
      in.Add(i == 0 ? Sql("?") : Sql(", ?")).Bind(std::string(NameOf(states_[i])));
    }
    in.Add(")");
    filter_.Add(" AND ").Add(in);
    if (!states_asked_) return;
    AddPath(Where().Add(" FROM tenants INDEXED BY tenants_by_state WHERE ").Add(in), states_.size() == 1);
  }

  void AddPath(Where from, bool ordered) {
    paths_.push_back({.from = from, .index = from, .ordered = ordered});
  }

  Where After(const Path& path) const {
    return Where().Add(" AND ").Add(path.id).Add(" > ?").Bind(query_.after_id);
  }

  // The id at which reading ends before the path does.
  absl::StatusOr<std::optional<std::string>> LastRead(const Path& path) {
    if (!path.ordered || query_.conditions.empty()) return std::optional<std::string>();
    Where last;
    last.Add("SELECT ").Add(path.id).Add(path.index).Add(After(path)).Add(" ORDER BY ").Add(path.id);
    last.Add(" LIMIT 1 OFFSET ?").Bind(std::max<int64_t>(query_.most_read, 1) - 1);
    CROFT_ASSIGN_OR_RETURN(std::vector<std::string> rows, last.Run(database_));
    if (rows.empty()) return std::optional<std::string>();
    return std::optional<std::string>(std::move(rows.front()));
  }

  // How many rows the path reads at most, counted up to `limit`.
  absl::StatusOr<int64_t> Count(const Path& path, int64_t limit) {
    Where count;
    count.Add("SELECT count(*) FROM (SELECT 1").Add(path.index);
    if (path.ordered) count.Add(After(path));
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
    Where all;
    all.Add(query_.show_retired
                ? Sql(" FROM tenants INDEXED BY tenants_present WHERE state <> 'PURGED'")
                : Sql(" FROM tenants INDEXED BY tenants_live WHERE state NOT IN ('PURGED', 'RETIRED')"));
    return Path{.from = all, .index = all};
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

absl::StatusOr<TenantIdPage> ListTenantIds(sqlite::Database& database, const TenantQuery& query) {
  return Planner(database, query).Run();
}

}  // namespace croft::catalog
