// Keeps what is known of tenants and decides which of two answers is newer.

#include "client/cpp/cache.h"

#include <algorithm>
#include <mutex>
#include <tuple>

#include "common/errors.h"

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
         p.settings == q.settings && p.features == q.features && p.root_certificate == q.root_certificate &&
         p.closed_for_growth == q.closed_for_growth;
}

}  // namespace

bool Cache::Learn(const std::string& tenant, const std::optional<std::vector<std::string>>& aliases,
                  Knowledge knowledge) {
  const std::lock_guard writing(writing_);
  bool news = true;
  {
    Shard& shard = ShardOf(tenant);
    const std::lock_guard lock(shard.mutex);
    auto [known, fresh] = shard.tenants.try_emplace(tenant);
    // The catalog was restored and does not know yet: no reason to forget what was told before.
    if (!fresh && known->second.placement && DetailsOf(knowledge.refusal).reason == "TENANT_UNCONFIRMED") {
      known->second.mentioned = std::max(known->second.mentioned, knowledge.mentioned);
      return false;
    }
    if (!fresh && !MayReplace(known->second, knowledge)) {
      known->second.mentioned = std::max(known->second.mentioned, knowledge.mentioned);
      return false;
    }
    if (!fresh) {
      // A refusal keeps the address: pools can see what they were for.
      if (!knowledge.placement) knowledge.placement = known->second.placement;
      news = !SaysTheSame(known->second, knowledge);
    }
    known->second = std::move(knowledge);
  }
  if (aliases) SetAliases(tenant, *aliases);
  return news;
}

void Cache::AddAlias(const std::string& tenant, const std::string& alias) {
  const std::lock_guard writing(writing_);
  std::vector<std::string> aliases = AliasesOf(tenant);
  if (alias == tenant || std::find(aliases.begin(), aliases.end(), alias) != aliases.end()) return;
  aliases.push_back(alias);
  SetAliases(tenant, aliases);
}

void Cache::SetAliases(const std::string& tenant, const std::vector<std::string>& aliases) {
  std::vector<std::string> held = aliases;
  {
    Shard& shard = ShardOf(tenant);
    const std::lock_guard lock(shard.mutex);
    if (aliases.empty()) {
      if (const auto had = shard.aliases_of.find(tenant); had != shard.aliases_of.end()) {
        held = std::move(had->second);
        shard.aliases_of.erase(had);
      }
    } else {
      held.swap(shard.aliases_of[tenant]);
      shard.aliases_of[tenant] = aliases;
    }
  }
  for (const std::string& alias : held) {
    if (std::find(aliases.begin(), aliases.end(), alias) != aliases.end()) continue;
    Shard& shard = ShardOf(alias);
    const std::lock_guard lock(shard.mutex);
    // Another tenant may have taken it over meanwhile.
    if (const auto at = shard.aliases.find(alias); at != shard.aliases.end() && at->second == tenant) {
      shard.aliases.erase(at);
    }
  }
  for (const std::string& alias : aliases) {
    Shard& shard = ShardOf(alias);
    const std::lock_guard lock(shard.mutex);
    shard.aliases[alias] = tenant;
  }
}

bool Cache::Forget(const std::string& tenant, int64_t epoch, int64_t revision) {
  const std::lock_guard writing(writing_);
  {
    Shard& shard = ShardOf(tenant);
    const std::lock_guard lock(shard.mutex);
    const auto known = shard.tenants.find(tenant);
    if (known == shard.tenants.end()) return false;
    if (std::tie(epoch, revision) < std::tie(known->second.epoch, known->second.revision)) return false;
    shard.tenants.erase(known);
  }
  SetAliases(tenant, {});
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

std::vector<std::string> Cache::ForgetUnmentioned(TimePoint since) {
  const std::lock_guard writing(writing_);
  std::vector<std::string> forgotten;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    std::erase_if(shard.tenants, [&](const auto& entry) {
      if (entry.second.mentioned >= since) return false;
      forgotten.push_back(entry.first);
      return true;
    });
  }
  for (const std::string& tenant : forgotten) SetAliases(tenant, {});
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
