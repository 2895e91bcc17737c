#pragma once

#include <map>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <nlohmann/json.hpp>

#include "croft/v1/tenant.pb.h"
#include "tools/croftctl/declared.h"
#include "tools/croftctl/table.h"

// What has to be done so that tenants are as a file declares them.
namespace croft::ctl {

struct PlannedChange {
  enum class Action {
    kCreate,
    kUpdate,
    kAwait,       // it is being created
    kRetire,      // it is the owner's and not declared
    kUndeclared,  // the same, and is left alone
    kBlocked,     // it cannot be as declared; `why` says it, and what to do
  };

  Action action = Action::kCreate;
  std::string tenant;
  const DeclaredTenant* declared = nullptr;  // null where it is not declared
  v1::Tenant present;                        // as the plan found it; empty where it is not there
  std::vector<std::string> fields;           // of kUpdate, as in an update mask
  std::string why;
};

struct Plan {
  std::vector<PlannedChange> changes;  // in the order of the tenants' ids
  size_t as_declared = 0;              // tenants without a change
};

struct PlanOptions {
  bool adopt = false;  // declared tenants that nobody owns become the owner's
  bool prune = false;  // those of the owner that are not declared are retired
};

// `present` are by id all tenants that are declared or the owner's, retired ones too. `declared` outlives the plan.
[[nodiscard]] Plan PlanFor(const Declared& declared, std::map<std::string, v1::Tenant> present,
                           const PlanOptions& options);

// Whether a field that can be declared, or the owner's label, is the same in both.
[[nodiscard]] bool SamePart(const v1::Tenant& a, const v1::Tenant& b, absl::string_view field);
// The owner's label; empty where there is none.
[[nodiscard]] std::string OwnerOf(const v1::Tenant& tenant);

// `{"changes": [{"change": "update", "tenant": "acme", "fields": [{"field": "labels.tier", "from": "a", "to": "b"}]}]}`;
// blocked ones have `why`.
[[nodiscard]] absl::StatusOr<nlohmann::ordered_json> PlanJson(const Plan& plan);
// The same as a table, from PlanJson's answer.
[[nodiscard]] std::string PlanText(const nlohmann::ordered_json& plan, const Look& look);

}  // namespace croft::ctl
