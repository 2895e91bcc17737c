#pragma once

#include <string>

#include <CLI/CLI.hpp>
#include <absl/status/status.h>

#include "croft/v1/operation.pb.h"
#include "tools/croftctl/targets.h"
#include "tools/croftctl/tool.h"

// Work on many tenants that the control plane goes on with by itself.
namespace croft::ctl {

struct CampaignFlags {
  bool campaign = false;
  std::string host;
  bool all = false;

  void AddTo(CLI::App& verb);
  // Whether one of them is given.
  bool AreGiven() const { return campaign || all || !host.empty(); }
};

// Begins a campaign over the tenants that both sets of flags choose, follows and prints it. `request` says what is done
// to each. A usage error for tenants that are named by id, or where none are chosen.
[[nodiscard]] absl::Status RunCampaign(Session& session, const TargetFlags& which,
                                       const CampaignFlags& flags, v1::StartCampaignRequest request);

}  // namespace croft::ctl
