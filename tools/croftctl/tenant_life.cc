// The verbs of `croftctl tenant` that suspend, resume, retire, undelete and purge.

#include <string>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/tenant.grpc.pb.h"
#include "tools/croftctl/bulk.h"
#include "tools/croftctl/campaign.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/targets.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"

// The verbs that move tenants through their life, each of one tenant or of many.
namespace croft::ctl {
namespace {

using Tenants = v1::TenantService::Stub;

// What all of these verbs take.
struct Which : TargetFlags {
  std::string etag;

  void AddTo(CLI::App& verb) {
    TargetFlags::AddTo(verb);
    verb.add_option("--etag", etag, "Only if it is still as it was then");
  }
};

void AddSuspend(Noun& noun) {
  struct Arguments {
    Which which;
    std::string mode;
  };
  auto verb = noun.AddVerb<Arguments>("suspend", "End a tenant's sessions and keep it out");
  verb->which.AddTo(verb.app);
  verb.app.add_option("--mode", verb->mode, "blocked (the default), or read-only: readers still get in");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::SuspendTenantRequest request;
    CROFT_ASSIGN_OR_RETURN(const auto mode,
                           ParseEnum<v1::SuspendMode>("SUSPEND_MODE_", arguments.mode, "--mode"));
    request.set_mode(mode);
    request.set_etag(arguments.which.etag);
    CROFT_ASSIGN_OR_RETURN(const Targets targets, FindTargets(session, arguments.which, false));
    return OperateOnEach(session, targets, &Tenants::SuspendTenant, request);
  });
}

void AddResume(Noun& noun) {
  auto verb = noun.AddVerb<Which>("resume", "Let a suspended tenant in again");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const Which& which) -> absl::Status {
    v1::ResumeTenantRequest request;
    request.set_etag(which.etag);
    CROFT_ASSIGN_OR_RETURN(const Targets targets, FindTargets(session, which, false));
    return OperateOnEach(session, targets, &Tenants::ResumeTenant, request);
  });
}

void AddRetire(Noun& noun) {
  struct Arguments {
    Which which;
    std::string grace;
  };
  auto verb =
      noun.AddVerb<Arguments>("retire", "Close a tenant, back it up, and purge it after a time of grace");
  verb->which.AddTo(verb.app);
  verb.app.add_option("--grace", verb->grace, "How long it can be brought back; default: 7d");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::RetireTenantRequest request;
    std::string kept = "7d";
    if (!arguments.grace.empty()) {
      CROFT_ASSIGN_OR_RETURN(const absl::Duration grace, ParseDuration(arguments.grace, "--grace"));
      *request.mutable_grace() = ToProto(grace);
      kept = DurationText(grace);
    }
    request.set_etag(arguments.which.etag);
    CROFT_ASSIGN_OR_RETURN(
        const Targets targets,
        FindAndConfirm(
            session, arguments.which, false,
            {"retires", absl::StrCat("sessions end now, the databases are purged for good in ", kept)}));
    return OperateOnEach(session, targets, &Tenants::RetireTenant, request);
  });
}

void AddUndelete(Noun& noun) {
  auto verb = noun.AddVerb<Which>("undelete", "Bring a retired tenant back");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const Which& which) -> absl::Status {
    v1::UndeleteTenantRequest request;
    request.set_etag(which.etag);
    CROFT_ASSIGN_OR_RETURN(const Targets targets, FindTargets(session, which, true));
    return OperateOnEach(session, targets, &Tenants::UndeleteTenant, request);
  });
}

struct PurgeArguments {
  Which which;
  std::string waive_backup;
  std::string accept_incomplete;
};

absl::Status Purge(Session& session, const PurgeArguments& arguments) {
  if (!arguments.accept_incomplete.empty() &&
      (arguments.which.BySelector() || arguments.which.ids.size() > 1)) {
    return UsageError("--accept-incomplete names one tenant's backup: purge that tenant alone");
  }
  CROFT_ASSIGN_OR_RETURN(
      const Targets targets,
      FindAndConfirm(session, arguments.which, true,
                     {"purges", "databases, roles, backups and keys are destroyed for good"}));
  v1::PurgeTenantRequest request;
  request.set_waive_backup_reason(arguments.waive_backup);
  request.set_etag(arguments.which.etag);
  if (!arguments.accept_incomplete.empty()) {
    request.set_accept_incomplete_backup(
        BackupName(targets.each.front().id, LastPart(arguments.accept_incomplete)));
  }
  return OperateOnEach(session, targets, &Tenants::PurgeTenant, request);
}

void AddPurge(Noun& noun) {
  auto verb =
      noun.AddVerb<PurgeArguments>("purge", "Destroy a retired tenant: databases, roles, backups and key");
  verb->which.AddTo(verb.app);
  verb.app.add_option("--waive-backup", verb->waive_backup,
                      "Go without a proven backup, for this reason, on record");
  verb.app.add_option("--accept-incomplete", verb->accept_incomplete,
                      "Go with this final backup although it is INCOMPLETE, on record");
  verb.Runs(Purge);
}

void AddRotateCredentials(Noun& noun) {
  struct Arguments {
    Which which;
    CampaignFlags campaign;
    std::string overlap;
  };
  auto verb = noun.AddVerb<Arguments>("rotate-credentials",
                                      "Give a tenant new passwords; the old ones work on for a while");
  verb->which.AddTo(verb.app);
  verb->campaign.AddTo(verb.app);
  verb.app.add_option("--overlap", verb->overlap, "How long the old ones work on; default: 5m");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::RotateCredentialsRequest request;
    if (!arguments.overlap.empty()) {
      CROFT_ASSIGN_OR_RETURN(const absl::Duration overlap, ParseDuration(arguments.overlap, "--overlap"));
      *request.mutable_overlap() = ToProto(overlap);
    }
    if (arguments.campaign.AreGiven()) {
      if (!arguments.which.etag.empty()) return UsageError("--etag does not go with a campaign");
      v1::StartCampaignRequest campaign;
      campaign.set_kind(v1::Operation::KIND_ROTATE);
      if (request.has_overlap()) *campaign.mutable_overlap() = request.overlap();
      return RunCampaign(session, arguments.which, arguments.campaign, std::move(campaign));
    }
    request.set_etag(arguments.which.etag);
    CROFT_ASSIGN_OR_RETURN(const Targets targets, FindTargets(session, arguments.which, false));
    return OperateOnEach(session, targets, &Tenants::RotateCredentials, request);
  });
}

}  // namespace

void AddTenantLife(Noun& noun) {
  AddSuspend(noun);
  AddResume(noun);
  AddRetire(noun);
  AddUndelete(noun);
  AddPurge(noun);
  AddRotateCredentials(noun);
}

}  // namespace croft::ctl
