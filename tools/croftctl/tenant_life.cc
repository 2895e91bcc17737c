#include <string>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/tenant.grpc.pb.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/targets.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"
#include "tools/croftctl/wait.h"

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
    return OperateOnEach(session, arguments.which, false, &Tenants::SuspendTenant, request);
  });
}

void AddResume(Noun& noun) {
  auto verb = noun.AddVerb<Which>("resume", "Let a suspended tenant in again");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const Which& which) -> absl::Status {
    v1::ResumeTenantRequest request;
    request.set_etag(which.etag);
    return OperateOnEach(session, which, false, &Tenants::ResumeTenant, request);
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
    if (!arguments.grace.empty()) {
      CROFT_ASSIGN_OR_RETURN(const absl::Duration grace, ParseDuration(arguments.grace, "--grace"));
      *request.mutable_grace() = ToProto(grace);
    }
    request.set_etag(arguments.which.etag);
    return OperateOnEach(session, arguments.which, false, &Tenants::RetireTenant, request,
                         session.flags.yes);
  });
}

void AddUndelete(Noun& noun) {
  auto verb = noun.AddVerb<Which>("undelete", "Bring a retired tenant back");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const Which& which) -> absl::Status {
    v1::UndeleteTenantRequest request;
    request.set_etag(which.etag);
    return OperateOnEach(session, which, true, &Tenants::UndeleteTenant, request);
  });
}

void AddPurge(Noun& noun) {
  struct Arguments {
    Which which;
    std::string waive_backup;
  };
  auto verb =
      noun.AddVerb<Arguments>("purge", "Destroy a retired tenant: databases, roles, backups and key");
  verb->which.AddTo(verb.app);
  verb.app.add_option("--waive-backup", verb->waive_backup,
                      "Go without a proven backup, for this reason, on record");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    CROFT_RETURN_IF_ERROR(ConfirmEach(session, "purges", arguments.which));
    v1::PurgeTenantRequest request;
    request.set_waive_backup_reason(arguments.waive_backup);
    request.set_etag(arguments.which.etag);
    return OperateOnEach(session, arguments.which, true, &Tenants::PurgeTenant, request, true);
  });
}

void AddRotateCredentials(Noun& noun) {
  struct Arguments {
    Which which;
    std::string overlap;
  };
  auto verb = noun.AddVerb<Arguments>("rotate-credentials",
                                      "Give a tenant new passwords; the old ones work on for a while");
  verb->which.AddTo(verb.app);
  verb.app.add_option("--overlap", verb->overlap, "How long the old ones work on; default: 5m");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::RotateCredentialsRequest request;
    if (!arguments.overlap.empty()) {
      CROFT_ASSIGN_OR_RETURN(const absl::Duration overlap, ParseDuration(arguments.overlap, "--overlap"));
      *request.mutable_overlap() = ToProto(overlap);
    }
    request.set_etag(arguments.which.etag);
    return OperateOnEach(session, arguments.which, false, &Tenants::RotateCredentials, request);
  });
}

struct RestoreArguments {
  Which which;
  std::string backup;
  std::string as;
  std::string host;
};

// The backup's name for one tenant: `latest` is the newest that can be used.
absl::StatusOr<std::string> BackupFor(Client& client, const std::string& tenant,
                                      const std::string& backup) {
  if (backup != "latest") return BackupName(tenant, LastPart(backup));
  v1::GetTenantRequest request;
  request.set_name(TenantName(tenant));
  CROFT_ASSIGN_OR_RETURN(const v1::Tenant found, client.Call(&Tenants::GetTenant, request));
  if (!found.last_backup().empty()) return found.last_backup();
  return absl::NotFoundError(absl::StrCat("tenant ", tenant, " has no backup"));
}

absl::StatusOr<v1::Operation> BeginRestore(Session& session, const RestoreArguments& arguments,
                                           const Target& target) {
  v1::RestoreTenantRequest request;
  request.set_name(TenantName(target.id));
  CROFT_ASSIGN_OR_RETURN(*request.mutable_backup(), BackupFor(session.client, target.id, arguments.backup));
  request.set_new_tenant_id(LastPart(arguments.as));
  if (!arguments.host.empty()) request.set_host(HostName(LastPart(arguments.host)));
  request.set_etag(arguments.which.etag);
  return session.Change(&Tenants::RestoreTenant, request, target.key);
}

void AddRestore(Noun& noun) {
  auto verb = noun.AddVerb<RestoreArguments>(
      "restore", "Put a backup in a tenant's place, or make a new tenant of it");
  verb->which.AddTo(verb.app);
  verb.app.add_option("--backup", verb->backup, "The backup, or latest")->required();
  verb.app.add_option("--as", verb->as, "Make this new tenant of it and leave the old one alone");
  verb.app.add_option("--host", verb->host, "Host to restore on");
  verb.Runs([](Session& session, const RestoreArguments& arguments) -> absl::Status {
    if (!arguments.which.selector.empty() && (!arguments.as.empty() || arguments.backup != "latest")) {
      return UsageError("with -l, restore takes --backup latest and no --as");
    }
    return OperateOnEach(session, arguments.which, false,
                         [&](const Target& target) { return BeginRestore(session, arguments, target); });
  });
}

}  // namespace

void AddTenantLife(Noun& noun) {
  AddSuspend(noun);
  AddResume(noun);
  AddRetire(noun);
  AddUndelete(noun);
  AddPurge(noun);
  AddRestore(noun);
  AddRotateCredentials(noun);
}

}  // namespace croft::ctl
