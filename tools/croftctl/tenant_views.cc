// How tenants and placements are shown.

#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include "tools/croftctl/policy_text.h"
#include "tools/croftctl/tenant_usage.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/view_parts.h"
#include "tools/croftctl/views.h"

// How tenants are shown, and where they live.
namespace croft::ctl {
namespace {

std::string FeaturesOf(const v1::Tenant& tenant) {
  std::map<std::string, std::string> features;
  for (const auto& [name, value] : tenant.features()) features[name] = Json(value);
  return Pairs(features);
}

Tone ToneOf(v1::Tenant::State state) {
  switch (state) {
    case v1::Tenant::STATE_READY: return Tone::kGood;
    case v1::Tenant::STATE_FAILED: return Tone::kBad;
    default: return Tone::kUnsure;
  }
}

std::string ConditionTypes(const v1::Tenant& tenant) {
  return absl::StrJoin(tenant.conditions(), ",", [](std::string* out, const v1::Condition& condition) {
    out->append(condition.type());
  });
}

std::string ConditionTexts(const v1::Tenant& tenant) {
  return absl::StrJoin(tenant.conditions(), "; ", [](std::string* out, const v1::Condition& condition) {
    absl::StrAppend(out, condition.type(), ": ", condition.message());
  });
}

std::string Logins(const v1::Tenant& tenant) {
  return absl::StrJoin(tenant.credentials(), ", ", [](std::string* out, const v1::Credential& credential) {
    absl::StrAppend(out, credential.user(), " (", NameIn("ROLE_", credential.role()), ")");
  });
}

std::string Endpoints(const v1::LookupResponse& placement) {
  return absl::StrJoin(placement.endpoints(), ", ", [](std::string* out, const v1::Endpoint& endpoint) {
    absl::StrAppend(out, endpoint.host(), ":", endpoint.port());
  });
}

// Whether it may grow, where that is limited.
std::string GrowthOf(const v1::Tenant& tenant) {
  if (tenant.closed_for_growth()) return "closed";
  return tenant.quota().storage_bytes() > 0 ? "open" : "";
}

std::string KeptDatabases(const v1::Tenant& tenant) {
  return absl::StrJoin(tenant.kept_databases(), "; ", [](std::string* out, const v1::KeptDatabase& kept) {
    absl::StrAppend(out, kept.database(), " on ", LastPart(kept.host()), ", replaced ",
                    When(true, kept.replace_time()), ", dropped ", When(true, kept.expire_time()));
  });
}

std::string LastProof(const v1::Proof& proof) {
  if (!proof.has_time()) return "";
  return absl::StrCat(proof.outcome(), ", backup ", LastPart(proof.backup()), " on ",
                      LastPart(proof.host()), ", ", When(true, proof.time()), " by ", proof.caller());
}

}  // namespace

View ViewOf(const v1::Tenant& tenant) { return ViewOf(tenant, v1::Backup(), v1::TenantUsage()); }

View ViewOf(const v1::Tenant& tenant, const v1::Backup& last_backup, const v1::TenantUsage& usage) {
  return {
      &tenant,
      tenant.name(),
      {{"id", LastPart(tenant.name())},
       {"state", NameIn("STATE_", tenant.state()), ToneOf(tenant.state())},
       {"host", LastPart(tenant.placement().host())},
       {"labels", Pairs(tenant.labels())},
       {"conditions", ConditionTypes(tenant), Tone::kBad},
       {"operation", LastPart(tenant.current_operation())},
       AgeCell("age", tenant.create_time()),
       BytesCell("size", usage.size_bytes(), Shown::kWide),
       BytesCell("storage quota", tenant.quota().storage_bytes(), Shown::kWide),
       Wide("growth", GrowthOf(tenant)),
       Wide("protected", tenant.delete_protection() ? "on" : ""),
       Wide("last backup", LastPart(tenant.last_backup())),
       AgeCell("backup age", last_backup.create_time(), Shown::kWide),
       BytesCell("backup size", last_backup.size_bytes(), Shown::kWide),
       Wide("display name", tenant.display_name()),
       Wide("aliases", Joined(tenant.aliases())),
       Detail("created", When(tenant.has_create_time(), tenant.create_time())),
       Detail("suspended as", tenant.suspend_mode() == v1::SUSPEND_MODE_UNSPECIFIED
                                  ? ""
                                  : NameIn("SUSPEND_MODE_", tenant.suspend_mode())),
       Detail("conditions in full", ConditionTexts(tenant)),
       Detail("database", tenant.placement().database()),
       Detail("generation", OrEmpty(tenant.placement().generation())),
       Detail("logins", Logins(tenant)),
       Detail("connections", OrEmpty(tenant.quota().connections())),
       Detail("statement timeout", tenant.quota().has_statement_timeout()
                                       ? DurationText(FromProto(tenant.quota().statement_timeout()))
                                       : ""),
       Detail("storage grace until", When(tenant.has_storage_grace_time(), tenant.storage_grace_time())),
       Detail("backups", BackupPolicyText(tenant.has_backup_policy_in_force()
                                              ? tenant.backup_policy_in_force().policy()
                                              : tenant.backup_policy())),
       Detail("backups decided by", SourcesText(tenant.backup_policy_in_force().sources(), tenant.name())),
       Detail("last proof", LastProof(tenant.last_proof())),
       Detail("kept to undo a restore", KeptDatabases(tenant)),
       Detail("extensions", Joined(tenant.extensions())),
       Detail("locale", tenant.locale()),
       Detail("settings", tenant.has_settings() ? Json(tenant.settings()) : ""),
       Detail("features", FeaturesOf(tenant)),
       Wide("expires", When(tenant.has_expire_time(), tenant.expire_time())),
       Detail("retired", When(tenant.has_delete_time(), tenant.delete_time())),
       Detail("purges itself", When(tenant.has_purge_time(), tenant.purge_time())),
       Detail("uid", tenant.uid()),
       Detail("etag", tenant.etag())}};
}

View ViewOf(const v1::TenantUsage& usage) {
  const v1::UsageCounts& counts = usage.counts();
  const int64_t written = counts.rows_inserted() + counts.rows_updated() + counts.rows_deleted();
  return {&usage,
          usage.tenant(),
          {{"tenant", LastPart(usage.tenant())},
           {"host", LastPart(usage.host())},
           BytesCell("size", usage.size_bytes()),
           NumberCell("connections", usage.connections()),
           NumberCell("most connections", usage.most_connections()),
           {"per second",
            usage.transactions_per_second() == 0 ? ""
                                                 : absl::StrFormat("%.1f", usage.transactions_per_second()),
            Tone::kPlain, Shown::kAlways, usage.transactions_per_second()},
           NumberCell("transactions", counts.commits() + counts.rollbacks()),
           NumberCell("rows read", counts.rows_returned(), Shown::kWide),
           NumberCell("rows written", written, Shown::kWide),
           Wide("cache hits", CacheHits(counts)),
           BytesCell("temporary", counts.temporary_bytes(), Shown::kWide),
           NumberCell("deadlocks", counts.deadlocks(), Shown::kWide),
           AgeCell("measured", usage.measure_time(), Shown::kWide),
           AgeCell("size measured", usage.size_time(), Shown::kAlone)}};
}

View ViewOf(const v1::LookupResponse& placement) {
  const v1::Endpoint endpoint = placement.endpoints().empty() ? v1::Endpoint() : placement.endpoints(0);
  return {&placement,
          placement.tenant(),
          {{"tenant", LastPart(placement.tenant())},
           {"endpoints", Endpoints(placement)},
           {"database", endpoint.database()},
           {"user", endpoint.user()},
           {"password", placement.password()},
           {"sslmode", placement.sslmode()},
           {"generation", OrEmpty(placement.placement_generation())},
           {"settings", placement.has_settings() ? Json(placement.settings()) : ""},
           {"usable for", DurationText(FromProto(placement.ttl()))},
           {"growth", placement.closed_for_growth() ? "closed" : ""},
           {"uid", placement.uid()}}};
}

}  // namespace croft::ctl
