// Chooses the host of a new database, and counts what each host has given away.

#include "controlplane/domain/host_choice.h"

#include <algorithm>
#include <optional>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "controlplane/domain/errors.h"

namespace croft::domain {
namespace {

// Of the database's limit, on top of its tenant's quota.
constexpr int32_t kConnectionsForCroft = 8;
constexpr absl::string_view kUnconfirmed = "not compared yet with the restored catalog";

// A tenant needs all that is done in a tenant's life.
std::string MissingRightsOf(const Host& host) {
  std::vector<std::string> rights;
  for (const MissingRight& missing : host.report.missing_rights) {
    if (!missing.task_kinds.empty()) rights.push_back(missing.right);
  }
  return absl::StrJoin(rights, ", ");
}

// What the server allows, less what Croft needs beside a tenant's own connections. The sum of the quotas may exceed it:
// quotas are ceilings, and few tenants are at theirs at once.
bool AllowsConnections(const Host& host, int32_t wanted) {
  const int32_t most = host.report.max_connections;
  return most == 0 || wanted + kConnectionsForCroft <= most;
}

// Why the host does not fit; empty when it does.
std::string RejectReason(const Host& host, const PlacementRequest& wanted) {
  if (!wanted.host.empty() && host.id != wanted.host) return "not the host that was asked for";
  if (!HasLabels(host, wanted.labels)) return "without the labels that were asked for";
  switch (StateOf(host)) {
    case HostState::kExpected: return "not joined yet";
    case HostState::kMissing: return "declared missing";
    case HostState::kIdentityChanged: return "with another PostgreSQL cluster than before";
    case HostState::kUnconfirmed: return std::string(kUnconfirmed);
    case HostState::kAwaited:
    case HostState::kAway:
      if (host.unconfirmed) return std::string(kUnconfirmed);
      if (!host.last_seen_time || wanted.now - *host.last_seen_time > kBriefly) return "away";
      break;
    case HostState::kUp: break;
  }
  if (!host.report.postgres_up) return "with PostgreSQL down";
  if (!Knows(host, wanted.task_kinds)) return "with an agent that is too old for it";
  if (const std::string rights = MissingRightsOf(host); !rights.empty())
    return absl::StrCat("whose agent's role lacks rights: ", rights);
  if (host.cordoned) return "cordoned";
  if (host.databases_reserved >= host.limits.databases) return "full (databases)";
  if (host.limits.connections > 0 &&
      host.connections_reserved + wanted.connections > host.limits.connections) {
    return "full (connections)";
  }
  if (!AllowsConnections(host, wanted.connections)) return "with fewer connections than the tenant's quota";
  if (!host.report.free_bytes_unknown && host.report.free_bytes < host.limits.reserve_bytes)
    return "short of disk";
  if (!wanted.stores.empty() &&
      std::none_of(wanted.stores.begin(), wanted.stores.end(),
                   [&](const std::string& store) { return Reaches(host, store); }))
    return "without reach of the backup's store";
  return "";
}

// Whether `a` is the one of the two that is up, or else has the larger free share, compared without division.
bool Better(const Host& a, const Host& b) {
  if (a.up != b.up) return a.up;
  const int64_t free_a = a.limits.databases - a.databases_reserved;
  const int64_t free_b = b.limits.databases - b.databases_reserved;
  return free_a * b.limits.databases > free_b * a.limits.databases;
}

}  // namespace

absl::Status NoneFits(const std::map<std::string, std::vector<std::string>>& misfits) {
  constexpr size_t kNamed = 3;
  std::vector<std::string> reasons;
  for (const auto& [why, ids] : misfits) {
    const std::vector<std::string> named(ids.begin(), ids.begin() + std::min(kNamed, ids.size()));
    reasons.push_back(absl::StrCat(ids.size(), " ", why, " (", absl::StrJoin(named, ", "),
                                   ids.size() > kNamed ? ", …" : "", ")"));
  }
  return NoHostFits(reasons);
}

absl::StatusOr<std::string> ChooseHost(const std::vector<Host>& hosts, const PlacementRequest& wanted) {
  const Host* best = nullptr;
  std::map<std::string, std::vector<std::string>> misfits;
  for (const Host& host : hosts) {
    const std::string why = RejectReason(host, wanted);
    if (!why.empty()) {
      misfits[why].push_back(host.id);
    } else if (best == nullptr || Better(host, *best)) {
      best = &host;
    }
  }
  if (best == nullptr) return NoneFits(misfits);
  return best->id;
}

bool Knows(const Host& host, const std::vector<std::string>& task_kinds) {
  const std::vector<std::string>& known = host.report.task_kinds;
  return known.empty() || std::all_of(task_kinds.begin(), task_kinds.end(), [&](const std::string& kind) {
           return std::find(known.begin(), known.end(), kind) != known.end();
         });
}

bool HasLabels(const Host& host, const std::map<std::string, std::string>& labels) {
  return std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
    const auto found = host.labels.find(label.first);
    return found != host.labels.end() && found->second == label.second;
  });
}

bool Reaches(const Host& host, absl::string_view store) {
  return std::any_of(host.report.stores.begin(), host.report.stores.end(),
                     [&](const std::string& one) { return one == store; });
}

std::string FindStore(const Host& host, absl::string_view id_or_name) {
  if (Reaches(host, id_or_name)) return std::string(id_or_name);
  for (const auto& [id, name] : host.report.store_names) {
    if (name == id_or_name && Reaches(host, id)) return id;
  }
  return "";
}

std::string ChooseStoreHost(const std::vector<Host>& hosts, const std::string& store) {
  std::string away;
  for (const Host& host : hosts) {
    if (host.missing || !Reaches(host, store)) continue;
    if (StateOf(host) == HostState::kUp) return host.id;
    if (away.empty()) away = host.id;
  }
  return away;
}

absl::Status CheckRoomForQuota(const Host& host, absl::string_view tenant, int32_t before, int32_t after) {
  if (after <= before || host.limits.connections == 0) return absl::OkStatus();
  const int64_t left = int64_t{host.limits.connections} - host.connections_reserved + before;
  return after <= left ? absl::OkStatus()
                       : QuotaExceedsHost(tenant, host.id, after, std::max<int64_t>(left, 0));
}

void TakeRoom(Host& host, int32_t connections) {
  host.databases_reserved += 1;
  host.connections_reserved += connections;
}

void GiveBackRoom(Host& host, int32_t connections) {
  host.databases_reserved = std::max(0, host.databases_reserved - 1);
  host.connections_reserved = std::max(0, host.connections_reserved - connections);
}

void ChangeConnections(Host& host, int32_t before, int32_t after) {
  host.connections_reserved = std::max(0, host.connections_reserved - before + after);
}

}  // namespace croft::domain
