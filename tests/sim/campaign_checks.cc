#include "tests/sim/campaign_checks.h"

#include <variant>

#include <absl/strings/str_cat.h>

namespace croft::sim {

void CampaignChecks::AfterCommit(const std::vector<catalog::Change>& changes) {
  std::set<std::string> touched;
  for (const catalog::Change& change : changes) {
    const auto* put = std::get_if<catalog::PutOperation>(&change);
    if (put == nullptr) continue;
    if (domain::HasChildren(put->operation)) {
      campaigns_[put->operation.id].operation = put->operation;
      touched.insert(put->operation.id);
    } else if (!put->operation.parent.empty()) {
      OnChild(put->operation, campaigns_[put->operation.parent]);
      touched.insert(put->operation.parent);
    }
  }
  for (const std::string& id : touched) Check(campaigns_[id]);
}

void CampaignChecks::OnChild(const domain::Operation& child, Campaign& campaign) {
  const std::string& id = child.parent;
  if (campaign.children.insert(child.id).second) {
    world_.tally.Work("children begun");
    if (!campaign.tenants.insert(child.tenant).second)
      world_.Violate(17, absl::StrCat(id, " takes ", child.tenant, " twice"));
    if (!campaign.may_begin)
      world_.Violate(17, absl::StrCat(id, " begins ", child.id, " although it was to begin no more"));
  }
  if (domain::Ended(child)) {
    campaign.running.erase(child.id);
  } else {
    campaign.running.insert(child.id);
  }
}

void CampaignChecks::Check(Campaign& campaign) const {
  const domain::Operation& parent = campaign.operation;
  const auto details = domain::Details<domain::CampaignDetails>(parent);
  const size_t running = campaign.running.size();
  if (running > static_cast<size_t>(details.width))
    world_.Violate(17, absl::StrCat(running, " children of ", parent.id, " run at once"));
  if (running != static_cast<size_t>(details.running))
    world_.Violate(
        17, absl::StrCat(running, " children of ", parent.id, " run, and it counts ", details.running));
  if (domain::Ended(parent) && running > 0)
    world_.Violate(17, absl::StrCat(parent.id, " ends before its children"));
  campaign.may_begin = !domain::Ended(parent) && !parent.cancel_requested &&
                       details.failed < details.max_failures && world_.scheduler.Now() < parent.deadline;
}

}  // namespace croft::sim
