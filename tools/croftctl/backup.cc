// The verbs of `croftctl backup`.

#include <string>
#include <utility>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/backup.grpc.pb.h"
#include "tools/croftctl/backups.h"
#include "tools/croftctl/bulk.h"
#include "tools/croftctl/campaign.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/targets.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"
#include "tools/croftctl/wait.h"

namespace croft::ctl {

absl::StatusOr<std::string> BackupFor(Client& client, const std::string& tenant,
                                      const std::string& backup) {
  if (backup != "latest") return BackupName(tenant, LastPart(backup));
  CROFT_ASSIGN_OR_RETURN(const v1::Tenant found, GetTenant(client, tenant));
  if (!found.last_backup().empty()) return found.last_backup();
  return absl::NotFoundError(absl::StrCat("tenant ", tenant, " has no backup"));
}

absl::StatusOr<std::string> BackupBefore(Client& client, const std::string& tenant, absl::Time time) {
  v1::ListBackupsRequest request;
  request.set_parent(TenantName(tenant));
  CROFT_ASSIGN_OR_RETURN(const auto backups, ListAll(client, kBackups, request, 0));
  for (const v1::Backup& backup : backups.items) {
    const bool whole = backup.state() == v1::Backup::STATE_AVAILABLE ||
                       backup.state() == v1::Backup::STATE_VERIFIED ||
                       backup.state() == v1::Backup::STATE_VERIFIED_WITH_NOTES;
    if (whole && FromProto(backup.create_time()) < time) return backup.name();
  }
  return absl::NotFoundError(absl::StrCat("tenant ", tenant, " has no usable backup from before ",
                                          TimeText(time), "; croftctl backup list ", tenant,
                                          " shows what it has"));
}

namespace {

using Backups = v1::BackupService::Stub;

// One or more backups of a tenant, as `TENANT BACKUP…`, or one by its full name alone.
struct WhichBackups {
  std::string tenant;
  std::vector<std::string> ids;

  void AddTo(CLI::App& verb) {
    verb.add_option("TENANT", tenant, "Id of its tenant, or the backup's full name")->required();
    verb.add_option("BACKUP", ids, "Ids or names of one or more of its backups, or latest");
  }
  absl::StatusOr<std::vector<std::string>> Names(Client& client) const {
    if (ids.empty() && !absl::StrContains(tenant, "/backups/")) {
      return UsageError(absl::StrCat("name a backup of ", tenant,
                                     " behind it, or latest; croftctl backup list ", tenant,
                                     " shows them"));
    }
    if (ids.empty()) return std::vector<std::string>{tenant};
    std::vector<std::string> names;
    for (const std::string& id : ids) {
      CROFT_ASSIGN_OR_RETURN(names.emplace_back(), BackupFor(client, LastPart(tenant), id));
    }
    return names;
  }
};

// Backups as what OperateOnEach works on: an id is the backup's whole name.
Targets TargetsOf(const std::vector<std::string>& names) {
  Targets targets{.many = names.size() > 1, .parallel = 4};
  for (const std::string& name : names) targets.each.push_back({name, targets.many ? name : "", ""});
  return targets;
}

void AddCreate(Noun& noun) {
  struct Arguments {
    TargetFlags which;
    CampaignFlags campaign;
    std::string max_duration;
    std::string name;
    std::string note;
  };
  auto verb = noun.AddVerb<Arguments>("create", "Back a tenant up now");
  verb->which.AddTo(verb.app);
  verb->campaign.AddTo(verb.app);
  verb.app.add_option("--max-duration", verb->max_duration,
                      "Give up after this long, 1m to 24h: its snapshot holds back vacuum; default: 6h");
  verb.app.add_option("--name", verb->name,
                      "Call it this, such as before-2.4: it can be named so in the place of its id");
  verb.app.add_option("--note", verb->note, "What to know about it, such as \"app 2.4.0, schema 118\"");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    if (arguments.campaign.AreGiven()) {
      if (!arguments.max_duration.empty() || !arguments.name.empty() || !arguments.note.empty())
        return UsageError("--max-duration, --name and --note do not go with a campaign");
      v1::StartCampaignRequest campaign;
      campaign.set_kind(v1::Operation::KIND_BACK_UP);
      return RunCampaign(session, arguments.which, arguments.campaign, std::move(campaign));
    }
    v1::CreateBackupRequest request;
    request.set_given_name(arguments.name);
    request.set_note(arguments.note);
    if (!arguments.max_duration.empty()) {
      CROFT_ASSIGN_OR_RETURN(const absl::Duration longest,
                             ParseDuration(arguments.max_duration, "--max-duration"));
      *request.mutable_max_duration() = ToProto(longest);
    }
    CROFT_ASSIGN_OR_RETURN(const Targets targets, FindTargets(session, arguments.which, false));
    return OperateOnEach(session, targets, [&](const Target& target) {
      v1::CreateBackupRequest own = request;
      own.set_parent(TenantName(target.id));
      return session.Change(&Backups::CreateBackup, own, target.key);
    });
  });
}

void AddList(Noun& noun) {
  struct Arguments {
    std::string tenant = "-";
    ListFlags list;
  };
  auto verb = noun.AddVerb<Arguments>("list", "List a tenant's backups, newest first");
  verb.app.add_option("TENANT", verb->tenant, "Its id; without one, those of all tenants");
  verb->list.AddTo(verb.app);
  verb.Reads([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::ListBackupsRequest request;
    request.set_parent(TenantName(LastPart(arguments.tenant)));
    return PrintAll(session, kBackups, request, arguments.list);
  });
}

void AddGet(Noun& noun) {
  auto verb = noun.AddVerb<WhichBackups>("get", "Show a backup");
  verb->AddTo(verb.app);
  verb.Reads([](Session& session, const WhichBackups& which) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> names, which.Names(session.client));
    return GetEach(session, kBackups.field, names, &Backups::GetBackup, v1::GetBackupRequest());
  });
}

struct VerifyArguments {
  TargetFlags which;  // the first of its ids is a tenant's, those behind it are of backups
  std::string copy;
  CampaignFlags campaign;
};

absl::Status Verify(Session& session, const VerifyArguments& arguments) {
  if (arguments.campaign.AreGiven()) {
    if (!arguments.copy.empty()) return UsageError("--copy does not go with a campaign");
    v1::StartCampaignRequest campaign;
    campaign.set_kind(v1::Operation::KIND_VERIFY);
    return RunCampaign(session, arguments.which, arguments.campaign, std::move(campaign));
  }
  const auto begin = [&](const std::string& name, const std::string& key) {
    v1::VerifyBackupRequest request;
    request.set_name(name);
    request.set_copy(arguments.copy);
    return session.Change(&Backups::VerifyBackup, request, key);
  };
  if (!arguments.which.BySelector() && !arguments.which.ids.empty()) {
    WhichBackups backups{arguments.which.ids.front(),
                         {arguments.which.ids.begin() + 1, arguments.which.ids.end()}};
    CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> names, backups.Names(session.client));
    return OperateOnEach(session, TargetsOf(names),
                         [&](const Target& target) { return begin(target.id, target.key); });
  }
  CROFT_ASSIGN_OR_RETURN(const Targets targets, FindTargets(session, arguments.which, false));
  return OperateOnEach(session, targets, [&](const Target& target) -> absl::StatusOr<v1::Operation> {
    CROFT_ASSIGN_OR_RETURN(const std::string name, BackupFor(session.client, target.id, "latest"));
    return begin(name, target.key);
  });
}

void AddVerify(Noun& noun) {
  auto verb = noun.AddVerb<VerifyArguments>(
      "verify", "Prove a backup by restoring and comparing it; with -l, the latest of each tenant");
  verb->which.AddTo(verb.app,
                    "Id of a tenant, then ids or names of its backups or latest; or a backup's full name");
  verb.app.add_option("--copy", verb->copy,
                      "Prove the copy in this store, by name or id, instead of the backup itself");
  verb->campaign.AddTo(verb.app);
  verb.Runs(Verify);
}

void AddCopy(Noun& noun) {
  struct Arguments {
    WhichBackups which;
    std::string to;
  };
  auto verb = noun.AddVerb<Arguments>("copy", "Copy a backup, as it is, to a further store");
  verb->which.AddTo(verb.app);
  verb.app.add_option("--to", verb->to, "The store, by name or id; croftctl host get shows a host's")
      ->required();
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> names, arguments.which.Names(session.client));
    return OperateOnEach(session, TargetsOf(names), [&](const Target& target) {
      v1::CopyBackupRequest request;
      request.set_name(target.id);
      request.set_to_store(arguments.to);
      return session.Change(&Backups::CopyBackup, request, target.key);
    });
  });
}

void AddDelete(Noun& noun) {
  struct Arguments {
    WhichBackups which;
    std::string etag;
  };
  auto verb = noun.AddVerb<Arguments>("delete", "Delete a backup for good");
  verb->which.AddTo(verb.app);
  verb.app.add_option("--etag", verb->etag, "Only if it is still as it was then");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    CROFT_RETURN_IF_ERROR(session.CheckCanAsk("deletes backups for good"));
    CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> names, arguments.which.Names(session.client));
    const std::string answer = names.size() == 1 ? LastPart(names.front()) : absl::StrCat(names.size());
    CROFT_RETURN_IF_ERROR(
        session.Ask(absl::StrCat("deletes for good: ", absl::StrJoin(names, ", ")), answer));
    v1::DeleteBackupRequest request;
    request.set_etag(arguments.etag);
    return OperateOnEach(session, TargetsOf(names), [&](const Target& target) {
      v1::DeleteBackupRequest own = request;
      own.set_name(target.id);
      return session.Change(&Backups::DeleteBackup, own, target.key);
    });
  });
}

// Changes each and prints what they are then.
template <class Request>
absl::Status ChangeEach(Session& session, const WhichBackups& which, const Request& request,
                        grpc::Status (Backups::*method)(grpc::ClientContext*, const Request&,
                                                        v1::Backup*)) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> names, which.Names(session.client));
  std::vector<v1::Backup> changed;
  for (const std::string& name : names) {
    Request own = request;
    own.set_name(name);
    CROFT_ASSIGN_OR_RETURN(changed.emplace_back(),
                           session.Change(method, own, names.size() > 1 ? name : ""));
  }
  return changed.size() == 1 ? session.printer.One(changed.front())
                             : session.printer.List(kBackups.field, changed);
}

void AddHold(Noun& noun) {
  struct Arguments {
    WhichBackups which;
    std::string reason;
    std::string etag;
  };
  auto verb = noun.AddVerb<Arguments>(
      "hold",
      "Keep a backup from everything that deletes it, its tenant's purge too, until it is released");
  verb->which.AddTo(verb.app);
  verb.app.add_option("--reason", verb->reason, "Why, such as a case's number; it is kept with the backup")
      ->required();
  verb.app.add_option("--etag", verb->etag, "Only if it is still as it was then");
  verb.Runs([](Session& session, const Arguments& arguments) {
    v1::HoldBackupRequest request;
    request.set_reason(arguments.reason);
    request.set_etag(arguments.etag);
    return ChangeEach(session, arguments.which, request, &Backups::HoldBackup);
  });
}

void AddRelease(Noun& noun) {
  struct Arguments {
    WhichBackups which;
    std::string etag;
  };
  auto verb = noun.AddVerb<Arguments>("release", "End the hold on a backup; an administrator's alone");
  verb->which.AddTo(verb.app);
  verb.app.add_option("--etag", verb->etag, "Only if it is still as it was then");
  verb.Runs([](Session& session, const Arguments& arguments) {
    v1::ReleaseBackupRequest request;
    request.set_etag(arguments.etag);
    return ChangeEach(session, arguments.which, request, &Backups::ReleaseBackup);
  });
}

}  // namespace

void AddBackup(Noun& root) {
  Noun noun = root.AddNoun("backup", "Backups of tenants");
  AddCreate(noun);
  AddList(noun);
  AddGet(noun);
  AddBackupDescribe(noun);
  AddVerify(noun);
  AddCopy(noun);
  AddBackupPlan(noun);
  AddBackupReport(noun);
  AddBackupPolicy(noun);
  AddHold(noun);
  AddRelease(noun);
  AddDelete(noun);
}

}  // namespace croft::ctl
