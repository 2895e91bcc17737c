#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include "controlplane/access/role.h"

// The permission that each method needs.
namespace croft::access {

// What a method is about, which decides whether a binding that is narrowed to tenants counts for it.
enum class Subject {
  kTenant,  // one tenant, or a backup or operation of one: a narrowed binding counts for its own tenants
  kRows,    // many tenants: a narrowed binding counts when the handler shows nothing but its own tenants
  kFleet,   // hosts, the control plane: a narrowed binding does not count
};

struct MethodRule {
  absl::string_view method;  // "TenantService/CreateTenant"
  Permission permission;
  Subject subject;
};

// Every method of croft.v1, ordered by name.
[[nodiscard]] absl::Span<const MethodRule> MethodRules();

// nullptr for a method that is not in the table: it is denied.
[[nodiscard]] const MethodRule* FindMethodRule(absl::string_view method);

}  // namespace croft::access
