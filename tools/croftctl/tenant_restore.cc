// The verbs `croftctl tenant restore` and `undo-restore`.

#include <string>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/tenant.grpc.pb.h"
#include "tools/croftctl/backups.h"
#include "tools/croftctl/bulk.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/table_patterns.h"
#include "tools/croftctl/targets.h"
#include "tools/croftctl/tenant_flags.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"

// The verbs that bring a backup back, and what it replaced.
namespace croft::ctl {
namespace {

struct RestoreArguments {
  TargetFlags which;
  std::string etag;
  std::string backup;
  std::string before;
  std::string as;
  std::string host;
  std::string copy;
  std::vector<std::string> only;
  bool allow_incomplete = false;
};

absl::StatusOr<std::string> Chosen(Client& client, const RestoreArguments& arguments,
                                   const std::string& tenant) {
  if (arguments.before.empty()) return BackupFor(client, tenant, arguments.backup);
  CROFT_ASSIGN_OR_RETURN(const absl::Time before, ParseTime(arguments.before, "--before"));
  return BackupBefore(client, tenant, before);
}

std::string NameOfChoice(const RestoreArguments& arguments) {
  return arguments.before.empty() ? absl::StrCat("backup ", LastPart(arguments.backup))
                                  : absl::StrCat("the newest backup from before ", arguments.before);
}

absl::StatusOr<v1::Operation> BeginRestore(Session& session, const RestoreArguments& arguments,
                                           const Target& target) {
  v1::RestoreTenantRequest request;
  request.set_name(TenantName(target.id));
  CROFT_ASSIGN_OR_RETURN(*request.mutable_backup(), Chosen(session.client, arguments, target.id));
  request.set_new_tenant_id(LastPart(arguments.as));
  if (!arguments.host.empty()) request.set_host(HostName(LastPart(arguments.host)));
  request.set_etag(arguments.etag);
  request.set_copy(arguments.copy);
  request.set_allow_incomplete(arguments.allow_incomplete);
  const std::vector<std::string> only = SplitPatterns(arguments.only);
  request.mutable_only()->Assign(only.begin(), only.end());
  return session.Change(&v1::TenantService::Stub::RestoreTenant, request, target.key);
}

absl::StatusOr<Targets> FindForRestore(Session& session, const RestoreArguments& arguments) {
  // A new tenant takes nothing from anybody.
  if (!arguments.as.empty()) return FindTargets(session, arguments.which, false);
  return FindAndConfirm(
      session, arguments.which, false,
      {"replaces the data of",
       absl::StrCat(NameOfChoice(arguments),
                    " takes its place; what is there now is kept, closed, for 24 hours")});
}

absl::Status Restore(Session& session, const RestoreArguments& arguments) {
  const bool many = arguments.which.BySelector() || arguments.which.ids.size() > 1;
  if (arguments.backup.empty() == arguments.before.empty())
    return UsageError("restore takes --backup or --before");
  if (!arguments.only.empty() && arguments.as.empty())
    return UsageError("--only takes --as: a part of a backup is never restored in place");
  // An id is one tenant's; each may have a backup of the same name.
  const bool same_for_all = !arguments.before.empty() || arguments.backup == "latest" ||
                            CheckGivenName(arguments.backup, "--backup").ok();
  if (many && (!arguments.as.empty() || !same_for_all)) {
    return UsageError(
        "restore of several tenants takes --backup with latest or a backup's name, or --before, and no "
        "--as");
  }
  CROFT_ASSIGN_OR_RETURN(const Targets targets, FindForRestore(session, arguments));
  return OperateOnEach(session, targets,
                       [&](const Target& target) { return BeginRestore(session, arguments, target); });
}

}  // namespace

void AddTenantRestore(Noun& noun) {
  auto verb = noun.AddVerb<RestoreArguments>(
      "restore", "Put a backup in a tenant's place, or make a new tenant of it");
  verb->which.AddTo(verb.app);
  verb.app.add_option("--etag", verb->etag, "Only if it is still as it was then");
  verb.app.add_option("--backup", verb->backup, "The backup by its id or name, or latest");
  verb.app.add_option("--before", verb->before,
                      "The newest usable one that began before this time, such as 2030-01-31T18:00:00Z");
  verb.app.add_option("--as", verb->as, "Make this new tenant of it and leave the old one alone");
  AddEach(
      verb.app, "--only", verb->only,
      "With --as: restore these tables or schemas alone, with what they need: public.orders, billing.*; "
      "several with commas; may be repeated");
  verb.app.add_option("--host", verb->host, "Host to restore on");
  verb.app.add_option(
      "--copy", verb->copy,
      "Restore from the copy in this store, by name or id, instead of what the host reaches first");
  verb.app.add_flag("--allow-incomplete", verb->allow_incomplete,
                    "Leave out the objects that do not restore, and name them");
  verb.Runs(Restore);
}

namespace {

struct UndoArguments {
  TargetFlags which;
  std::string etag;
  std::string database;
};

absl::Status UndoRestore(Session& session, const UndoArguments& arguments) {
  const bool many = arguments.which.BySelector() || arguments.which.ids.size() > 1;
  if (many && !arguments.database.empty())
    return UsageError("--database names one tenant's database: undo the restore of that tenant alone");
  CROFT_ASSIGN_OR_RETURN(
      const Targets targets,
      FindAndConfirm(session, arguments.which, false,
                     {"replaces the data of",
                      "the database that the last restore replaced takes its place; what is there now is "
                      "kept, closed, for 24 hours"}));
  v1::UndoRestoreRequest request;
  request.set_database(arguments.database);
  request.set_etag(arguments.etag);
  return OperateOnEach(session, targets, &v1::TenantService::Stub::UndoRestore, request);
}

}  // namespace

void AddTenantUndoRestore(Noun& noun) {
  auto verb = noun.AddVerb<UndoArguments>(
      "undo-restore", "Put the database back that a restore in place replaced, while it is kept");
  verb->which.AddTo(verb.app);
  verb.app.add_option("--etag", verb->etag, "Only if it is still as it was then");
  verb.app.add_option("--database", verb->database,
                      "One of those that `tenant get` shows as kept; by default the one replaced last");
  verb.Runs(UndoRestore);
}

}  // namespace croft::ctl
