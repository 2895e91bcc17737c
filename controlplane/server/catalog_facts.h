#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controlplane/catalog/catalog.h"
#include "controlplane/lookup/placement_index.h"
#include "controlplane/server/affected_tenants.h"

namespace croft::server {

// Tenants by the placement index, which has them all in memory; operations by the catalog.
class CatalogFacts final : public TenantFacts {
 public:
  // Both outlive it.
  CatalogFacts(const lookup::PlacementIndex& index, catalog::Catalog& catalog)
      : index_(index), catalog_(catalog) {}

  std::optional<Known> Find(absl::string_view name) const override;
  absl::StatusOr<std::vector<std::string>> OfOperation(absl::string_view operation) const override;

 private:
  const lookup::PlacementIndex& index_;
  catalog::Catalog& catalog_;
};

}  // namespace croft::server
