#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "controlplane/catalog/catalog.h"
#include "tests/sim/world.h"

namespace croft::sim {

// What must hold of campaigns and their children after every commit (invariant 17).
class CampaignChecks {
 public:
  explicit CampaignChecks(World& world) : world_(world) {}

  void AfterCommit(const std::vector<catalog::Change>& changes);

 private:
  struct Campaign {
    domain::Operation operation;     // as committed last
    bool may_begin = true;           // as of the commit before
    std::set<std::string> tenants;   // that had a child
    std::set<std::string> children;  // that were begun
    std::set<std::string> running;   // of them
  };

  void OnChild(const domain::Operation& child, Campaign& campaign);
  void Check(Campaign& campaign) const;

  World& world_;
  std::map<std::string, Campaign> campaigns_;
};

}  // namespace croft::sim
