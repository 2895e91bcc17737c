// The flags of backup policies.

#include "tools/croftctl/policy_flags.h"

#include <absl/status/statusor.h>
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

// The parts that --backup-off names.
absl::StatusOr<std::vector<v1::BackupPart>> PartsOf(const std::vector<std::string>& given) {
  std::vector<v1::BackupPart> parts;
  if (given == std::vector<std::string>{"none"}) return parts;
  for (const std::string& names : given) {
    for (const absl::string_view name : absl::StrSplit(names, ',')) {
      CROFT_ASSIGN_OR_RETURN(parts.emplace_back(),
                             ParseEnum<v1::BackupPart>("BACKUP_PART_", name, "--backup-off"));
    }
  }
  return parts;
}

}  // namespace

CLI::Option* AddEach(CLI::App& verb, const std::string& name, std::vector<std::string>& values,
                     const std::string& description) {
  return verb.add_option(name, values, description)->allow_extra_args(false);
}

void PolicyFlags::AddTo(CLI::App& verb) {
  auto* by_interval = verb.add_option("--backup-every", every,
                                      "Back up by itself this often, such as 6h; 0 to say so no more");
  verb.add_option(
          "--backup-cron", cron,
          "Back up by itself at these times, such as \"30 2 * * 1-5\": minute, hour, day of the month, "
          "month, day of the week; off to say so no more")
      ->excludes(by_interval);
  verb.add_option("--backup-time-zone", time_zone,
                  "Zone of --backup-cron, --backup-window and --keep-daily to --keep-yearly, such as "
                  "Europe/Berlin; the default is UTC");
  verb.add_option("--backup-window", window,
                  "Part of the day in which scheduled backups begin, such as 22:00-05:00; off for all day");
  verb.add_option("--backup-jitter", jitter,
                  "Spread tenants with the same --backup-cron over this time; the default is 10m");
  verb.add_option("--prove-every", prove_every,
                  "Prove the newest backup by itself this often, such as 7d; 0 to say so no more");
  verb.add_option(
      "--copy-to", copy_to,
      "Further stores that each backup is copied to, by name or id, several with commas; 0 to name none");
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
  AddEach(verb, "--backup-off", off,
          "Parts that are off here, whatever a shared policy says: schedule, retention, proofs, "
          "proof-hosts, copies, skipped-rows; several with commas; none for no part");
}

std::vector<std::string> PolicyFlags::Fields() const {
  std::vector<std::string> fields;
  const auto add = [&](bool given, const char* field) {
    if (given) fields.emplace_back(field);
  };
  add(!every.empty(), "every");
  add(!cron.empty(), "cron");
  add(!time_zone.empty(), "time_zone");
  add(!window.empty(), "window");
  add(!jitter.empty(), "jitter");
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
  add(!off.empty(), "off");
  return fields;
}

absl::Status PolicyFlags::Fill(v1::BackupPolicy& policy) const {
  const auto fill = [](const std::string& text, const char* flag, auto mutable_field) -> absl::Status {
    if (text.empty()) return absl::OkStatus();
    CROFT_ASSIGN_OR_RETURN(const absl::Duration span, ParseDuration(text, flag));
    *mutable_field() = ToProto(span);
    return absl::OkStatus();
  };
  CROFT_RETURN_IF_ERROR(fill(every, "--backup-every", [&] { return policy.mutable_every(); }));
  CROFT_RETURN_IF_ERROR(fill(jitter, "--backup-jitter", [&] { return policy.mutable_jitter(); }));
  CROFT_RETURN_IF_ERROR(fill(prove_every, "--prove-every", [&] { return policy.mutable_prove_every(); }));
  CROFT_RETURN_IF_ERROR(fill(keep_within, "--keep-within", [&] { return policy.mutable_keep_within(); }));
  policy.set_cron(OrNone(cron));
  policy.set_time_zone(time_zone);
  policy.set_window(OrNone(window));
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
  CROFT_ASSIGN_OR_RETURN(const std::vector<v1::BackupPart> parts, PartsOf(off));
  for (const v1::BackupPart part : parts) policy.add_off(part);
  if (prove_on == std::vector<std::string>{"none"}) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(const Labels hosts, ParseLabels(prove_on, "--prove-on"));
  for (const auto& [key, value] : hosts) (*policy.mutable_prove_on())[key] = value;
  return absl::OkStatus();
}

}  // namespace croft::ctl
