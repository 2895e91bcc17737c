// Decides what of the figures an operator should look at.

#include "controlplane/metrics/attention.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/string_view.h>

namespace croft::metrics {
namespace {

using domain::Attention;

constexpr absl::Duration kEventWaits = absl::Seconds(10);
constexpr int64_t kLeastFreeCatalogBytes = int64_t{1} << 30;
constexpr absl::Duration kCopyIsOld = absl::Hours(3);
constexpr absl::Duration kCertificateEnds = absl::Hours(24 * 14);
constexpr absl::Duration kOperationWaits = absl::Minutes(15);
constexpr absl::Duration kOperationIsStuck = absl::Hours(6);
constexpr absl::Duration kDataAtRisk = absl::Hours(26);
constexpr absl::Duration kProofIsOld = absl::Hours(24 * 8);
constexpr absl::Duration kWatcherIsBehind = absl::Minutes(1);

// The first minor version of a major without the hole CVE-2025-1094: text that libpq calls escaped could end a quotation.
struct FirstSafe {
  int major;
  int minor;
};
constexpr FirstSafe kFirstSafe[] = {{15, 11}, {16, 7}, {17, 3}};

// "90 seconds", "5 hours": the largest unit of which there are at least two.
std::string Rough(absl::Duration time) {
  if (time >= absl::Hours(48)) return absl::StrCat(time / absl::Hours(24), " days");
  if (time >= absl::Hours(2)) return absl::StrCat(time / absl::Hours(1), " hours");
  if (time >= absl::Minutes(2)) return absl::StrCat(time / absl::Minutes(1), " minutes");
  return absl::StrCat(time / absl::Seconds(1), " seconds");
}

std::string Counted(int64_t count, absl::string_view one, absl::string_view many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

bool Older(const std::optional<absl::Time>& since, absl::Time now, absl::Duration most) {
  return since && now - *since > most;
}

class List {
 public:
  void Add(std::string subject, std::string message, std::string remedy) {
    all_.push_back({std::move(subject), std::move(message), std::move(remedy)});
  }
  std::vector<Attention> Take() { return std::move(all_); }

 private:
  std::vector<Attention> all_;
};

void CheckCatalog(const Figures& figures, List& list) {
  if (Older(figures.event_waiting_since, figures.now, kEventWaits)) {
    list.Add("catalog",
             absl::StrCat("has not been written for ", Rough(figures.now - *figures.event_waiting_since),
                          " while ", Counted(figures.events_waiting, "event waits", "events wait")),
             "look at its disk (iostat -x) and at croftd's log");
  }
  if (figures.disk_free_bytes < kLeastFreeCatalogBytes) {
    list.Add("catalog", absl::StrCat("its disk has ", figures.disk_free_bytes >> 20, " MiB left"),
             "free some room: croftd stops when it cannot write");
  }
  const absl::Time copied = figures.newest_copy.value_or(figures.start_time);
  if (figures.now - copied > kCopyIsOld) {
    list.Add("catalog copies",
             figures.newest_copy ? absl::StrCat("the newest is ", Rough(figures.now - copied),
                                                " old; one is made each hour")
                                 : std::string("there is none; one is made each hour"),
             "croftd's log says why; croftctl admin backup-catalog FILE makes one now");
  }
  for (const CertificateFigures& certificate : figures.certificates) {
    const absl::Duration left = certificate.expire_time - figures.now;
    if (left > kCertificateEnds) continue;
    list.Add(absl::StrCat("certificate ", certificate.name),
             left > absl::ZeroDuration() ? absl::StrCat("ends in ", Rough(left)) : std::string("has ended"),
             "replace it; docs/security.md says how for each");
  }
}

// The minor version that the server should have at least, if it has an older one.
std::optional<FirstSafe> SaferThan(const std::string& version) {
  const std::vector<absl::string_view> parts = absl::StrSplit(version.substr(0, version.find(' ')), '.');
  int major = 0, minor = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &major) || !absl::SimpleAtoi(parts[1], &minor)) {
    return std::nullopt;
  }
  for (const FirstSafe& safe : kFirstSafe) {
    if (safe.major == major && minor < safe.minor) return safe;
  }
  return std::nullopt;
}

void CheckServer(const domain::Host& host, const std::string& subject, List& list) {
  const domain::HostReport& report = host.report;
  if (!report.postgres_up) {
    list.Add(subject, absl::StrCat("its agent is up but its PostgreSQL is not: ", report.problem),
             "look at the log of its agent and at its PostgreSQL's");
    return;
  }
  if (!report.problem.empty()) {
    list.Add(subject, report.problem, "fix it, or whatever needs it there may be refused");
  }
  if (!report.missing_rights.empty()) {
    list.Add(subject,
             absl::StrCat("its agent's role lacks ",
                          Counted(static_cast<int64_t>(report.missing_rights.size()), "right", "rights")),
             "croftctl doctor names each, and the statement that grants it");
  }
  if (!report.free_bytes_unknown && report.free_bytes < host.limits.reserve_bytes) {
    list.Add(subject,
             absl::StrCat("its disk has ", report.free_bytes >> 20, " MiB left, less than its reserve"),
             "make its disk larger, or move data away; it takes no new tenants");
  }
  if (const auto safe = SaferThan(report.postgres_version)) {
    list.Add(subject,
             absl::StrCat("PostgreSQL ", report.postgres_version, " has a known hole (CVE-2025-1094)"),
             absl::StrCat("install ", safe->major, ".", safe->minor, " or later"));
  }
}

void CheckHosts(const Figures& figures, List& list) {
  for (const HostFigures& one : figures.hosts) {
    const std::string subject = absl::StrCat("host ", one.host.id);
    switch (domain::StateOf(one.host)) {
      case domain::HostState::kAway: {
        const std::optional<absl::Time> heard = one.last_heard ? one.last_heard : one.host.last_seen_time;
        list.Add(subject,
                 heard ? absl::StrCat("has been away for ", Rough(figures.now - *heard))
                       : std::string("is away"),
                 "look at its agent and the network between; if it will never come back, croftctl host "
                 "accept-missing");
        break;
      }
      case domain::HostState::kIdentityChanged:
        list.Add(subject, "its PostgreSQL is another cluster than before",
                 absl::StrCat("find out why; then croftctl host accept-identity ", one.host.id));
        break;
      case domain::HostState::kUnconfirmed:
      case domain::HostState::kUp: CheckServer(one.host, subject, list); break;
      case domain::HostState::kMissing:
      case domain::HostState::kExpected:
      case domain::HostState::kAwaited: break;
    }
  }
}

void CheckWork(const Figures& figures, List& list) {
  const OperationFigures& operations = figures.operations;
  if (Older(operations.waiting_since, figures.now, kOperationWaits)) {
    list.Add("operations",
             absl::StrCat(Counted(operations.waiting, "waits", "wait"), " for a host, the first for ",
                          Rough(figures.now - *operations.waiting_since)),
             "croftctl op list --running shows them, and what each waits for");
  }
  if (Older(operations.running_since, figures.now, kOperationIsStuck)) {
    list.Add("operations",
             absl::StrCat("the oldest has run for ", Rough(figures.now - *operations.running_since)),
             "croftctl op list --running; croftctl op describe has its step and last error");
  }
  if (!figures.late_schedules.empty()) {
    const domain::Schedule& first = figures.late_schedules.front();
    list.Add(
        "schedules",
        absl::StrCat(Counted(static_cast<int64_t>(figures.late_schedules.size()), "is late", "are late"),
                     ": ", domain::NameOf(first.key.kind), " ", first.key.resource,
                     first.refusals > 0
                         ? absl::StrCat(" was refused ", first.refusals, " times: ", first.refusal_message)
                         : std::string()),
        "fix what it names; each is tried again by itself");
  }
  const auto failed = figures.tenants.find(domain::TenantState::kFailed);
  if (failed != figures.tenants.end() && failed->second > 0) {
    list.Add("tenants", Counted(failed->second, "is FAILED", "are FAILED"),
             "croftctl tenant list --filter 'state = FAILED'; croftctl tenant describe says why");
  }
  if (Older(figures.watcher_behind_since, figures.now, kWatcherIsBehind)) {
    list.Add("subscribers",
             absl::StrCat("the slowest is ", Rough(figures.now - *figures.watcher_behind_since), " behind"),
             "look for an application that has stopped reading its watch of placements");
  }
}

void CheckBackups(const Figures& figures, List& list) {
  if (!figures.backups) return;
  const BackupFigures& backups = *figures.backups;
  if (Older(backups.oldest_restorable, figures.now, kDataAtRisk)) {
    list.Add("backups",
             absl::StrCat("the tenant that is worst off would lose ",
                          Rough(figures.now - *backups.oldest_restorable), " now; ",
                          Counted(backups.tenants_without_backup, "tenant has", "tenants have"), " none"),
             "croftctl tenant list -o wide shows each one's last; croftctl backup create makes one");
  }
  if (Older(backups.oldest_proven, figures.now, kProofIsOld)) {
    list.Add(
        "backups",
        absl::StrCat("a tenant's last proven one is ", Rough(figures.now - *backups.oldest_proven), " old"),
        "croftctl backup verify TENANT latest proves one");
  }
  if (backups.failed_copies > 0) {
    list.Add(
        "backups",
        absl::StrCat(Counted(backups.failed_copies, "copy in a further store has failed",
                             "copies in further stores have failed")),
        "croftctl backup list -o wide shows which, croftctl backup get why; each is tried again by itself");
  }
  for (const domain::BackupState state :
       {domain::BackupState::kDamaged, domain::BackupState::kIncomplete}) {
    const auto stored = backups.stored.find(state);
    if (stored == backups.stored.end() || stored->second == 0) continue;
    list.Add("backups", absl::StrCat(Counted(stored->second, "is ", "are "), domain::NameOf(state)),
             "croftctl backup list shows which; make a new one, and delete this when that is proven");
  }
}

}  // namespace

std::vector<Attention> WhatNeedsAttention(const Figures& figures) {
  List list;
  CheckCatalog(figures, list);
  CheckHosts(figures, list);
  CheckBackups(figures, list);
  CheckWork(figures, list);
  return list.Take();
}

}  // namespace croft::metrics
