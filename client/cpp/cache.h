#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <absl/status/status.h>

#include "croft/placement.h"

// What a locator knows of its tenants.
namespace croft::client {

using TimePoint = std::chrono::steady_clock::time_point;

// What is known of a tenant: where it lives, or why the control plane refuses it.
struct Knowledge {
  std::shared_ptr<const Placement> placement;  // the last one, also while refused
  absl::Status refusal;                        // OK: `placement` holds
  int64_t generation = 0;
  int64_t epoch = 0;
  int64_t revision = 0;
  TimePoint confirmed;  // when the control plane last said so; the epoch's start for one from a snapshot
  TimePoint mentioned;  // when it last said anything of the tenant, believed or not
};

// Tenants by id and alias. Never goes back: what is older than what is known is dropped. Thread-safe; reading
// holds one shard's lock for a copy: readers that share it would starve whoever writes.
class Cache {
 public:
  // `aliases` are all of them; none given: they stay. True when it told something new.
  bool Learn(const std::string& tenant, const std::optional<std::vector<std::string>>& aliases,
             Knowledge knowledge);
  // One more name of the tenant.
  void AddAlias(const std::string& tenant, const std::string& alias);
  // The tenant is gone, or no longer ours to see, as of (epoch, revision).
  bool Forget(const std::string& tenant, int64_t epoch, int64_t revision);
  // By id or alias.
  std::optional<Knowledge> Find(std::string_view name) const;
  // Forgets those that were not mentioned since `since`: a fresh snapshot did not have them.
  std::vector<std::string> ForgetUnmentioned(TimePoint since);
  std::vector<Knowledge> All() const;
  std::vector<std::string> AliasesOf(const std::string& tenant) const;

 private:
  struct TransparentHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <typename T>
  using Map = std::unordered_map<std::string, T, TransparentHash, std::equal_to<>>;
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    Map<Knowledge> tenants;
    Map<std::vector<std::string>> aliases_of;  // by id
    Map<std::string> aliases;                  // to ids
  };

  static constexpr size_t kShards = 64;
  Shard& ShardOf(std::string_view name) { return shards_[TransparentHash()(name) % kShards]; }
  const Shard& ShardOf(std::string_view name) const { return shards_[TransparentHash()(name) % kShards]; }

  std::optional<Knowledge> FindById(std::string_view id) const;
  void SetAliases(const std::string& tenant, const std::vector<std::string>& aliases);

  // Held by whoever changes anything, so that a tenant and its aliases change in the order they were told.
  std::mutex writing_;
  std::array<Shard, kShards> shards_;
};

}  // namespace croft::client
