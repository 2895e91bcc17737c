#include "tests/fakes/query_matches.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "common/errors.h"

namespace croft::catalog {
namespace {

using domain::Operation;
using domain::Tenant;
using domain::TenantState;
using Condition = TenantQuery::Condition;
using Field = Condition::Field;
using Operator = Condition::Operator;

template <typename T>
bool Compare(const T& a, Operator op, const T& b) {
  switch (op) {
    case Operator::kEqual:
    case Operator::kHas: return a == b;
    case Operator::kNotEqual: return a != b;
    case Operator::kLess: return a < b;
    case Operator::kLessEqual: return a <= b;
    case Operator::kGreater: return a > b;
    case Operator::kGreaterEqual: return a >= b;
  }
  return false;
}

std::optional<TenantState> ParseState(const std::string& name) {
  static const std::map<std::string, TenantState> kStates = {
      {"CREATING", TenantState::kCreating},   {"READY", TenantState::kReady},
      {"SUSPENDED", TenantState::kSuspended}, {"RETIRED", TenantState::kRetired},
      {"FAILED", TenantState::kFailed},       {"PURGED", TenantState::kPurged}};
  const auto found = kStates.find(name);
  return found == kStates.end() ? std::nullopt : std::optional<TenantState>(found->second);
}

bool LabelHolds(const Tenant& tenant, const Condition& condition) {
  const auto label = tenant.labels.find(condition.label);
  if (label == tenant.labels.end()) return condition.op == Operator::kNotEqual;
  if (condition.op == Operator::kHas && condition.value.empty()) return true;
  return Compare(label->second, condition.op, condition.value);
}

// `condition` is checked.
bool Holds(const Tenant& tenant, const Condition& condition) {
  switch (condition.field) {
    case Field::kId: return Compare(tenant.id, condition.op, condition.value);
    case Field::kUid: return Compare(tenant.uid, condition.op, condition.value);
    case Field::kHost: return Compare(tenant.placement.host, condition.op, condition.value);
    case Field::kState: return Compare(tenant.state, condition.op, *ParseState(condition.value));
    case Field::kLabel: return LabelHolds(tenant, condition);
    case Field::kCreateTime: {
      absl::Time time;
      (void)absl::ParseTime(absl::RFC3339_full, condition.value, &time, nullptr);
      return Compare(tenant.create_time, condition.op, time);
    }
  }
  return false;
}

}  // namespace

absl::Status Check(const Condition& condition) {
  absl::Time time;
  if (condition.field == Field::kCreateTime &&
      !absl::ParseTime(absl::RFC3339_full, condition.value, &time, nullptr)) {
    return InvalidField("filter", "no time");
  }
  if (condition.field != Field::kState) return absl::OkStatus();
  if (!ParseState(condition.value).has_value()) return InvalidField("filter", "no state");
  const bool equality = condition.op == Operator::kEqual || condition.op == Operator::kHas;
  if (!equality && condition.op != Operator::kNotEqual)
    return InvalidField("filter", "states have no order");
  return absl::OkStatus();
}

bool Matches(const Tenant& tenant, const TenantQuery& query) {
  if (tenant.id <= query.after_id || (tenant.state == TenantState::kRetired && !query.show_retired))
    return false;
  return std::all_of(query.conditions.begin(), query.conditions.end(),
                     [&](const Condition& condition) { return Holds(tenant, condition); });
}

bool Matches(const Operation& operation, const OperationQuery& query) {
  if (query.kind.has_value() ? operation.kind != *query.kind
                             : operation.kind == domain::OperationKind::kCleanUp) {
    return false;
  }
  if (query.tenant.has_value() && operation.tenant != *query.tenant) return false;
  if (query.parent.has_value() && (operation.parent.empty() || operation.parent != *query.parent))
    return false;
  if (query.state.has_value() && operation.state != *query.state) return false;
  return !query.ended.has_value() || domain::Ended(operation) == *query.ended;
}

}  // namespace croft::catalog
