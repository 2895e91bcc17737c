#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "controlplane/catalog/catalog.h"
#include "controlplane/domain/audit.h"
#include "controlplane/domain/host.h"
#include "controlplane/domain/operation.h"

// The filters of List methods:
//
//   filter    = [ condition { "AND" condition } ]
//   condition = field operator value
//   field     = name [ "." key ]            such as `state` or `labels.app`
//   operator  = "=" | "!=" | ":" | "<" | "<=" | ">" | ">="
//   value     = word | '"' { character | '\"' | '\\' } '"'
//
// A word is made of letters, digits and `. _ - + : / *`. Every error is INVALID_ARGUMENT on `filter` and names
// the position, counted in bytes from 1. Safe for any bytes.
namespace croft::wire {

enum class FilterOperator { kEqual, kNotEqual, kHas, kLess, kLessEqual, kGreater, kGreaterEqual };

struct FilterCondition {
  std::string field;
  std::string key;  // what came after the first dot of the field
  FilterOperator op = FilterOperator::kEqual;
  std::string value;
  size_t field_position = 0;
  size_t operator_position = 0;
  size_t value_position = 0;
};

absl::StatusOr<std::vector<FilterCondition>> ParseFilter(absl::string_view filter);

absl::StatusOr<std::vector<catalog::TenantQuery::Condition>> ParseTenantFilter(absl::string_view filter);

using HostFilter = std::function<bool(const domain::Host&)>;
absl::StatusOr<HostFilter> ParseHostFilter(absl::string_view filter);

// What the catalog can narrow by itself, and the rest.
struct OperationFilter {
  std::optional<std::string> tenant;
  std::optional<std::string> parent;
  std::optional<bool> ended;
  std::optional<domain::OperationKind> kind;
  std::optional<domain::OperationState> state;
  std::function<bool(const domain::Operation&)> matches;  // all conditions
};
absl::StatusOr<OperationFilter> ParseOperationFilter(absl::string_view filter);

using AuditFilter = std::function<bool(const domain::AuditRow&)>;
absl::StatusOr<AuditFilter> ParseAuditFilter(absl::string_view filter);

}  // namespace croft::wire
