// Collects the parts of inventories until they are complete.

#include "controlplane/fleet/inventories.h"

#include <optional>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "controlplane/fleet/messages.h"

namespace croft::fleet {
namespace {

// No operation's id has an underscore.
constexpr char kPrefix[] = "inventory_";

}  // namespace

bool CanBeAsked(const domain::Host& host) {
  const domain::HostState state = domain::StateOf(host);
  return state == domain::HostState::kUp || state == domain::HostState::kUnconfirmed;
}

std::string Inventories::Begin(const std::string& host, StoredCallback on_stored, InventoryCallback told) {
  const MutexLock lock(mutex_);
  std::string name = absl::StrCat(kPrefix, ++last_);
  pending_.emplace(
      name, Pending{.found = {.host = host}, .on_stored = std::move(on_stored), .told = std::move(told)});
  return name;
}

void Inventories::OnPart(const std::string& host, const v1::Inventory& part) {
  StoredCallback on_stored;
  std::vector<domain::FoundBackup> backups;
  std::vector<domain::FoundKey> keys;
  {
    const MutexLock lock(mutex_);
    const auto found = pending_.find(part.fencing().operation());
    if (found == pending_.end() || found->second.found.host != host) return;
    domain::Inventory& inventory = found->second.found;
    ReadInventory(part, inventory);
    if (!found->second.on_stored) return;
    on_stored = found->second.on_stored;
    backups = std::exchange(inventory.backups, {});
    keys = std::exchange(inventory.keys, {});
  }
  if (!backups.empty() || !keys.empty()) on_stored(std::move(backups), std::move(keys));
}

bool Inventories::OnResult(const std::string& host, const v1::TaskResult& result) {
  const std::string& name = result.fencing().operation();
  if (!absl::StartsWith(name, kPrefix)) return false;
  std::optional<Pending> ended;
  {
    const MutexLock lock(mutex_);
    const auto found = pending_.find(name);
    if (found == pending_.end() || found->second.found.host != host) return true;
    ended = std::move(found->second);
    pending_.erase(found);
  }
  if (result.has_error()) {
    ended->told(MakeError(absl::StatusCode::kUnavailable, result.error().message(),
                          {.reason = result.error().reason()}));
  } else {
    ended->told(std::move(ended->found));
  }
  return true;
}

void Inventories::Fail(const std::string& host, const absl::Status& why) {
  std::vector<InventoryCallback> ended;
  {
    const MutexLock lock(mutex_);
    for (auto it = pending_.begin(); it != pending_.end();) {
      if (it->second.found.host != host) {
        ++it;
        continue;
      }
      ended.push_back(std::move(it->second.told));
      it = pending_.erase(it);
    }
  }
  for (const InventoryCallback& told : ended) told(why);
}

}  // namespace croft::fleet
