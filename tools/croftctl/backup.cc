#include <string>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/backup.grpc.pb.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/targets.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"
#include "tools/croftctl/wait.h"

namespace croft::ctl {
namespace {

using Backups = v1::BackupService::Stub;

// A backup, as `TENANT BACKUP` or by its full name alone.
struct WhichBackup {
  std::string tenant;
  std::string backup;

  void AddTo(CLI::App& verb) {
    verb.add_option("TENANT", tenant, "Id of its tenant, or the backup's full name")->required();
    verb.add_option("BACKUP", backup, "Its id");
  }
  std::string Name() const {
    return backup.empty() ? tenant : BackupName(LastPart(tenant), LastPart(backup));
  }
};

void AddCreate(Noun& noun) {
  auto verb = noun.AddVerb<TargetFlags>("create", "Back a tenant up now");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const TargetFlags& which) -> absl::Status {
    return OperateOnEach(session, which, false, [&](const Target& target) {
      v1::CreateBackupRequest request;
      request.set_parent(TenantName(target.id));
      return session.Change(&Backups::CreateBackup, request, target.key);
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
  verb->list.AddLimit(verb.app);
  verb.Reads([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::ListBackupsRequest request;
    request.set_parent(TenantName(LastPart(arguments.tenant)));
    return PrintAll(session, kBackups, request, arguments.list.limit);
  });
}

void AddGet(Noun& noun) {
  auto verb = noun.AddVerb<WhichBackup>("get", "Show a backup");
  verb->AddTo(verb.app);
  verb.Reads([](Session& session, const WhichBackup& which) -> absl::Status {
    v1::GetBackupRequest request;
    request.set_name(which.Name());
    CROFT_ASSIGN_OR_RETURN(const v1::Backup backup, session.client.Call(&Backups::GetBackup, request));
    return session.printer.One(backup);
  });
}

void AddVerify(Noun& noun) {
  auto verb = noun.AddVerb<WhichBackup>("verify", "Prove a backup by restoring and comparing it");
  verb->AddTo(verb.app);
  verb.Runs([](Session& session, const WhichBackup& which) -> absl::Status {
    v1::VerifyBackupRequest request;
    request.set_name(which.Name());
    return FinishAndPrint(session, session.Change(&Backups::VerifyBackup, request));
  });
}

void AddDelete(Noun& noun) {
  struct Arguments {
    WhichBackup which;
    std::string etag;
  };
  auto verb = noun.AddVerb<Arguments>("delete", "Delete a backup for good");
  verb->which.AddTo(verb.app);
  verb.app.add_option("--etag", verb->etag, "Only if it is still as it was then");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    const std::string name = arguments.which.Name();
    CROFT_RETURN_IF_ERROR(session.Confirm("deletes backup", LastPart(name)));
    v1::DeleteBackupRequest request;
    request.set_name(name);
    request.set_etag(arguments.etag);
    return FinishAndPrint(session, session.Change(&Backups::DeleteBackup, request));
  });
}

}  // namespace

void AddBackup(Noun& root) {
  Noun noun = root.AddNoun("backup", "Backups of tenants");
  AddCreate(noun);
  AddList(noun);
  AddGet(noun);
  AddVerify(noun);
  AddDelete(noun);
}

}  // namespace croft::ctl
