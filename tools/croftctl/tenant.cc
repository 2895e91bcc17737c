#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/tenant.grpc.pb.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/targets.h"
#include "tools/croftctl/tenant_flags.h"
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
  verb->fields.AddTo(verb.app);
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

void AddList(Noun& noun) {
  struct Arguments {
    ListFlags list;
    std::string selector;
    bool show_retired = false;
  };
  auto verb = noun.AddVerb<Arguments>("list", "List tenants");
  verb->list.AddFilter(verb.app, "state = READY AND host = h1");
  verb->list.AddLimit(verb.app);
  verb.app.add_option("-l,--selector", verb->selector,
                      "Only those with these labels, such as app=shop,tier!=free");
  verb.app.add_flag("--show-retired", verb->show_retired, "Retired ones too");
  verb.Reads([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::ListTenantsRequest request;
    std::string by_labels;
    if (!arguments.selector.empty()) {
      CROFT_ASSIGN_OR_RETURN(by_labels, SelectorToFilter(arguments.selector));
    }
    request.set_filter(AllOf({arguments.list.filter, by_labels}));
    request.set_show_retired(arguments.show_retired);
    return PrintAll(session, kTenants, request, arguments.list.limit);
  });
}

absl::StatusOr<v1::Tenant> GetTenant(Client& client, const std::string& id) {
  v1::GetTenantRequest request;
  request.set_name(TenantName(id));
  return client.Call(&Tenants::GetTenant, request);
}

void AddGet(Noun& noun) {
  struct Arguments {
    std::string id;
  };
  auto verb = noun.AddVerb<Arguments>("get", "Show a tenant");
  verb.app.add_option("TENANT", verb->id, "Its id")->required();
  verb.Reads([](Session& session, const Arguments& arguments) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const v1::Tenant tenant, GetTenant(session.client, LastPart(arguments.id)));
    return session.printer.One(tenant);
  });
}

struct UpdateArguments {
  TargetFlags which;
  TenantFlags fields;
  std::vector<std::string> remove_labels;
  std::vector<std::string> remove_features;
  std::vector<std::string> unset;
  bool no_expiry = false;
  bool no_aliases = false;
  std::string etag;

  // Fields that are changed by reading the whole and writing it back.
  bool ReadsFirst() const { return !fields.settings.empty() || !unset.empty() || fields.HasQuota(); }
};

absl::StatusOr<google::protobuf::FieldMask> MaskOf(const UpdateArguments& arguments) {
  google::protobuf::FieldMask mask;
  const auto add = [&](bool given, const std::string& path) {
    if (given) mask.add_paths(path);
  };
  const TenantFlags& fields = arguments.fields;
  add(!fields.display_name.empty(), "display_name");
  add(!fields.aliases.empty() || arguments.no_aliases, "aliases");
  add(!fields.expire_in.empty() || arguments.no_expiry, "expire_time");
  add(!fields.settings.empty() || !arguments.unset.empty(), "settings");
  add(fields.HasQuota(), "quota");
  add(fields.keep != 0, "backup_policy");
  CROFT_ASSIGN_OR_RETURN(const Labels labels, ParseLabels(fields.labels, "--labels"));
  for (const auto& [key, value] : labels) mask.add_paths(absl::StrCat("labels.", key));
  for (const std::string& key : arguments.remove_labels) mask.add_paths(absl::StrCat("labels.", key));
  CROFT_ASSIGN_OR_RETURN(const Features features, ParseFeatures(fields.features, "--feature"));
  for (const auto& [name, value] : features) mask.add_paths(absl::StrCat("features.", name));
  for (const std::string& name : arguments.remove_features) mask.add_paths(absl::StrCat("features.", name));
  if (mask.paths().empty()) return UsageError("nothing to update; --help lists what can be");
  return mask;
}

// The request for one tenant. Where fields are merged into what is there, the etag of what was read guards them.
absl::StatusOr<v1::UpdateTenantRequest> UpdateRequest(Client& client, const UpdateArguments& arguments,
                                                      const google::protobuf::FieldMask& mask,
                                                      const std::string& id) {
  v1::UpdateTenantRequest request;
  *request.mutable_update_mask() = mask;
  v1::Tenant& tenant = *request.mutable_tenant();
  tenant.set_name(TenantName(id));
  tenant.set_etag(arguments.etag);
  if (arguments.ReadsFirst()) {
    CROFT_ASSIGN_OR_RETURN(const v1::Tenant present, GetTenant(client, id));
    *tenant.mutable_settings() = present.settings();
    *tenant.mutable_quota() = present.quota();
    if (arguments.etag.empty()) tenant.set_etag(present.etag());
  }
  CROFT_RETURN_IF_ERROR(arguments.fields.Fill(tenant, absl::Now()));
  for (const std::string& key : arguments.unset) tenant.mutable_settings()->mutable_fields()->erase(key);
  return request;
}

// Changes one tenant and, where its quota changed, waits until the host knows.
Answer<v1::Tenant> UpdateOne(Session& session, const UpdateArguments& arguments,
                             const google::protobuf::FieldMask& mask, const Target& target) {
  const absl::StatusOr<v1::UpdateTenantRequest> request =
      UpdateRequest(session.client, arguments, mask, target.id);
  if (!request.ok()) return {std::nullopt, request.status()};
  absl::StatusOr<v1::Tenant> tenant = session.Change(&Tenants::UpdateTenant, *request, target.key);
  if (!tenant.ok()) return {std::nullopt, tenant.status()};
  if (!arguments.fields.HasQuota() || tenant->current_operation().empty())
    return {*std::move(tenant), absl::OkStatus()};
  v1::Operation operation;
  operation.set_name(tenant->current_operation());
  const absl::Status outcome = Finish(session, operation, [](const v1::Operation&) {});
  if (absl::StatusOr<v1::Tenant> after = GetTenant(session.client, target.id); after.ok())
    tenant = std::move(after);
  return {*std::move(tenant), outcome};
}

void AddUpdate(Noun& noun) {
  auto verb =
      noun.AddVerb<UpdateArguments>("update", "Change what a tenant carries: labels, settings, limits");
  verb->which.AddTo(verb.app);
  verb->fields.AddTo(verb.app);
  AddEach(verb.app, "--remove-label", verb->remove_labels, "Key of a label to remove; may be repeated");
  AddEach(verb.app, "--remove-feature", verb->remove_features,
          "Name of a feature to remove; may be repeated");
  AddEach(verb.app, "--unset", verb->unset, "Key of a setting to remove; may be repeated");
  verb.app.add_flag("--no-expiry", verb->no_expiry, "It no longer expires");
  verb.app.add_flag("--no-aliases", verb->no_aliases, "Remove all aliases");
  verb.app.add_option("--etag", verb->etag, "Only if it is still as it was then");
  verb.Runs([](Session& session, const UpdateArguments& arguments) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const google::protobuf::FieldMask mask, MaskOf(arguments));
    CROFT_ASSIGN_OR_RETURN(const Targets targets, FindTargets(session, arguments.which, false));
    const auto update = [&](const Target& target) { return UpdateOne(session, arguments, mask, target); };
    const auto print = [&](const std::vector<v1::Tenant>& tenants) {
      return session.printer.List("tenants", tenants);
    };
    if (targets.many) return ChangeEach<v1::Tenant>(session, targets, print, update);
    const Answer<v1::Tenant> answer = update(targets.each.front());
    if (answer.message) CROFT_RETURN_IF_ERROR(session.printer.One(*answer.message));
    return answer.status;
  });
}

}  // namespace

void AddTenant(Noun& root) {
  Noun noun = root.AddNoun("tenant", "Tenants: one PostgreSQL database each");
  AddCreate(noun);
  AddList(noun);
  AddGet(noun);
  AddUpdate(noun);
  AddTenantLife(noun);
  AddTenantConnections(noun);
}

}  // namespace croft::ctl
