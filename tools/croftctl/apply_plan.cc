// Computes what apply has to do.

#include "tools/croftctl/apply_plan.h"

#include <set>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/strip.h>
#include <google/protobuf/util/field_mask_util.h>

#include "common/errors.h"
#include "tools/croftctl/error_report.h"
#include "tools/croftctl/format.h"

namespace croft::ctl {
namespace {

using Action = PlannedChange::Action;
using Json = nlohmann::ordered_json;

const char* NameOf(Action action) {
  switch (action) {
    case Action::kCreate: return "create";
    case Action::kUpdate: return "update";
    case Action::kAwait: return "await";
    case Action::kRetire: return "retire";
    case Action::kUndeclared: return "undeclared";
    case Action::kBlocked: return "blocked";
  }
  return "";
}

std::string LabelOf(const v1::Tenant& tenant, const std::string& key) {
  const auto it = tenant.labels().find(key);
  return it == tenant.labels().end() ? "" : it->second;
}

// Why a tenant that is there cannot be as declared, and what to do; empty when it can.
std::string ObstacleOf(const Declared& declared, const DeclaredTenant& tenant, const v1::Tenant& present,
                       bool adopt) {
  const std::string owner = OwnerOf(present);
  if (owner.empty() && !adopt)
    return absl::StrCat("it is there and has no owner; --adopt makes it ", declared.owner, "'s");
  if (!owner.empty() && owner != declared.owner)
    return absl::StrCat("it belongs to ", owner, "; declare it there, or remove its label ", kOwnerLabel);
  if (present.state() == v1::Tenant::STATE_RETIRED)
    return absl::StrCat("it is retired; croftctl tenant undelete ", tenant.id, " brings it back");
  if (present.state() == v1::Tenant::STATE_FAILED)
    return absl::StrCat("it could not be created; croftctl tenant purge ", tenant.id, ", then apply again");
  for (const std::string& field : tenant.named) {
    if (IsFixed(field) && !SameField(tenant.fields, present, field))
      return absl::StrCat(field, " is fixed when a tenant is created and is another one");
  }
  return "";
}

std::vector<std::string> FieldsToUpdate(const DeclaredTenant& tenant, const v1::Tenant& present) {
  std::vector<std::string> fields;
  for (const std::string& field : tenant.named) {
    if (!SameField(tenant.fields, present, field)) fields.push_back(field);
  }
  const std::string owner = absl::StrCat("labels.", kOwnerLabel);
  const std::set<std::string> named(fields.begin(), fields.end());
  if (named.count("labels") == 0 && !SamePart(tenant.fields, present, owner)) fields.push_back(owner);
  return fields;
}

// What is to be done with a declared tenant that is there; kUpdate without fields is nothing.
PlannedChange ChangeOf(const Declared& declared, const DeclaredTenant& tenant, v1::Tenant present,
                       bool adopt) {
  PlannedChange change{.action = Action::kUpdate, .tenant = tenant.id, .declared = &tenant};
  change.why = ObstacleOf(declared, tenant, present, adopt);
  if (!change.why.empty()) {
    change.action = Action::kBlocked;
  } else {
    change.fields = FieldsToUpdate(tenant, present);
    const bool creating = present.state() == v1::Tenant::STATE_CREATING;
    if (change.fields.empty() && creating) change.action = Action::kAwait;
  }
  change.present = std::move(present);
  return change;
}

// What `part`, a field as JSON, has: itself, or the value of one of its fields.
const Json& Inner(const Json& part) {
  static const Json none;
  return part.is_object() && !part.empty() ? part.begin().value() : none;
}

// The field's value as JSON; null where it has none.
absl::StatusOr<Json> FieldJson(const v1::Tenant& tenant, const std::string& field) {
  constexpr absl::string_view kLabels = "labels.";
  if (absl::string_view key = field; absl::ConsumePrefix(&key, kLabels)) {
    const std::string value = LabelOf(tenant, std::string(key));
    return value.empty() ? Json() : Json(value);
  }
  google::protobuf::FieldMask mask;
  mask.add_paths(field);
  v1::Tenant part;
  google::protobuf::util::FieldMaskUtil::MergeMessageTo(
      tenant, mask, google::protobuf::util::FieldMaskUtil::MergeOptions(), &part);
  CROFT_ASSIGN_OR_RETURN(const Json json, ToJson(part));
  const bool nested = field.find('.') != std::string::npos;
  return nested ? Inner(Inner(json)) : Inner(json);
}

// `display_name` as `displayName`, as the file has it.
std::string CamelCase(absl::string_view field) {
  std::string name;
  bool upper = false;
  for (const char c : field) {
    if (c != '_') name += upper ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c;
    upper = c == '_';
  }
  return name;
}

// Adds what differs; maps are compared by key.
void AddDifferences(const std::string& field, const Json& from, const Json& to, Json& differences) {
  const bool maps = (from.is_object() || from.is_null()) && (to.is_object() || to.is_null());
  if (!maps) {
    if (from != to) differences.push_back({{"field", field}, {"from", from}, {"to", to}});
    return;
  }
  std::set<std::string> keys;
  for (const Json* side : {&from, &to}) {
    if (!side->is_object()) continue;
    for (const auto& [key, value] : side->items()) keys.insert(key);
  }
  for (const std::string& key : keys) {
    const auto value = [&](const Json& side) { return side.contains(key) ? side.at(key) : Json(); };
    if (value(from) != value(to))
      differences.push_back(
          {{"field", absl::StrCat(field, ".", key)}, {"from", value(from)}, {"to", value(to)}});
  }
}

absl::StatusOr<Json> ChangeJson(const PlannedChange& change) {
  Json json = {{"change", NameOf(change.action)}, {"tenant", change.tenant}};
  if (!change.why.empty()) json["why"] = change.why;
  if (change.action != Action::kUpdate) return json;
  Json differences = Json::array();
  for (const std::string& field : change.fields) {
    CROFT_ASSIGN_OR_RETURN(const Json from, FieldJson(change.present, field));
    CROFT_ASSIGN_OR_RETURN(const Json to, FieldJson(change.declared->fields, field));
    AddDifferences(CamelCase(field), from, to, differences);
  }
  json["fields"] = std::move(differences);
  return json;
}

// What a row says of a change beside its kind and tenant.
std::string RowText(const Json& change) {
  if (change.contains("why")) return change.at("why").get<std::string>();
  std::vector<std::string> parts;
  const auto text = [](const Json& value) { return value.is_null() ? "none" : value.dump(); };
  if (change.contains("fields")) {
    for (const Json& field : change.at("fields"))
      parts.push_back(absl::StrCat(field.at("field").get<std::string>(), ": ", text(field.at("from")),
                                   " -> ", text(field.at("to"))));
  }
  return Printable(absl::StrJoin(parts, "; "));
}

}  // namespace

std::string OwnerOf(const v1::Tenant& tenant) { return LabelOf(tenant, kOwnerLabel); }

bool SamePart(const v1::Tenant& a, const v1::Tenant& b, absl::string_view field) {
  if (!absl::ConsumePrefix(&field, "labels.")) return SameField(a, b, field);
  return LabelOf(a, std::string(field)) == LabelOf(b, std::string(field));
}

Plan PlanFor(const Declared& declared, std::map<std::string, v1::Tenant> present,
             const PlanOptions& options) {
  std::map<std::string, PlannedChange> changes;
  Plan plan;
  for (const DeclaredTenant& tenant : declared.tenants) {
    const auto it = present.find(tenant.id);
    PlannedChange change{.action = Action::kCreate, .tenant = tenant.id, .declared = &tenant};
    if (it != present.end()) {
      change = ChangeOf(declared, tenant, std::move(it->second), options.adopt);
      present.erase(it);
    }
    if (change.action == Action::kUpdate && change.fields.empty()) {
      ++plan.as_declared;
    } else {
      changes.emplace(tenant.id, std::move(change));
    }
  }
  for (auto& [id, tenant] : present) {
    if (tenant.state() == v1::Tenant::STATE_RETIRED) continue;
    const Action action = options.prune ? Action::kRetire : Action::kUndeclared;
    PlannedChange change{.action = action, .tenant = id};
    if (action == Action::kUndeclared) change.why = "it is not declared; apply --prune retires it";
    change.present = std::move(tenant);
    changes.emplace(id, std::move(change));
  }
  for (auto& [id, change] : changes) plan.changes.push_back(std::move(change));
  return plan;
}

absl::StatusOr<nlohmann::ordered_json> PlanJson(const Plan& plan) {
  nlohmann::ordered_json changes = nlohmann::ordered_json::array();
  for (const PlannedChange& change : plan.changes) {
    CROFT_ASSIGN_OR_RETURN(changes.emplace_back(), ChangeJson(change));
  }
  return nlohmann::ordered_json{{"changes", std::move(changes)}};
}

std::string PlanText(const nlohmann::ordered_json& plan, const Look& look) {
  std::vector<std::vector<Cell>> rows;
  for (const nlohmann::ordered_json& change : plan.at("changes")) {
    rows.push_back({{"", change.at("change").get<std::string>()},
                    {"", change.at("tenant").get<std::string>()},
                    {"", RowText(change)}});
  }
  return TableText({{"change"}, {"tenant"}, {"details"}}, rows, look);
}

}  // namespace croft::ctl
