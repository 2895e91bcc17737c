#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/catalog/catalog.h"
#include "controlplane/domain/operation.h"
#include "controlplane/domain/tenant.h"
#include "controlplane/engine/event.h"

// Which tenants a campaign selects, and what it asks for them.
namespace croft::handlers {

// Tenants that are ready or suspended, meet `filter`, live on `host` unless that is empty, and were made at `until` or
// before.
struct CampaignSelection {
  std::string host;    // id
  std::string filter;  // of the API
  absl::Time until = absl::InfiniteFuture();
};

struct SelectedTenants {
  std::vector<domain::Tenant> tenants;  // by id
  std::string looked_up_to;             // id; no other tenant up to here is selected
  bool all = false;                     // and none behind it
};

// Those above the id `after`, `limit` at most. May be fewer, even none, before the end: it reads a bounded part of the
// catalog. INVALID_ARGUMENT, field `filter`, for a filter that is none.
absl::StatusOr<SelectedTenants> SelectTenants(catalog::Catalog& catalog, const CampaignSelection& selection,
                                              absl::string_view after, int32_t limit);

// The request for one tenant, with its secrets.
using MakeChild = std::function<absl::StatusOr<engine::ChildRequest>(
    const domain::CampaignDetails& campaign, const domain::Tenant& tenant)>;

// What the campaign called `name` (`operations/ID`) asks for next: for as many tenants as its width has room for.
absl::StatusOr<engine::ContinueCampaign> ChooseChildren(catalog::Catalog& catalog, absl::string_view name,
                                                        const MakeChild& make);

}  // namespace croft::handlers
