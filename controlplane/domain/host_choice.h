#pragma once

#include <map>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/domain/host.h"

// Room on hosts: who takes the next database, and the account of what is taken.
namespace croft::domain {

struct PlacementRequest {
  std::map<std::string, std::string> labels;  // all of them must be on the host
  int32_t connections = 0;
  std::vector<std::string> stores;      // not empty: the host must reach one of these
  std::string host;                     // not empty: this one or none
  std::vector<std::string> task_kinds;  // the host's agent must know them, where it says what it knows
  // A host that was seen within kBriefly before it fits although its agent is away: agents and the control plane
  // start again now and then, and what is placed waits.
  absl::Time now = absl::InfiniteFuture();
};
inline constexpr absl::Duration kBriefly = absl::Seconds(30);

// The id of the host that fits and has the largest share of its databases free; of equals the first by id. Those that
// are away briefly come after all others.
// FAILED_PRECONDITION, NO_HOST_FITS, with the reasons summed up by kind. `hosts` are ordered by id.
absl::StatusOr<std::string> ChooseHost(const std::vector<Host>& hosts, const PlacementRequest& wanted);

// NO_HOST_FITS: ids of hosts by why they do not.
absl::Status NoneFits(const std::map<std::string, std::vector<std::string>>& misfits);

// Whether the host's agent knows all of `task_kinds`; one that does not say what it knows does.
bool Knows(const Host& host, const std::vector<std::string>& task_kinds);

// Whether the host carries all of `labels`.
bool HasLabels(const Host& host, const std::map<std::string, std::string>& labels);

// Whether the host's agent reports `store`.
bool Reaches(const Host& host, absl::string_view store);

// Id of the store that the host's agent reports under this id or name; empty when there is none.
std::string FindStore(const Host& host, absl::string_view id_or_name);

// The first host by id that reaches `store` and is up, or else one that may come back; empty when there is none.
std::string ChooseStoreHost(const std::vector<Host>& hosts, const std::string& store);

// QUOTA_EXCEEDS_HOST when the tenant's quota rises above what is left of the host's limit. Less, or as much, is never
// refused.
absl::Status CheckRoomForQuota(const Host& host, absl::string_view tenant, int32_t before, int32_t after);

void TakeRoom(Host& host, int32_t connections);
void GiveBackRoom(Host& host, int32_t connections);
// The database stays, and takes other connections than before; none when it is sealed for good.
void ChangeConnections(Host& host, int32_t before, int32_t after);

}  // namespace croft::domain
