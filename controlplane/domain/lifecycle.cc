// Looks up the state that follows an event in a tenant's life.

#include "controlplane/domain/lifecycle.h"

namespace croft::domain {

std::optional<TenantState> Next(TenantState from, TenantEvent event) {
  for (const TenantTransition& row : kTenantLife) {
    if (row.from == from && row.event == event) return row.to;
  }
  return std::nullopt;
}

}  // namespace croft::domain
