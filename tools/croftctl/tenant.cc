// The verbs of `croftctl tenant` that create and show tenants.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/tenant.grpc.pb.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/targets.h"
#include "tools/croftctl/tenant_export.h"
#include "tools/croftctl/tenant_flags.h"
#include "tools/croftctl/tenant_import.h"
#include "tools/croftctl/tenant_usage.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"
#include "tools/croftctl/wait.h"

// The verbs that make, show and describe tenants.
namespace croft::ctl {
namespace {

using Tenants = v1::TenantService::Stub;

void AddCreate(Noun& noun) {
  struct Arguments {
    std::string id;
    TenantFlags fields;
    std::vector<std::string> host_selector;
    std::vector<std::string> extensions;
    std::string locale;
    bool if_missing = false;
  };
  auto verb = noun.AddVerb<Arguments>("create", "Create a tenant and its database");
  verb.app.add_option("TENANT", verb->id, "Its id: 1 to 63 of a-z, 0-9 and inner -")->required();
  verb->fields.AddTo(verb.app, "Other name that lookups accept, such as shop.acme.com; may be repeated");
  AddEach(verb.app, "--host-selector", verb->host_selector, "Labels its host must carry, as key=value");
  AddEach(verb.app, "--extension", verb->extensions, "Trusted extension to create; may be repeated");
  verb.app.add_option("--locale", verb->locale, "Locale of the database, such as C.UTF-8");
  verb.app.add_flag("--if-missing", verb->if_missing, "Succeed when the tenant is there already");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::CreateTenantRequest request;
    request.set_tenant_id(LastPart(arguments.id));
    request.set_if_missing(arguments.if_missing);
    v1::Tenant& tenant = *request.mutable_tenant();
    CROFT_RETURN_IF_ERROR(arguments.fields.Fill(tenant, absl::Now()));
    tenant.mutable_extensions()->Assign(arguments.extensions.begin(), arguments.extensions.end());
    tenant.set_locale(arguments.locale);
    CROFT_ASSIGN_OR_RETURN(const Labels selector, ParseLabels(arguments.host_selector, "--host-selector"));
    request.mutable_host_selector()->insert(selector.begin(), selector.end());
    return FinishAndPrint(session, session.Change(&Tenants::CreateTenant, request));
  });
}

// Which of many tenants a list is of.
struct ListArguments {
  ListFlags list;
  std::string selector;
  std::string state;
  bool show_retired = false;

  void AddTo(CLI::App& verb) {
    list.AddTo(verb);
    list.AddFilter(verb, "state = READY AND host = h1");
    verb.add_option("-l,--selector", selector, "Only those with these labels, such as app=shop,tier!=free");
    verb.add_option("--state", state, "Only those in this state, such as ready or retired");
    verb.add_flag("--show-retired", show_retired, "Retired ones too");
  }
};

// The last backups of these tenants by name, as far as the caller may see them.
std::map<std::string, v1::Backup> LastBackups(Session& session, const std::vector<v1::Tenant>& tenants) {
  std::map<std::string, v1::Backup> last;
  for (const v1::Tenant& tenant : tenants) {
    if (!tenant.last_backup().empty()) last[tenant.last_backup()];
  }
  if (last.empty()) return last;
  v1::ListBackupsRequest request;
  request.set_parent(tenants.size() == 1 ? tenants.front().name() : TenantName("-"));
  const auto backups = ListAll(session.client, kBackups, request, 0);
  if (!backups.ok())
    session.terminal.Say(
        absl::StrCat("age and size of backups are left out: ", backups.status().message()));
  if (!backups.ok()) return last;
  for (const v1::Backup& backup : backups->items) {
    if (const auto it = last.find(backup.name()); it != last.end()) it->second = backup;
  }
  return last;
}

// With -o wide each tenant with its last backup and its size.
absl::Status PrintTenants(Session& session, const std::vector<v1::Tenant>& tenants,
                          const ListOrder& order) {
  std::map<std::string, v1::Backup> backups;
  std::map<std::string, v1::TenantUsage> usage;
  if (session.printer.look().wide) {
    backups = LastBackups(session, tenants);
    usage = UsageOf(session, tenants);
  }
  std::vector<View> views;
  for (const v1::Tenant& tenant : tenants)
    views.push_back(ViewOf(tenant, backups[tenant.last_backup()], usage[tenant.name()]));
  return session.printer.Views(kTenants.field, ViewOf(v1::Tenant()).cells, std::move(views), order);
}

absl::Status List(Session& session, const ListArguments& arguments) {
  v1::ListTenantsRequest request;
  CROFT_ASSIGN_OR_RETURN(const std::string chosen, TenantFilter(arguments.selector, arguments.state));
  request.set_filter(AllOf({arguments.list.filter, chosen}));
  request.set_show_retired(arguments.show_retired || absl::EqualsIgnoreCase(arguments.state, "retired"));
  CROFT_ASSIGN_OR_RETURN(const std::vector<v1::Tenant> tenants,
                         ListAsked(session, kTenants, request, arguments.list));
  return PrintTenants(session, tenants, {arguments.list.sort_by, arguments.list.limit});
}

void AddList(Noun& noun) {
  auto verb = noun.AddVerb<ListArguments>("list", "List tenants");
  verb->AddTo(verb.app);
  verb.Reads(List);
}

void AddGet(Noun& noun) {
  struct Arguments {
    std::vector<std::string> ids;
    ListArguments list;
  };
  auto verb =
      noun.AddVerb<Arguments>("get", "Show tenants: one in full, or those of -l or --state as a list");
  verb.app.add_option("TENANT", verb->ids, "Ids of one or more");
  verb->list.AddTo(verb.app);
  verb.Reads([](Session& session, const Arguments& arguments) -> absl::Status {
    const ListArguments& list = arguments.list;
    const bool chosen = !list.selector.empty() || !list.state.empty() || !list.list.filter.empty();
    if (arguments.ids.empty() != chosen)
      return UsageError("name tenants by id, or choose them with -l, --state or --filter; one of the two");
    if (chosen) return List(session, list);
    std::vector<v1::Tenant> tenants;
    for (const std::string& id : arguments.ids) {
      CROFT_ASSIGN_OR_RETURN(tenants.emplace_back(), GetTenant(session.client, LastPart(id)));
    }
    const bool alone = tenants.size() == 1 && !session.printer.look().wide;
    return alone ? session.printer.One(tenants.front())
                 : PrintTenants(session, tenants, {list.list.sort_by, list.list.limit});
  });
}

}  // namespace

void AddTenant(Noun& root) {
  Noun noun = root.AddNoun("tenant", "Tenants: one PostgreSQL database each");
  AddCreate(noun);
  AddList(noun);
  AddGet(noun);
  AddTenantDescribe(noun);
  AddTenantUsage(noun);
  AddTenantUpdate(noun);
  AddTenantLife(noun);
  AddTenantRestore(noun);
  AddTenantUndoRestore(noun);
  AddTenantExport(noun);
  AddTenantImport(noun);
  AddTenantErasure(noun);
  AddTenantConnections(noun);
}

}  // namespace croft::ctl
