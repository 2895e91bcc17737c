// The flags that create and update share.

#include "tools/croftctl/tenant_flags.h"

#include <absl/strings/str_split.h>
#include <absl/strings/string_view.h>

#include "common/errors.h"
#include "tools/croftctl/table_patterns.h"
#include "tools/croftctl/values.h"

namespace croft::ctl {
namespace {

// As a value of --copy-to. No store can be called so.
constexpr char kNoStores[] = "0";

// What a flag that can be switched off says.
std::string OrNone(const std::string& text) { return text == "off" ? "" : text; }

}  // namespace

CLI::Option* AddEach(CLI::App& verb, const std::string& name, std::vector<std::string>& values,
                     const std::string& description) {
  return verb.add_option(name, values, description)->allow_extra_args(false);
}

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
  AddBackupPolicyTo(verb);
  verb.add_option("--delete-protection", delete_protection,
                  "on: refuse to retire, purge or expire it; off: allow that again")
      ->check(CLI::IsMember({"on", "off"}));
}

void TenantFlags::AddBackupPolicyTo(CLI::App& verb) {
  auto* every = verb.add_option("--backup-every", backup_every,
                                "Back up by itself this often, such as 6h; 0 for never again");
  verb.add_option(
          "--backup-cron", backup_cron,
          "Back up by itself at these times, such as \"30 2 * * 1-5\": minute, hour, day of the month, "
          "month, day of the week; off for never again")
      ->excludes(every);
  verb.add_option("--backup-time-zone", backup_time_zone,
                  "Zone of --backup-cron, --backup-window and --keep-daily to --keep-yearly, such as "
                  "Europe/Berlin; the default is UTC");
  verb.add_option("--backup-window", backup_window,
                  "Part of the day in which scheduled backups begin, such as 22:00-05:00; off for all day");
  verb.add_option("--backup-jitter", backup_jitter,
                  "Spread tenants with the same --backup-cron over this time; the default is 10m");
  verb.add_option("--prove-every", prove_every,
                  "Prove the newest backup by itself this often, such as 7d; 0 for never again");
  verb.add_option(
      "--copy-to", copy_to,
      "Further stores that each backup is copied to, by name or id, several with commas; 0 for none");
  AddEach(
      verb, "--prove-on", prove_on,
      "Prove on hosts with these labels, such as role=proof, rather than on its own; none for any host");
  verb.add_option("--keep", keep,
                  "Keep the newest so many scheduled backups; the default is 7, or 1 beside another --keep")
      ->check(CLI::PositiveNumber);
  verb.add_option("--keep-within", keep_within,
                  "Keep also those that are not older than this, such as 30d; 0 for none");
  const auto add = [&](const char* name, std::optional<int>& count, const char* help) {
    verb.add_option(name, count, help)->check(CLI::NonNegativeNumber);
  };
  add("--keep-daily", keep_daily, "Keep also the newest of each of so many days that have one; 0 for none");
  add("--keep-weekly", keep_weekly, "The same of weeks, from Monday on");
  add("--keep-monthly", keep_monthly, "The same of months");
  add("--keep-yearly", keep_yearly, "The same of years");
  AddEach(verb, "--backup-skip-rows", skip_rows,
          "Leave the rows of such tables out of backups: public.jobs, cache.*; several with commas; may be "
          "repeated");
}

std::vector<std::string> TenantFlags::BackupPolicyFields() const {
  std::vector<std::string> fields;
  const auto add = [&](bool given, const char* field) {
    if (given) fields.emplace_back(field);
  };
  add(!backup_every.empty(), "every");
  add(!backup_cron.empty(), "cron");
  add(!backup_time_zone.empty(), "time_zone");
  add(!backup_window.empty(), "window");
  add(!backup_jitter.empty(), "jitter");
  add(!prove_every.empty(), "prove_every");
  add(!prove_on.empty(), "prove_on");
  add(!copy_to.empty(), "copy_to");
  add(!skip_rows.empty(), "skip_rows");
  add(keep != 0, "keep");
  add(!keep_within.empty(), "keep_within");
  add(keep_daily.has_value(), "keep_daily");
  add(keep_weekly.has_value(), "keep_weekly");
  add(keep_monthly.has_value(), "keep_monthly");
  add(keep_yearly.has_value(), "keep_yearly");
  return fields;
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
  if (!BackupPolicyFields().empty())
    CROFT_RETURN_IF_ERROR(FillBackupPolicy(*tenant.mutable_backup_policy()));
  return HasQuota() || !storage.empty() ? FillQuota(*tenant.mutable_quota()) : absl::OkStatus();
}

absl::Status TenantFlags::FillBackupPolicy(v1::BackupPolicy& policy) const {
  const auto fill = [](const std::string& text, const char* flag, auto mutable_field) -> absl::Status {
    if (text.empty()) return absl::OkStatus();
    CROFT_ASSIGN_OR_RETURN(const absl::Duration span, ParseDuration(text, flag));
    *mutable_field() = ToProto(span);
    return absl::OkStatus();
  };
  CROFT_RETURN_IF_ERROR(fill(backup_every, "--backup-every", [&] { return policy.mutable_every(); }));
  CROFT_RETURN_IF_ERROR(fill(backup_jitter, "--backup-jitter", [&] { return policy.mutable_jitter(); }));
  CROFT_RETURN_IF_ERROR(fill(prove_every, "--prove-every", [&] { return policy.mutable_prove_every(); }));
  CROFT_RETURN_IF_ERROR(fill(keep_within, "--keep-within", [&] { return policy.mutable_keep_within(); }));
  policy.set_cron(OrNone(backup_cron));
  policy.set_time_zone(backup_time_zone);
  policy.set_window(OrNone(backup_window));
  policy.set_keep(keep);
  policy.set_keep_daily(keep_daily.value_or(0));
  policy.set_keep_weekly(keep_weekly.value_or(0));
  policy.set_keep_monthly(keep_monthly.value_or(0));
  policy.set_keep_yearly(keep_yearly.value_or(0));
  if (!copy_to.empty() && copy_to != kNoStores) {
    for (const absl::string_view store : absl::StrSplit(copy_to, ','))
      policy.add_copy_to(std::string(store));
  }
  const std::vector<std::string> patterns = SplitPatterns(skip_rows);
  policy.mutable_skip_rows()->Assign(patterns.begin(), patterns.end());
  if (prove_on == std::vector<std::string>{"none"}) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(const Labels hosts, ParseLabels(prove_on, "--prove-on"));
  for (const auto& [key, value] : hosts) (*policy.mutable_prove_on())[key] = value;
  return absl::OkStatus();
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
