// Holds the size of a database against its tenant's storage quota.

#include "controlplane/domain/storage.h"

#include <algorithm>
#include <vector>

#include <absl/strings/str_cat.h>

namespace croft::domain {
namespace {

// Less is what PostgreSQL writes for itself, such as maps of free space.
constexpr int64_t kLeastMove = int64_t{1} << 20;

// Exact, and without overflow: quotas may be as large as the type.
int64_t PercentOf(int64_t quota_bytes, int64_t percent) {
  return quota_bytes / 100 * percent + quota_bytes % 100 * percent / 100;
}

bool Moved(int64_t from, int64_t to, int64_t quota_bytes) {
  const int64_t step = std::max(quota_bytes / 1000, kLeastMove);
  return to > from ? to - from >= step : from - to >= step;
}

}  // namespace

StorageLevel StorageLevelAfter(StorageLevel before, int64_t size_bytes, int64_t quota_bytes) {
  if (quota_bytes <= 0) return StorageLevel::kNormal;
  if (size_bytes >= quota_bytes) return StorageLevel::kFull;
  if (before == StorageLevel::kFull && size_bytes >= PercentOf(quota_bytes, kOpenAgainPercent))
    return before;
  if (size_bytes >= PercentOf(quota_bytes, kNearQuotaPercent)) return StorageLevel::kNearQuota;
  const bool was_normal = before == StorageLevel::kNormal;
  const bool is_normal = was_normal || size_bytes < PercentOf(quota_bytes, kNormalAgainPercent);
  return is_normal ? StorageLevel::kNormal : StorageLevel::kNearQuota;
}

bool IsToBeClosed(const Storage& storage, absl::Time now) {
  const bool has_grace = storage.grace_time && now < *storage.grace_time;
  return storage.level == StorageLevel::kFull && !has_grace;
}

bool HasMoved(const Storage& storage, int64_t size_bytes, int64_t quota_bytes) {
  return storage.closed && Moved(storage.size_bytes, size_bytes, quota_bytes);
}

bool CallsForJudgement(const Tenant& tenant, int64_t size_bytes, absl::Time now) {
  Storage judged = tenant.storage;
  judged.level = StorageLevelAfter(judged.level, size_bytes, tenant.quota.storage_bytes);
  return judged.level != tenant.storage.level || IsToBeClosed(judged, now) != tenant.storage.closed ||
         HasMoved(tenant.storage, size_bytes, tenant.quota.storage_bytes);
}

bool ShowsClosed(const FoundDatabase& database, const std::string& owner) {
  const std::vector<std::string>& missing = database.missing_grants;
  return std::find(missing.begin(), missing.end(), absl::StrCat("CREATE to ", owner)) != missing.end();
}

}  // namespace croft::domain
