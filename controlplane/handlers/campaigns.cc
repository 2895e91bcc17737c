// Chooses the tenants that a campaign takes.

#include "controlplane/handlers/campaigns.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/wire/filter.h"

namespace croft::handlers {
namespace {

// Each is several rows of one commit, before which nobody else's request is answered.
constexpr int32_t kMostAtOnce = 16;
// Among so many tenants that meet the filter, those are looked for that are open.
constexpr int32_t kLookedThrough = 256;

bool IsOpen(const domain::Tenant& tenant) {
  return tenant.state == domain::TenantState::kReady || tenant.state == domain::TenantState::kSuspended;
}

absl::StatusOr<std::vector<engine::CampaignChild>> ChildrenThatWait(catalog::Catalog& catalog,
                                                                    const domain::CampaignDetails& campaign,
                                                                    size_t most, const MakeChild& make) {
  std::vector<engine::CampaignChild> children;
  for (const std::string& id : campaign.waiting) {
    if (children.size() == most) break;
    CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog.GetTenant(id));
    const bool is_there = tenant && tenant->state != domain::TenantState::kPurged;
    children.push_back({.tenant = id,
                        .request = is_there
                                       ? make(campaign, *tenant)
                                       : absl::StatusOr<engine::ChildRequest>(domain::TenantNotFound(id))});
  }
  return children;
}

}  // namespace

absl::StatusOr<SelectedTenants> SelectTenants(catalog::Catalog& catalog, const CampaignSelection& selection,
                                              absl::string_view after, int32_t limit) {
  catalog::TenantQuery query{.after_id = std::string(after), .limit = limit};
  CROFT_ASSIGN_OR_RETURN(query.conditions, wire::ParseTenantFilter(selection.filter));
  if (!selection.host.empty()) {
    query.conditions.push_back({.field = catalog::TenantQuery::Condition::Field::kHost,
                                .op = catalog::TenantQuery::Condition::Operator::kEqual,
                                .value = selection.host});
  }
  CROFT_ASSIGN_OR_RETURN(catalog::TenantPage page, catalog.ListTenants(query));
  SelectedTenants selected{.looked_up_to = std::string(after), .all = !page.next_after.has_value()};
  if (page.next_after) {
    selected.looked_up_to = *page.next_after;
  } else if (!page.tenants.empty()) {
    selected.looked_up_to = page.tenants.back().id;
  }
  for (domain::Tenant& tenant : page.tenants) {
    if (IsOpen(tenant) && tenant.create_time <= selection.until)
      selected.tenants.push_back(std::move(tenant));
  }
  return selected;
}

absl::StatusOr<engine::ContinueCampaign> ChooseChildren(catalog::Catalog& catalog, absl::string_view name,
                                                        const MakeChild& make) {
  engine::ContinueCampaign next;
  CROFT_ASSIGN_OR_RETURN(next.operation, ParseOperationName(name, "name"));
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Operation> operation,
                         catalog.GetOperation(next.operation));
  // The engine ends the schedule of one that is gone.
  if (!operation || domain::Ended(*operation)) return next;
  const auto campaign = domain::Details<domain::CampaignDetails>(*operation);
  const int32_t room = std::min(campaign.width - campaign.running, kMostAtOnce);
  next.taken_up_to = next.looked_up_to = campaign.taken_up_to;
  next.all = campaign.all_taken;
  if (room <= 0 || operation->cancel_requested) return next;
  CROFT_ASSIGN_OR_RETURN(next.waiting,
                         ChildrenThatWait(catalog, campaign, static_cast<size_t>(room), make));
  if (campaign.all_taken) return next;
  CROFT_ASSIGN_OR_RETURN(
      SelectedTenants selected,
      SelectTenants(catalog,
                    {.host = operation->host, .filter = campaign.filter, .until = operation->create_time},
                    campaign.taken_up_to, kLookedThrough));
  if (selected.tenants.size() > static_cast<size_t>(room)) {
    selected.tenants.resize(static_cast<size_t>(room));
    selected.looked_up_to = selected.tenants.back().id;
    selected.all = false;
  }
  for (const domain::Tenant& tenant : selected.tenants)
    next.next.push_back({.tenant = tenant.id, .request = make(campaign, tenant)});
  next.looked_up_to = selected.looked_up_to;
  next.all = selected.all;
  return next;
}

}  // namespace croft::handlers
