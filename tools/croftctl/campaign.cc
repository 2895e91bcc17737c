// Begins campaigns.

#include "tools/croftctl/campaign.h"

#include <utility>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/operation.grpc.pb.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/wait.h"

namespace croft::ctl {
namespace {

absl::Status CheckChoice(const TargetFlags& which, const CampaignFlags& flags) {
  if (!flags.campaign) return UsageError("--host and --all choose for a --campaign; give that, too");
  if (!which.ids.empty())
    return UsageError("a campaign chooses by -l, --state, --host or --all, not by id");
  if (flags.all == (which.BySelector() || !flags.host.empty()))
    return UsageError(
        "choose the campaign's tenants with -l, --state or --host, or all of them with --all");
  return absl::OkStatus();
}

}  // namespace

void CampaignFlags::AddTo(CLI::App& verb) {
  verb.add_flag("--campaign", campaign,
                "Have the control plane do it to one tenant after the other: it goes on when you leave");
  verb.add_option("--host", host, "With --campaign: every tenant that lives on this host");
  verb.add_flag("--all", all, "With --campaign: every tenant there is");
}

absl::Status RunCampaign(Session& session, const TargetFlags& which, const CampaignFlags& flags,
                         v1::StartCampaignRequest request) {
  CROFT_RETURN_IF_ERROR(CheckChoice(which, flags));
  CROFT_ASSIGN_OR_RETURN(*request.mutable_filter(), TenantFilter(which.selector, which.state));
  if (!flags.host.empty()) request.set_resource(HostName(LastPart(flags.host)));
  request.set_width(which.parallel);
  request.set_max_failures(which.max_failures);
  return FinishAndPrint(session,
                        session.Change(&v1::OperationService::Stub::StartCampaign, std::move(request)));
}

}  // namespace croft::ctl
