// Policies of backups in words.

#include "tools/croftctl/policy_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>

#include "tools/croftctl/values.h"
#include "tools/croftctl/view_parts.h"

namespace croft::ctl {
namespace {

// When backups are made; empty: not by themselves.
std::string TimesText(const v1::BackupPolicy& policy) {
  std::string text;
  if (policy.has_every()) text = absl::StrCat("every ", DurationText(FromProto(policy.every())));
  if (!policy.cron().empty()) text = absl::StrCat("at ", policy.cron());
  if (text.empty()) return text;
  if (!policy.window().empty()) absl::StrAppend(&text, " within ", policy.window());
  if (!policy.time_zone().empty()) absl::StrAppend(&text, " of ", policy.time_zone());
  return text;
}

std::string KeptText(const v1::BackupPolicy& policy) {
  std::vector<std::string> parts;
  if (policy.keep() > 0) parts.push_back(absl::StrCat("the newest ", policy.keep()));
  if (policy.has_keep_within())
    parts.push_back(absl::StrCat("those of ", DurationText(FromProto(policy.keep_within()))));
  const auto add = [&](int32_t count, const char* periods) {
    if (count > 0) parts.push_back(absl::StrCat("one of each of ", count, " ", periods));
  };
  add(policy.keep_daily(), "days");
  add(policy.keep_weekly(), "weeks");
  add(policy.keep_monthly(), "months");
  add(policy.keep_yearly(), "years");
  if (parts.empty()) return "as many are kept as by default";
  return absl::StrCat(absl::StrJoin(parts, ", "), " are kept");
}

// What it says beside times and retention.
void AddOthers(const v1::BackupPolicy& policy, std::vector<std::string>& parts) {
  if (policy.has_prove_every())
    parts.push_back(absl::StrCat("proven every ", DurationText(FromProto(policy.prove_every()))));
  if (!policy.prove_on().empty()) parts.push_back(absl::StrCat("on hosts with ", Pairs(policy.prove_on())));
  if (!policy.copy_to().empty())
    parts.push_back(absl::StrCat("copied to ", absl::StrJoin(policy.copy_to(), " and ")));
  if (!policy.skip_rows().empty())
    parts.push_back(absl::StrCat("without the rows of ", absl::StrJoin(policy.skip_rows(), ", ")));
  for (const int part : policy.off())
    parts.push_back(absl::StrCat(BackupPartText(static_cast<v1::BackupPart>(part)), " off"));
}

bool SaysWhatIsKept(const v1::BackupPolicy& policy) {
  return policy.keep() > 0 || policy.has_keep_within() || policy.keep_daily() > 0 ||
         policy.keep_weekly() > 0 || policy.keep_monthly() > 0 || policy.keep_yearly() > 0;
}

}  // namespace

std::string BackupPartText(v1::BackupPart part) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(NameIn("BACKUP_PART_", part)), {{"_", "-"}});
}

std::string BackupPolicyText(const v1::BackupPolicy& policy) {
  std::vector<std::string> parts;
  if (const std::string times = TimesText(policy); !times.empty()) parts = {times, KeptText(policy)};
  AddOthers(policy, parts);
  return absl::StrJoin(parts, ", ");
}

std::string SharedPolicyText(const v1::BackupPolicy& policy) {
  std::vector<std::string> parts;
  if (std::string times = TimesText(policy); !times.empty()) parts.push_back(std::move(times));
  if (SaysWhatIsKept(policy)) parts.push_back(KeptText(policy));
  AddOthers(policy, parts);
  return absl::StrJoin(parts, ", ");
}

std::string SourcesText(const PolicySources& sources, const std::string& tenant) {
  const bool only_own = std::all_of(sources.begin(), sources.end(),
                                    [&](const auto& source) { return source.name() == tenant; });
  if (only_own) return "";
  return absl::StrJoin(sources, "; ", [&](std::string* out, const v1::BackupPolicyInForce::Source& source) {
    absl::StrAppend(out, BackupPartText(source.part()), ": ",
                    source.name() == tenant ? "its own" : LastPart(source.name()));
  });
}

}  // namespace croft::ctl
