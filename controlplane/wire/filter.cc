// Parses the filters of List methods.

#include "controlplane/wire/filter.h"

#include <algorithm>
#include <map>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "common/enums.h"
#include "common/errors.h"
#include "common/names.h"
#include "controlplane/wire/enums.h"
#include "controlplane/wire/operation.h"

namespace croft::wire {
namespace {

constexpr size_t kLongestFilter = 4096;
constexpr size_t kMostConditions = 32;

bool IsWordCharacter(char c) {
  return absl::ascii_isalnum(c) || absl::string_view("._-+:/*").find(c) != absl::string_view::npos;
}
bool IsFieldCharacter(char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-'; }

class Parser {
 public:
  explicit Parser(absl::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<FilterCondition>> Filter() {
    std::vector<FilterCondition> conditions;
    SkipSpace();
    while (at_ < text_.size()) {
      if (conditions.size() == kMostConditions) {
        return Error(at_, absl::StrCat("more than ", kMostConditions, " conditions"));
      }
      if (!conditions.empty()) CROFT_RETURN_IF_ERROR(And());
      CROFT_ASSIGN_OR_RETURN(FilterCondition condition, Condition());
      conditions.push_back(std::move(condition));
      SkipSpace();
    }
    return conditions;
  }

  static absl::Status Error(size_t at, absl::string_view what) {
    return InvalidField("filter", absl::StrCat("at position ", at + 1, ": ", what));
  }

 private:
  absl::Status And() {
    const size_t start = at_;
    if (Run(absl::ascii_isalpha) != "AND") return Error(start, "expected AND");
    SkipSpace();
    return absl::OkStatus();
  }

  absl::StatusOr<FilterCondition> Condition() {
    FilterCondition condition;
    condition.field_position = at_;
    const absl::string_view field = Run(IsFieldCharacter);
    if (field.empty()) return Error(condition.field_position, "expected a field such as state");
    const size_t dot = field.find('.');
    condition.field = std::string(field.substr(0, dot));
    if (dot != absl::string_view::npos) {
      condition.key = std::string(field.substr(dot + 1));
      if (condition.key.empty())
        return Error(condition.field_position + dot, "expected a key after the dot");
    }
    SkipSpace();
    condition.operator_position = at_;
    CROFT_ASSIGN_OR_RETURN(condition.op, Operator());
    SkipSpace();
    condition.value_position = at_;
    CROFT_ASSIGN_OR_RETURN(condition.value, Value());
    return condition;
  }

  absl::StatusOr<FilterOperator> Operator() {
    if (Consume("!=")) return FilterOperator::kNotEqual;
    if (Consume("<=")) return FilterOperator::kLessEqual;
    if (Consume(">=")) return FilterOperator::kGreaterEqual;
    if (Consume("<")) return FilterOperator::kLess;
    if (Consume(">")) return FilterOperator::kGreater;
    if (Consume("=")) return FilterOperator::kEqual;
    if (Consume(":")) return FilterOperator::kHas;
    return Error(at_, "expected an operator: =, !=, :, <, <=, > or >=");
  }

  absl::StatusOr<std::string> Value() {
    if (Consume("\"")) return Quoted();
    const size_t start = at_;
    const absl::string_view word = Run(IsWordCharacter);
    if (word.empty())
      return Error(start, "expected a value; put it in double quotes if it is not a plain word");
    return std::string(word);
  }

  absl::StatusOr<std::string> Quoted() {
    const size_t start = at_;
    std::string value;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\') {
        ++at_;
        const bool known = at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\\');
        if (!known) return Error(at_, "only \\\" and \\\\ may follow a backslash");
      }
      value += text_[at_++];
    }
    if (!Consume("\"")) return Error(start, "the quote is not closed");
    return value;
  }

  template <typename Allowed>
  absl::string_view Run(Allowed allowed) {
    const size_t start = at_;
    while (at_ < text_.size() && allowed(static_cast<unsigned char>(text_[at_]))) ++at_;
    return text_.substr(start, at_ - start);
  }

  bool Consume(absl::string_view token) {
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }

  void SkipSpace() { Run(absl::ascii_isspace); }

  const absl::string_view text_;
  size_t at_ = 0;
};

absl::Status UnknownField(const FilterCondition& condition, absl::string_view known) {
  return Parser::Error(condition.field_position, absl::StrCat("unknown field; there are ", known));
}

// Whether `condition` names `field` itself, without a key.
bool Names(const FilterCondition& condition, absl::string_view field) {
  return condition.field == field && condition.key.empty();
}

absl::Status Only(const FilterCondition& condition, std::initializer_list<FilterOperator> allowed) {
  if (std::find(allowed.begin(), allowed.end(), condition.op) != allowed.end()) return absl::OkStatus();
  return Parser::Error(condition.operator_position, "this field does not take that operator");
}

absl::Status OnlyEquality(const FilterCondition& condition) {
  return Only(condition, {FilterOperator::kEqual, FilterOperator::kNotEqual});
}

template <typename T>
absl::StatusOr<T> KnownValue(const FilterCondition& condition, std::optional<T> value) {
  if (value) return *value;
  return Parser::Error(condition.value_position, "this field has no such value");
}

// A condition on labels: a key, and the value it is compared with or none when only its presence counts.
struct LabelCondition {
  std::string key;
  std::optional<std::string> value;
  bool negated = false;
};

absl::StatusOr<LabelCondition> ParseLabelCondition(const FilterCondition& condition) {
  if (condition.key.empty()) {
    CROFT_RETURN_IF_ERROR(Only(condition, {FilterOperator::kHas}));
    return LabelCondition{.key = condition.value, .value = {}};
  }
  CROFT_RETURN_IF_ERROR(
      Only(condition, {FilterOperator::kEqual, FilterOperator::kNotEqual, FilterOperator::kHas}));
  if (condition.op == FilterOperator::kHas && condition.value == "*") {
    return LabelCondition{.key = condition.key, .value = {}};
  }
  return LabelCondition{condition.key, condition.value, condition.op == FilterOperator::kNotEqual};
}

}  // namespace

absl::StatusOr<std::vector<FilterCondition>> ParseFilter(absl::string_view filter) {
  if (filter.size() > kLongestFilter) {
    return InvalidField("filter", absl::StrCat("must be at most ", kLongestFilter, " bytes"));
  }
  return Parser(filter).Filter();
}

namespace {

using TenantCondition = catalog::TenantQuery::Condition;

TenantCondition::Operator ToCatalog(FilterOperator op) {
  switch (op) {
    case FilterOperator::kEqual: return TenantCondition::Operator::kEqual;
    case FilterOperator::kNotEqual: return TenantCondition::Operator::kNotEqual;
    case FilterOperator::kHas: return TenantCondition::Operator::kHas;
    case FilterOperator::kLess: return TenantCondition::Operator::kLess;
    case FilterOperator::kLessEqual: return TenantCondition::Operator::kLessEqual;
    case FilterOperator::kGreater: return TenantCondition::Operator::kGreater;
    case FilterOperator::kGreaterEqual: return TenantCondition::Operator::kGreaterEqual;
  }
  return TenantCondition::Operator::kEqual;
}

absl::StatusOr<TenantCondition> ParseTenantCondition(const FilterCondition& condition) {
  using Field = TenantCondition::Field;
  TenantCondition result{.op = ToCatalog(condition.op), .value = condition.value};
  if (condition.field == "labels") {
    CROFT_ASSIGN_OR_RETURN(const LabelCondition label, ParseLabelCondition(condition));
    result.field = Field::kLabel;
    result.label = label.key;
    result.value = label.value.value_or("");
    result.op = !label.value    ? TenantCondition::Operator::kHas
                : label.negated ? TenantCondition::Operator::kNotEqual
                                : TenantCondition::Operator::kEqual;
    return result;
  }
  if (Names(condition, "create_time")) {
    using enum FilterOperator;
    result.field = Field::kCreateTime;
    CROFT_RETURN_IF_ERROR(Only(condition, {kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual}));
    absl::Time time;
    if (absl::ParseTime(absl::RFC3339_full, condition.value, &time, nullptr) &&
        time > absl::InfinitePast() && time < absl::InfiniteFuture()) {
      return result;
    }
    return Parser::Error(condition.value_position, "expected a time such as \"2026-01-01T00:00:00Z\"");
  }
  if (Names(condition, "state")) {
    result.field = Field::kState;
    CROFT_RETURN_IF_ERROR(KnownValue(condition, FromName<domain::TenantState>(condition.value)).status());
  } else if (Names(condition, "id")) {
    result.field = Field::kId;
  } else if (Names(condition, "uid")) {
    result.field = Field::kUid;
  } else if (Names(condition, "host")) {
    result.field = Field::kHost;
  } else {
    return UnknownField(condition, "id, state, host, uid, create_time and labels.KEY");
  }
  CROFT_RETURN_IF_ERROR(OnlyEquality(condition));
  return result;
}

}  // namespace

absl::StatusOr<std::vector<TenantCondition>> ParseTenantFilter(absl::string_view filter) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<FilterCondition> conditions, ParseFilter(filter));
  std::vector<TenantCondition> parsed;
  for (const FilterCondition& condition : conditions) {
    CROFT_ASSIGN_OR_RETURN(TenantCondition one, ParseTenantCondition(condition));
    parsed.push_back(std::move(one));
  }
  return parsed;
}

namespace {

absl::StatusOr<HostFilter> ParseHostCondition(const FilterCondition& condition) {
  if (condition.field == "labels") {
    CROFT_ASSIGN_OR_RETURN(const LabelCondition label, ParseLabelCondition(condition));
    return [label](const domain::Host& host) {
      const auto found = host.labels.find(label.key);
      const bool holds = found != host.labels.end() && (!label.value || found->second == *label.value);
      return holds != label.negated;
    };
  }
  const bool wanted = condition.op == FilterOperator::kEqual;
  if (Names(condition, "state")) {
    CROFT_RETURN_IF_ERROR(OnlyEquality(condition));
    CROFT_ASSIGN_OR_RETURN(const domain::HostState state,
                           KnownValue(condition, FromName<domain::HostState>(condition.value)));
    return [=](const domain::Host& host) { return (domain::StateOf(host) == state) == wanted; };
  }
  if (Names(condition, "id")) {
    CROFT_RETURN_IF_ERROR(OnlyEquality(condition));
    return [wanted, id = condition.value](const domain::Host& host) { return (host.id == id) == wanted; };
  }
  return UnknownField(condition, "id, state and labels.KEY");
}

}  // namespace

absl::StatusOr<HostFilter> ParseHostFilter(absl::string_view filter) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<FilterCondition> conditions, ParseFilter(filter));
  std::vector<HostFilter> parsed;
  for (const FilterCondition& condition : conditions) {
    CROFT_ASSIGN_OR_RETURN(HostFilter one, ParseHostCondition(condition));
    parsed.push_back(std::move(one));
  }
  return HostFilter([parsed = std::move(parsed)](const domain::Host& host) {
    return std::all_of(parsed.begin(), parsed.end(), [&](const HostFilter& one) { return one(host); });
  });
}

namespace {

using OperationPredicate = std::function<bool(const domain::Operation&)>;

absl::StatusOr<bool> ParseBool(const FilterCondition& condition) {
  if (condition.value == "true") return true;
  if (condition.value == "false") return false;
  return Parser::Error(condition.value_position, "expected true or false");
}

// The tenant whose operations `target` can be found among, empty for what campaigns are about; nullopt for a name that is
// none.
std::optional<std::string> TenantOfTarget(const std::string& target) {
  if (target == "fleet" || ParseHostName(target, "filter").ok()) return "";
  const absl::StatusOr<std::string> tenant = ParseTenantName(target, "filter");
  if (tenant.ok()) return *tenant;
  const absl::StatusOr<BackupId> backup = ParseBackupName(target, "filter");
  if (backup.ok()) return backup->tenant;
  return std::nullopt;
}

// A tenant is the target of what is done to it, and of what is done to or from its backups.
bool IsTarget(const domain::Operation& operation, const std::string& name) {
  return name == TargetOf(operation) || name == TenantName(operation.tenant) ||
         (!operation.source_tenant.empty() && name == TenantName(operation.source_tenant));
}

absl::StatusOr<OperationPredicate> ParseOperationCondition(const FilterCondition& condition,
                                                           OperationFilter& filter) {
  const bool known = Names(condition, "target") || Names(condition, "state") || Names(condition, "done") ||
                     Names(condition, "kind") || Names(condition, "parent");
  if (!known) return UnknownField(condition, "target, state, done, kind and parent");
  CROFT_RETURN_IF_ERROR(OnlyEquality(condition));
  const bool wanted = condition.op == FilterOperator::kEqual;
  if (condition.field == "target") {
    CROFT_ASSIGN_OR_RETURN(const std::string tenant,
                           KnownValue(condition, TenantOfTarget(condition.value)));
    if (wanted) filter.tenant = tenant;
    return [wanted, name = condition.value](const domain::Operation& operation) {
      return IsTarget(operation, name) == wanted;
    };
  }
  if (condition.field == "parent") {
    const absl::StatusOr<std::string> named = ParseOperationName(condition.value, "filter");
    CROFT_ASSIGN_OR_RETURN(
        const std::string parent,
        KnownValue(condition, named.ok() ? std::optional<std::string>(*named) : std::nullopt));
    if (wanted) filter.parent = parent;
    return [=](const domain::Operation& operation) { return (operation.parent == parent) == wanted; };
  }
  if (condition.field == "done") {
    CROFT_ASSIGN_OR_RETURN(const bool done, ParseBool(condition));
    filter.ended = done == wanted;
    return [ended = done == wanted](const domain::Operation& operation) {
      return domain::Ended(operation) == ended;
    };
  }
  if (condition.field == "kind") {
    CROFT_ASSIGN_OR_RETURN(const auto kind, KnownValue(condition, ListedKindNamed(condition.value)));
    if (wanted) filter.kind = kind;
    return [=](const domain::Operation& operation) { return (operation.kind == kind) == wanted; };
  }
  CROFT_ASSIGN_OR_RETURN(const auto state,
                         KnownValue(condition, FromName<domain::OperationState>(condition.value)));
  if (wanted) filter.state = state;
  return [=](const domain::Operation& operation) { return (operation.state == state) == wanted; };
}

}  // namespace

absl::StatusOr<OperationFilter> ParseOperationFilter(absl::string_view text) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<FilterCondition> conditions, ParseFilter(text));
  OperationFilter filter;
  std::vector<OperationPredicate> parsed;
  for (const FilterCondition& condition : conditions) {
    CROFT_ASSIGN_OR_RETURN(OperationPredicate one, ParseOperationCondition(condition, filter));
    parsed.push_back(std::move(one));
  }
  filter.matches = [parsed = std::move(parsed)](const domain::Operation& operation) {
    return std::all_of(parsed.begin(), parsed.end(), [&](const auto& one) { return one(operation); });
  };
  return filter;
}

namespace {

using AuditField = std::string domain::AuditEvent::*;

bool HasWord(absl::string_view words, absl::string_view wanted) {
  const std::vector<absl::string_view> all = absl::StrSplit(words, ' ');
  return std::find(all.begin(), all.end(), wanted) != all.end();
}

// Whether `value` is what the row says there, or a part of it that has a name of its own.
bool AuditTextIs(AuditField field, const domain::AuditEvent& event, const std::string& value) {
  if (event.*field == value) return true;
  if (field == &domain::AuditEvent::resource) return HasWord(event.resource, value);
  if (field == &domain::AuditEvent::method) return absl::StartsWith(event.method, absl::StrCat(value, "/"));
  return false;
}

absl::StatusOr<AuditFilter> ParseAuditTime(const FilterCondition& condition) {
  using enum FilterOperator;
  CROFT_RETURN_IF_ERROR(Only(condition, {kLess, kLessEqual, kGreater, kGreaterEqual}));
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, condition.value, &time, nullptr)) {
    return Parser::Error(condition.value_position, "expected a time such as \"2026-01-01T00:00:00Z\"");
  }
  return [time, op = condition.op](const domain::AuditRow& row) {
    switch (op) {
      case kLess: return row.event.time < time;
      case kLessEqual: return row.event.time <= time;
      case kGreater: return row.event.time > time;
      default: return row.event.time >= time;
    }
  };
}

absl::StatusOr<AuditFilter> ParseAuditCondition(const FilterCondition& condition) {
  static const std::map<std::string, AuditField> kFields = {
      {"caller", &domain::AuditEvent::caller},
      {"method", &domain::AuditEvent::method},
      {"resource", &domain::AuditEvent::resource},
      {"result", &domain::AuditEvent::result},
      {"request_id", &domain::AuditEvent::request_id}};
  if (Names(condition, "time")) return ParseAuditTime(condition);
  const auto field = kFields.find(condition.field);
  if (field == kFields.end() || !condition.key.empty()) {
    return UnknownField(condition, "caller, method, resource, result, request_id and time");
  }
  CROFT_RETURN_IF_ERROR(OnlyEquality(condition));
  const bool wanted = condition.op == FilterOperator::kEqual;
  return [field = field->second, value = condition.value, wanted](const domain::AuditRow& row) {
    return AuditTextIs(field, row.event, value) == wanted;
  };
}

}  // namespace

absl::StatusOr<AuditFilter> ParseAuditFilter(absl::string_view filter) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<FilterCondition> conditions, ParseFilter(filter));
  std::vector<AuditFilter> parsed;
  for (const FilterCondition& condition : conditions) {
    CROFT_ASSIGN_OR_RETURN(AuditFilter one, ParseAuditCondition(condition));
    parsed.push_back(std::move(one));
  }
  return AuditFilter([parsed = std::move(parsed)](const domain::AuditRow& row) {
    return std::all_of(parsed.begin(), parsed.end(), [&](const AuditFilter& one) { return one(row); });
  });
}

}  // namespace croft::wire
