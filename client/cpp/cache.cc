#include "client/cpp/cache.h"

#include <algorithm>
#include <mutex>
#include <tuple>

namespace croft::client {
namespace {

// Whether `next` may replace `known`. Within an epoch revisions decide. A later epoch follows a take-over or a
// restored catalog, and starts its generations above all earlier ones: one that is lower nonetheless comes from
// a control plane that lags, and is not believed.
bool MayReplace(const Knowledge& known, const Knowledge& next) {
  if (std::tie(next.epoch, next.revision) < std::tie(known.epoch, known.revision)) return false;
  const bool same_tenant = known.placement && next.placement && known.placement->uid == next.placement->uid;
  return !same_tenant || next.generation >= known.generation;
}

bool SaysTheSame(const Knowledge& a, const Knowledge& b) {
  if (a.refusal != b.refusal || (a.placement == nullptr) != (b.placement == nullptr)) return false;
  if (a.placement == nullptr) return true;
  const Placement& p = *a.placement;
  const Placement& q = *b.placement;
  return p.uid == q.uid && p.generation == q.generation && p.conninfo == q.conninfo &&
         p.settings == q.settings && p.features == q.features && p.root_certificate == q.root_certificate;
}

}  // namespace

bool Cache::Learn(const std::string& tenant, const std::vector<std::string>& aliases, Knowledge knowledge) {
  bool news = true;
  std::vector<std::string> dropped;
  {
    Shard& shard = ShardOf(tenant);
    const std::lock_guard lock(shard.mutex);
    auto [known, fresh] = shard.tenants.try_emplace(tenant);
    if (!fresh && !MayReplace(known->second, knowledge)) {
      known->second.confirmed = std::max(known->second.confirmed, knowledge.confirmed);
      return false;
    }
    if (!fresh) {
      // A refusal keeps the address: pools can see what they were for.
      if (!knowledge.placement) knowledge.placement = known->second.placement;
      news = !SaysTheSame(known->second, knowledge);
    }
    known->second = std::move(knowledge);
    std::vector<std::string>& held = shard.aliases_of[tenant];
    for (const std::string& alias : held) {
      if (std::find(aliases.begin(), aliases.end(), alias) == aliases.end()) dropped.push_back(alias);
    }
    held = aliases;
  }
  for (const std::string& alias : dropped) {
    Shard& shard = ShardOf(alias);
    const std::lock_guard lock(shard.mutex);
    // Another tenant may have taken it over meanwhile.
    if (const auto held = shard.aliases.find(alias);
        held != shard.aliases.end() && held->second == tenant) {
      shard.aliases.erase(held);
    }
  }
  for (const std::string& alias : aliases) {
    Shard& shard = ShardOf(alias);
    const std::lock_guard lock(shard.mutex);
    shard.aliases[alias] = tenant;
  }
  return news;
}

bool Cache::Forget(const std::string& tenant, int64_t epoch, int64_t revision) {
  Shard& shard = ShardOf(tenant);
  const std::lock_guard lock(shard.mutex);
  const auto known = shard.tenants.find(tenant);
  if (known == shard.tenants.end()) return false;
  if (std::tie(epoch, revision) < std::tie(known->second.epoch, known->second.revision)) return false;
  shard.tenants.erase(known);
  return true;
}

std::optional<Knowledge> Cache::FindById(std::string_view id) const {
  const Shard& shard = ShardOf(id);
  const std::lock_guard lock(shard.mutex);
  const auto known = shard.tenants.find(id);
  return known == shard.tenants.end() ? std::nullopt : std::optional(known->second);
}

std::optional<Knowledge> Cache::Find(std::string_view name) const {
  if (auto known = FindById(name)) return known;
  std::string id;
  {
    const Shard& shard = ShardOf(name);
    const std::lock_guard lock(shard.mutex);
    const auto alias = shard.aliases.find(name);
    if (alias == shard.aliases.end()) return std::nullopt;
    id = alias->second;
  }
  return FindById(id);
}

std::vector<std::string> Cache::ForgetUnconfirmed(TimePoint since) {
  std::vector<std::string> forgotten;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    std::erase_if(shard.tenants, [&](const auto& entry) {
      if (entry.second.confirmed >= since) return false;
      forgotten.push_back(entry.first);
      return true;
    });
  }
  return forgotten;
}

std::vector<Knowledge> Cache::All() const {
  std::vector<Knowledge> all;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [id, knowledge] : shard.tenants) all.push_back(knowledge);
  }
  return all;
}

std::vector<std::string> Cache::AliasesOf(const std::string& tenant) const {
  const Shard& shard = ShardOf(tenant);
  const std::lock_guard lock(shard.mutex);
  const auto aliases = shard.aliases_of.find(tenant);
  return aliases == shard.aliases_of.end() ? std::vector<std::string>() : aliases->second;
}

}  // namespace croft::client
