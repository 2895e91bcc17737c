// The verb `croftctl tenant update`.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/time/clock.h>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/tenant.grpc.pb.h"
#include "tools/croftctl/bulk.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/targets.h"
#include "tools/croftctl/tenant_flags.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"

// The verb that changes what a tenant carries.
namespace croft::ctl {
namespace {

using Tenants = v1::TenantService::Stub;

// A tenant that expires sooner ends before anybody notices a slip.
constexpr absl::Duration kSoon = absl::Hours(1);

struct UpdateArguments {
  TargetFlags which;
  TenantFlags fields;
  std::vector<std::string> add_aliases;
  std::vector<std::string> remove_aliases;
  std::vector<std::string> remove_labels;
  std::vector<std::string> remove_features;
  std::vector<std::string> unset;
  bool no_expiry = false;
  bool no_aliases = false;
  bool backup_all_rows = false;
  std::string storage_grace;
  std::string etag;

  bool HasAliases() const {
    return !fields.aliases.empty() || !add_aliases.empty() || !remove_aliases.empty() || no_aliases;
  }
  // Fields that are changed by reading the whole and writing it back.
  bool ReadsFirst() const {
    return !fields.settings.empty() || !unset.empty() || fields.HasQuota() || HasAliases();
  }
};

absl::Status CheckAliasFlags(const UpdateArguments& arguments) {
  const bool changes = !arguments.add_aliases.empty() || !arguments.remove_aliases.empty();
  const int ways =
      (arguments.fields.aliases.empty() ? 0 : 1) + (changes ? 1 : 0) + (arguments.no_aliases ? 1 : 0);
  if (ways <= 1) return absl::OkStatus();
  return UsageError(
      "--alias sets all aliases, --no-aliases removes them, --add-alias and --remove-alias change some: "
      "give one kind");
}

absl::StatusOr<google::protobuf::FieldMask> MaskOf(const UpdateArguments& arguments) {
  if (arguments.backup_all_rows && !arguments.fields.backups.skip_rows.empty())
    return UsageError("--backup-skip-rows and --backup-all-rows exclude each other");
  google::protobuf::FieldMask mask;
  const auto add = [&](bool given, const std::string& path) {
    if (given) mask.add_paths(path);
  };
  const TenantFlags& fields = arguments.fields;
  add(!fields.display_name.empty(), "display_name");
  add(arguments.HasAliases(), "aliases");
  add(fields.HasExpiry() || arguments.no_expiry, "expire_time");
  add(!fields.settings.empty() || !arguments.unset.empty(), "settings");
  add(fields.HasQuota(), "quota");
  add(!fields.HasQuota() && !fields.storage.empty(), "quota.storage_bytes");
  add(!arguments.storage_grace.empty(), "storage_grace_time");
  for (const std::string& field : fields.backups.Fields()) add(true, absl::StrCat("backup_policy.", field));
  add(arguments.backup_all_rows, "backup_policy.skip_rows");
  add(!fields.delete_protection.empty(), "delete_protection");
  CROFT_ASSIGN_OR_RETURN(const Labels labels, ParseLabels(fields.labels, "--labels"));
  for (const auto& [key, value] : labels) mask.add_paths(absl::StrCat("labels.", key));
  for (const std::string& key : arguments.remove_labels) mask.add_paths(absl::StrCat("labels.", key));
  CROFT_ASSIGN_OR_RETURN(const Features features, ParseFeatures(fields.features, "--feature"));
  for (const auto& [name, value] : features) mask.add_paths(absl::StrCat("features.", name));
  for (const std::string& name : arguments.remove_features) mask.add_paths(absl::StrCat("features.", name));
  if (mask.paths().empty()) return UsageError("nothing to update; --help lists what can be");
  return mask;
}

bool Has(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

// The aliases the tenant is to have, of those that are `present`.
std::vector<std::string> AliasesAfter(const UpdateArguments& arguments,
                                      const std::vector<std::string>& present) {
  if (!arguments.fields.aliases.empty()) return arguments.fields.aliases;
  std::vector<std::string> after;
  for (const std::string& alias : present) {
    if (!arguments.no_aliases && !Has(arguments.remove_aliases, alias)) after.push_back(alias);
  }
  for (const std::string& alias : arguments.add_aliases) {
    if (!Has(after, alias)) after.push_back(alias);
  }
  return after;
}

void SetAliases(Session& session, const UpdateArguments& arguments, const v1::Tenant& present,
                v1::Tenant& tenant) {
  const std::vector<std::string> before(present.aliases().begin(), present.aliases().end());
  const std::vector<std::string> after = AliasesAfter(arguments, before);
  tenant.mutable_aliases()->Assign(after.begin(), after.end());
  std::vector<std::string> removed;
  for (const std::string& alias : before) {
    if (!Has(after, alias)) removed.push_back(alias);
  }
  if (!removed.empty())
    session.terminal.Say(absl::StrCat(present.name(), " loses the alias ", absl::StrJoin(removed, ", ")));
}

absl::Status SetStorageGrace(const std::string& grace, v1::Tenant& tenant) {
  if (grace.empty()) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(const absl::Duration length, ParseDuration(grace, "--storage-grace"));
  if (length > absl::ZeroDuration()) *tenant.mutable_storage_grace_time() = ToProto(absl::Now() + length);
  return absl::OkStatus();
}

// The request for one tenant. Where fields are merged into what is there, the etag of what was read guards them.
absl::StatusOr<v1::UpdateTenantRequest> UpdateRequest(Session& session, const UpdateArguments& arguments,
                                                      const google::protobuf::FieldMask& mask,
                                                      const std::string& id) {
  v1::UpdateTenantRequest request;
  *request.mutable_update_mask() = mask;
  v1::Tenant& tenant = *request.mutable_tenant();
  tenant.set_name(TenantName(id));
  tenant.set_etag(arguments.etag);
  v1::Tenant present;
  if (arguments.ReadsFirst()) {
    CROFT_ASSIGN_OR_RETURN(present, GetTenant(session.client, id));
    *tenant.mutable_settings() = present.settings();
    *tenant.mutable_quota() = present.quota();
    if (arguments.etag.empty()) tenant.set_etag(present.etag());
  }
  CROFT_RETURN_IF_ERROR(arguments.fields.Fill(tenant, absl::Now()));
  CROFT_RETURN_IF_ERROR(SetStorageGrace(arguments.storage_grace, tenant));
  if (arguments.HasAliases()) SetAliases(session, arguments, present, tenant);
  for (const std::string& key : arguments.unset) tenant.mutable_settings()->mutable_fields()->erase(key);
  // An end within the hour was asked about before.
  if (tenant.has_expire_time()) request.set_confirm(tenant.name());
  return request;
}

// The tenants that are meant, confirmed where they are to end soon.
absl::StatusOr<Targets> FindForUpdate(Session& session, const UpdateArguments& arguments) {
  const absl::Time now = absl::Now();
  CROFT_ASSIGN_OR_RETURN(const std::optional<absl::Time> end, arguments.fields.ExpireTime(now));
  if (!end || *end - now >= kSoon) return FindTargets(session, arguments.which, false);
  const absl::Duration left = std::max(absl::Trunc(*end - now, absl::Seconds(1)), absl::ZeroDuration());
  return FindAndConfirm(
      session, arguments.which, false,
      {"ends", absl::StrCat("in ", DurationText(left), " the databases are retired and purged for good")});
}

absl::Status Update(Session& session, const UpdateArguments& arguments) {
  CROFT_RETURN_IF_ERROR(CheckAliasFlags(arguments));
  CROFT_ASSIGN_OR_RETURN(const google::protobuf::FieldMask mask, MaskOf(arguments));
  CROFT_ASSIGN_OR_RETURN(const Targets targets, FindForUpdate(session, arguments));
  std::vector<std::optional<v1::Tenant>> tenants(targets.each.size());
  // A quota is carried to the host by an operation.
  const auto begin = [&](const Target& target) -> absl::StatusOr<v1::Operation> {
    const auto index = static_cast<size_t>(&target - targets.each.data());
    CROFT_ASSIGN_OR_RETURN(const v1::UpdateTenantRequest request,
                           UpdateRequest(session, arguments, mask, target.id));
    CROFT_ASSIGN_OR_RETURN(tenants[index], session.Change(&Tenants::UpdateTenant, request, target.key));
    v1::Operation operation;
    if (arguments.fields.HasQuota()) operation.set_name(tenants[index]->current_operation());
    return operation;
  };
  const std::vector<Outcome> outcomes = RunEach(session, targets, begin);
  std::vector<v1::Tenant> changed;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (!tenants[i]) continue;
    changed.push_back(*tenants[i]);
    if (!IsFollowed(session, outcomes[i].operation)) continue;
    // What it is once the host has the quota.
    if (absl::StatusOr<v1::Tenant> after = GetTenant(session.client, targets.each[i].id); after.ok())
      changed.back() = *std::move(after);
  }
  if (targets.many) {
    if (!session.IsHushed()) CROFT_RETURN_IF_ERROR(session.printer.List("tenants", changed));
    return SumUp(session, targets, outcomes);
  }
  if (!changed.empty() && !session.IsHushed()) CROFT_RETURN_IF_ERROR(session.printer.One(changed.front()));
  return outcomes.front().status;
}

}  // namespace

void AddTenantUpdate(Noun& noun) {
  auto verb =
      noun.AddVerb<UpdateArguments>("update", "Change what a tenant carries: labels, settings, limits");
  verb->which.AddTo(verb.app);
  verb->fields.AddTo(
      verb.app, "Sets all aliases to those given and removes the others; may be repeated. See --add-alias");
  AddEach(verb.app, "--add-alias", verb->add_aliases, "Alias to add to those there are; may be repeated");
  AddEach(verb.app, "--remove-alias", verb->remove_aliases, "Alias to remove; may be repeated");
  AddEach(verb.app, "--remove-label", verb->remove_labels, "Key of a label to remove; may be repeated");
  AddEach(verb.app, "--remove-feature", verb->remove_features,
          "Name of a feature to remove; may be repeated");
  AddEach(verb.app, "--unset", verb->unset, "Key of a setting to remove; may be repeated");
  verb.app.add_flag("--no-expiry", verb->no_expiry, "It no longer expires");
  verb.app.add_flag("--no-aliases", verb->no_aliases, "Remove all aliases");
  verb.app.add_flag(
      "--backup-all-rows", verb->backup_all_rows,
      "Takes --backup-skip-rows back; a shared policy may still leave rows out, see --backup-off");
  verb.app.add_option("--storage-grace", verb->storage_grace,
                      "Let it grow beyond its storage quota for this long, such as 24h; 0 for no longer");
  verb.app.add_option("--etag", verb->etag, "Only if it is still as it was then");
  verb.Runs(Update);
}

}  // namespace croft::ctl
