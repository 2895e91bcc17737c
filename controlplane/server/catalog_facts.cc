// Answers questions about tenants and operations for access checks.

#include "controlplane/server/catalog_facts.h"

#include <utility>

#include "common/errors.h"

namespace croft::server {

std::optional<TenantFacts::Known> CatalogFacts::Find(absl::string_view name) const {
  lookup::PlacementIndex::Identity identity;
  if (!index_.Identify(name, identity)) return std::nullopt;
  return Known{std::move(identity.id), std::move(identity.labels)};
}

absl::StatusOr<std::vector<std::string>> CatalogFacts::OfOperation(absl::string_view operation) const {
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Operation> found, catalog_.GetOperation(operation));
  std::vector<std::string> tenants;
  if (!found) return tenants;
  tenants.push_back(found->tenant);
  if (!found->source_tenant.empty()) tenants.push_back(found->source_tenant);
  return tenants;
}

}  // namespace croft::server
