#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "controlplane/domain/member_path.h"
#include "controlplane/domain/tenant.h"

namespace croft::domain {

// New values of single fields of a tenant, as a caller asks for them. All else stays.
//
//   update.Set<&Tenant::display_name>() = "Acme";
//   update.Set<&Tenant::quota, &Quota::connections>() = 20;
struct TenantUpdate {
  using Change = void (*)(const Tenant& from, Tenant& to);

  // Where the new value of a field goes: the members lead from the tenant to it. It is set from then on.
  template <auto... members>
  auto& Set() {
    if (!Sets<members...>()) changes.push_back(&Copy<members...>);
    return Follow(values, members...);
  }
  template <auto... members>
  bool Sets() const {
    return std::find(changes.begin(), changes.end(), &Copy<members...>) != changes.end();
  }
  template <auto... members>
  auto Given() const {
    const auto& value = Follow(values, members...);
    using Value = std::remove_cvref_t<decltype(value)>;
    return Sets<members...>() ? std::optional<Value>(value) : std::nullopt;
  }

  void ApplyTo(Tenant& tenant) const;

  // Of a map's single keys; no value removes one. Those of settings are JSON, those of features JSON scalars.
  std::map<std::string, std::optional<std::string>> label_edits;
  std::map<std::string, std::optional<std::string>> settings_edits;
  std::map<std::string, std::optional<std::string>> feature_edits;

  Tenant values;  // of which only the fields that were set mean something
  std::vector<Change> changes;

 private:
  template <auto... members>
  static void Copy(const Tenant& from, Tenant& to) {
    Follow(to, members...) = Follow(from, members...);
  }
};

}  // namespace croft::domain
