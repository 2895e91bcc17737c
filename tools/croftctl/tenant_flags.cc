// The flags that create and update share.

#include "tools/croftctl/tenant_flags.h"

#include "common/errors.h"
#include "tools/croftctl/values.h"

namespace croft::ctl {
void TenantFlags::AddTo(CLI::App& verb, const std::string& aliases_help) {
  verb.add_option("--display-name", display_name, "Name for people");
  AddEach(verb, "--alias", aliases, aliases_help);
  AddEach(verb, "--labels", labels, "key=value, several with commas; may be repeated");
  AddEach(verb, "--set", settings, "key=JSON for the application's settings; may be repeated");
  AddEach(verb, "--feature", features, "name=value for a feature flag; may be repeated");
  auto* in =
      verb.add_option("--expire-in", expire_in, "Retire and purge by itself after this time, such as 4h");
  verb.add_option("--expire-time", expire_time, "The same at this time, such as 2030-01-31T18:00:00Z")
      ->excludes(in);
  verb.add_option("--connections", connections, "Most connections at a time")->check(CLI::PositiveNumber);
  verb.add_option("--statement-timeout", statement_timeout, "Longest statement, such as 30s");
  verb.add_option("--storage", storage,
                  "Size at which the database takes no new rows, such as 10GiB; 0 for none");
  backups.AddTo(verb);
  verb.add_option("--delete-protection", delete_protection,
                  "on: refuse to retire, purge or expire it; off: allow that again")
      ->check(CLI::IsMember({"on", "off"}));
}

absl::StatusOr<std::optional<absl::Time>> TenantFlags::ExpireTime(absl::Time now) const {
  if (!expire_in.empty()) {
    CROFT_ASSIGN_OR_RETURN(const absl::Duration life, ParseDuration(expire_in, "--expire-in"));
    return now + life;
  }
  if (expire_time.empty()) return std::nullopt;
  CROFT_ASSIGN_OR_RETURN(const absl::Time time, ParseTime(expire_time, "--expire-time"));
  return time;
}

absl::Status TenantFlags::Fill(v1::Tenant& tenant, absl::Time now) const {
  if (!display_name.empty()) tenant.set_display_name(display_name);
  if (!aliases.empty()) tenant.mutable_aliases()->Assign(aliases.begin(), aliases.end());
  CROFT_ASSIGN_OR_RETURN(const Labels new_labels, ParseLabels(labels, "--labels"));
  for (const auto& [key, value] : new_labels) (*tenant.mutable_labels())[key] = value;
  CROFT_ASSIGN_OR_RETURN(const google::protobuf::Struct new_settings, ParseSettings(settings, "--set"));
  for (const auto& [key, value] : new_settings.fields())
    (*tenant.mutable_settings()->mutable_fields())[key] = value;
  CROFT_ASSIGN_OR_RETURN(const Features new_features, ParseFeatures(features, "--feature"));
  for (const auto& [name, value] : new_features) (*tenant.mutable_features())[name] = value;
  CROFT_ASSIGN_OR_RETURN(const std::optional<absl::Time> end, ExpireTime(now));
  if (end) *tenant.mutable_expire_time() = ToProto(*end);
  tenant.set_delete_protection(delete_protection == "on");
  if (!backups.Fields().empty()) CROFT_RETURN_IF_ERROR(backups.Fill(*tenant.mutable_backup_policy()));
  return HasQuota() || !storage.empty() ? FillQuota(*tenant.mutable_quota()) : absl::OkStatus();
}

absl::Status TenantFlags::FillQuota(v1::Quota& quota) const {
  if (connections != 0) quota.set_connections(connections);
  if (!statement_timeout.empty()) {
    CROFT_ASSIGN_OR_RETURN(const absl::Duration longest,
                           ParseDuration(statement_timeout, "--statement-timeout"));
    *quota.mutable_statement_timeout() = ToProto(longest);
  }
  if (!storage.empty()) {
    CROFT_ASSIGN_OR_RETURN(const int64_t bytes, ParseBytes(storage, "--storage"));
    quota.set_storage_bytes(bytes);
  }
  return absl::OkStatus();
}

}  // namespace croft::ctl
