// Words of the report on backups and their proofs.

#include "controlplane/domain/backup_report.h"

#include <algorithm>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/names.h"

namespace croft::domain {
namespace {

std::string Time(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string Span(absl::Duration duration) {
  return absl::FormatDuration(absl::Trunc(duration, absl::Seconds(1)));
}

std::string Age(absl::Time time, absl::Time now) {
  return absl::StrCat(Time(time), ", ", Span(std::max(now - time, absl::ZeroDuration())), " old");
}

// Where one part comes from, unless the tenant says it itself.
std::string SourceOf(const PolicyInForce& policy, BackupPart part, const Tenant& tenant) {
  const auto source = policy.sources.find(part);
  if (source == policy.sources.end() || source->second == TenantName(tenant.id)) return "";
  return absl::StrCat(" (", source->second, ")");
}

std::string PolicyOf(const Tenant& tenant, const PolicyInForce& policy) {
  const BackupRules& rules = policy.rules;
  std::vector<std::string> parts;
  const auto add = [&](BackupPart part, absl::string_view words) {
    parts.push_back(absl::StrCat(words, SourceOf(policy, part, tenant)));
  };
  if (rules.backup_every > absl::ZeroDuration())
    add(BackupPart::kSchedule, absl::StrCat("backup every ", Span(rules.backup_every)));
  if (!rules.backup_times.cron.empty()) {
    const std::string& zone = rules.backup_times.time_zone;
    add(BackupPart::kSchedule,
        absl::StrCat("backup at ", rules.backup_times.cron, " ", zone.empty() ? "UTC" : zone));
  }
  if (rules.prove_every > absl::ZeroDuration())
    add(BackupPart::kProofs, absl::StrCat("proof every ", Span(rules.prove_every)));
  if (!rules.prove_on.empty()) {
    add(BackupPart::kProofHosts,
        absl::StrCat("proof on hosts with ", absl::StrJoin(rules.prove_on, ",", absl::PairFormatter("="))));
  }
  return parts.empty() ? "none" : absl::StrJoin(parts, ", ");
}

void Earliest(absl::Time time, std::optional<absl::Time>& earliest) {
  earliest = std::min(time, earliest.value_or(time));
}

std::string AgeOf(const std::optional<absl::Time>& time, absl::Time now) {
  return time ? Age(*time, now) : "none";
}

}  // namespace

std::string BackupReport::Head(absl::Time now, const std::string& caller, const std::string& filter) {
  // One line, whatever it is: a line of its own could pass for one of the report's.
  const std::string which = filter.empty() ? "all that the caller may see"
                                           : absl::StrCat("those of them that the caller may see with ",
                                                          absl::Utf8SafeCEscape(filter));
  return absl::StrCat("croft backup report\nbegun ", Time(now), "\nasked for by ", caller,
                      "\ntenants: ", which, "\n");
}

std::string BackupReport::Lines(const Tenant& tenant, const PolicyInForce& policy,
                                const std::vector<Backup>& backups, absl::Time now) {
  tenants_ += 1;
  std::string lines =
      absl::StrCat("\ntenant ", TenantName(tenant.id), ", uid ", tenant.uid, ", ", NameOf(tenant.state),
                   "\npolicy: ", PolicyOf(tenant, policy), "\nnewest backup: ");
  const auto newest = std::find_if(backups.begin(), backups.end(), Usable);
  if (newest == backups.end()) {
    absl::StrAppend(&lines, "none\n");
  } else {
    with_backup_ += 1;
    Earliest(newest->create_time, oldest_backup_);
    absl::StrAppend(&lines, newest->id, ", ", NameOf(newest->origin), ", ", NameOf(newest->state),
                    ", made ", Age(newest->create_time, now), "\n");
  }
  const Proof& proof = tenant.last_proof;
  if (!proof.time) return absl::StrCat(lines, "last proof: none\n");
  (Passed(proof) ? passed_ : failed_) += 1;
  if (Passed(proof)) Earliest(*proof.time, oldest_proof_);
  absl::StrAppend(&lines, "last proof: ", absl::Utf8SafeCEscape(proof.outcome), ", backup ", proof.backup,
                  ", on ", HostName(proof.host), ", by ", proof.caller, ", ", Age(*proof.time, now), "\n");
  return lines;
}

std::string BackupReport::Totals(absl::Time now) const {
  return absl::StrCat("\ntenants: ", tenants_, "\nwith a usable backup: ", with_backup_,
                      "\nwith none: ", tenants_ - with_backup_, "\nlast proof passed: ", passed_,
                      "\nlast proof failed: ", failed_, "\nnever proven: ", tenants_ - passed_ - failed_,
                      "\noldest newest backup: ", AgeOf(oldest_backup_, now),
                      "\noldest last proof that passed: ", AgeOf(oldest_proof_, now), "\nended ", Time(now),
                      "\n");
}

}  // namespace croft::domain
