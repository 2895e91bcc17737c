// The verb export.

#include <string>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/strip.h>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "croft/v1/tenant.grpc.pb.h"
#include "tools/croftctl/apply.h"
#include "tools/croftctl/apply_plan.h"
#include "tools/croftctl/format.h"
#include "tools/croftctl/list_pages.h"
#include "tools/croftctl/policy_text.h"
#include "tools/croftctl/targets.h"

// The verb that writes the file which declares tenants as they are.
namespace croft::ctl {
namespace {

using Json = nlohmann::ordered_json;

struct ExportArguments {
  std::string owner;
  std::string selector;
};

// As ParseDuration reads it.
std::string ExactDuration(const google::protobuf::Duration& duration) {
  const int64_t milliseconds = absl::ToInt64Milliseconds(FromProto(duration));
  return milliseconds % 1000 == 0 ? absl::StrCat(milliseconds / 1000, "s")
                                  : absl::StrCat(milliseconds, "ms");
}

// As ParseBytes reads it.
std::string ExactBytes(int64_t bytes) {
  const int64_t mebibyte = int64_t{1} << 20;
  return bytes % mebibyte == 0 ? absl::StrCat(bytes / mebibyte, "MiB") : absl::StrCat(bytes);
}

// The fields that can be declared, those that are empty left out.
absl::StatusOr<Json> DeclarationOf(const v1::Tenant& tenant) {
  v1::Tenant fields;
  fields.set_display_name(tenant.display_name());
  *fields.mutable_aliases() = tenant.aliases();
  *fields.mutable_labels() = tenant.labels();
  fields.mutable_labels()->erase(kOwnerLabel);
  if (tenant.has_expire_time()) *fields.mutable_expire_time() = tenant.expire_time();
  if (!tenant.settings().fields().empty()) *fields.mutable_settings() = tenant.settings();
  *fields.mutable_features() = tenant.features();
  if (tenant.has_quota()) fields.mutable_quota()->set_connections(tenant.quota().connections());
  *fields.mutable_backup_policy() = tenant.backup_policy();
  fields.set_delete_protection(tenant.delete_protection());
  *fields.mutable_extensions() = tenant.extensions();
  fields.set_locale(tenant.locale());
  CROFT_ASSIGN_OR_RETURN(Json json, ToJson(fields));
  if (tenant.quota().has_statement_timeout())
    json["quota"]["statementTimeout"] = ExactDuration(tenant.quota().statement_timeout());
  if (tenant.quota().storage_bytes() > 0)
    json["quota"]["storage"] = ExactBytes(tenant.quota().storage_bytes());
  const v1::BackupPolicy& policy = tenant.backup_policy();
  if (policy.has_every()) json["backupPolicy"]["every"] = ExactDuration(policy.every());
  if (policy.has_jitter()) json["backupPolicy"]["jitter"] = ExactDuration(policy.jitter());
  if (policy.has_keep_within()) json["backupPolicy"]["keepWithin"] = ExactDuration(policy.keep_within());
  if (policy.has_prove_every()) json["backupPolicy"]["proveEvery"] = ExactDuration(policy.prove_every());
  if (!policy.off().empty()) json["backupPolicy"]["off"] = Json::array();
  for (const int part : policy.off())
    json["backupPolicy"]["off"].push_back(BackupPartText(static_cast<v1::BackupPart>(part)));
  for (const auto& [key, value] : policy.prove_on()) json["backupPolicy"]["proveOn"][key] = value;
  if (json["backupPolicy"].empty()) json.erase("backupPolicy");
  return json;
}

// One tenant of the file, in lines of `tenants`. The whole as one tree would be slow with many.
std::string YamlLines(const std::string& id, const Json& declaration) {
  std::string lines = YamlText(Json{{id, declaration}});
  absl::string_view text = lines;
  absl::ConsumeSuffix(&text, "\n");
  return absl::StrCat("  ", absl::StrReplaceAll(text, {{"\n", "\n  "}}), "\n");
}

std::string JsonLines(const std::string& id, const Json& declaration) {
  return absl::StrCat("    ", Json(id).dump(), ": ", declaration.dump());
}

// Why a tenant is not exported; empty when it is.
std::string LeftOut(const v1::Tenant& tenant, const std::string& owner) {
  const std::string present = OwnerOf(tenant);
  if (!present.empty() && present != owner) return absl::StrCat("it belongs to ", present);
  return tenant.state() == v1::Tenant::STATE_FAILED ? "it could not be created" : "";
}

absl::Status Export(Session& session, const ExportArguments& arguments) {
  v1::ListTenantsRequest request;
  CROFT_ASSIGN_OR_RETURN(*request.mutable_filter(), TenantFilter(arguments.selector, ""));
  const bool as_json = session.printer.format() == Format::kJson;
  std::string text;
  absl::Status status;
  CROFT_RETURN_IF_ERROR(ForEachListed(session.client, kTenants, request, [&](const v1::Tenant& tenant) {
    const std::string id = LastPart(tenant.name());
    if (const std::string why = LeftOut(tenant, arguments.owner); !why.empty())
      return session.terminal.Say(absl::StrCat(tenant.name(), " is left out: ", why));
    const absl::StatusOr<Json> declaration = DeclarationOf(tenant);
    status.Update(declaration.status());
    if (!declaration.ok()) return;
    if (as_json && !text.empty()) absl::StrAppend(&text, ",\n");
    absl::StrAppend(&text, as_json ? JsonLines(id, *declaration) : YamlLines(id, *declaration));
  }));
  CROFT_RETURN_IF_ERROR(status);
  if (as_json) {
    session.printer.Text(absl::StrCat("{\n  \"owner\": ", Json(arguments.owner).dump(),
                                      ",\n  \"tenants\": {\n", text, text.empty() ? "" : "\n", "  }\n}\n"));
  } else {
    session.printer.Text(absl::StrCat(YamlText(Json{{"owner", arguments.owner}}),
                                      text.empty() ? "tenants: {}\n" : "tenants:\n", text));
  }
  return absl::OkStatus();
}

}  // namespace

void AddExport(Noun& root) {
  auto verb = root.AddVerb<ExportArguments>(
      "export", "Print the file that declares tenants as they are, for apply and diff");
  verb.app.add_option("--owner", verb->owner, "Whose file it is: those of others are left out")->required();
  verb.app.add_option("-l,--selector", verb->selector, "Only those with these labels, such as app=shop");
  verb.Plans(Export);
}

}  // namespace croft::ctl
