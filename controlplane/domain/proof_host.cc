// Chooses the hosts that prove a backup.

#include "controlplane/domain/proof_host.h"

#include <map>

#include <absl/strings/numbers.h>
#include <absl/strings/string_view.h>

#include "controlplane/domain/host_choice.h"
#include "controlplane/domain/task.h"

namespace croft::domain {
namespace {

// 15 of "15.20"; 0 for what is no version.
int MajorOf(absl::string_view version) {
  int major = 0;
  return absl::SimpleAtoi(version.substr(0, version.find_first_not_of("0123456789")), &major) ? major : 0;
}

// Why the host cannot prove it; empty when it can.
std::string WhyNot(const Host& host, const PolicyInForce& policy, const Backup& backup,
                   const std::string& store) {
  if (!HasLabels(host, policy.rules.prove_on)) return "without the labels of prove_on";
  if (StateOf(host) != HostState::kUp) return "not up";
  if (!host.report.postgres_up) return "with PostgreSQL down";
  if (!Reaches(host, store)) return "without reach of the backup's store";
  if (!Knows(host, {std::string(NameOf(TaskKind::kVerify))})) return "with an agent that is too old for it";
  const int major = MajorOf(host.report.postgres_version);
  if (major != 0 && major < MajorOf(backup.server_version))
    return "with an older PostgreSQL than the backup's";
  return "";
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ProofHosts(const std::vector<Host>& hosts, const Tenant& tenant,
                                                    const PolicyInForce& policy, const Backup& backup,
                                                    const std::string& store) {
  std::vector<std::string> fitting;
  std::string home;
  std::map<std::string, std::vector<std::string>> misfits;
  for (const Host& host : hosts) {
    const std::string why = WhyNot(host, policy, backup, store);
    if (!why.empty()) {
      misfits[why].push_back(host.id);
    } else if (host.id == tenant.placement.host) {
      home = host.id;
    } else {
      fitting.push_back(host.id);
    }
  }
  if (!fitting.empty()) return fitting;
  if (!home.empty()) return std::vector<std::string>{home};
  return NoneFits(misfits);
}

}  // namespace croft::domain
