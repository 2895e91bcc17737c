#pragma once

#include <cstdint>
#include <string>

#include <absl/time/time.h>

#include "controlplane/domain/inventory.h"
#include "controlplane/domain/tenant.h"

// How the size of a tenant's database is held against its storage quota. Pure.
namespace croft::domain {

// Percent of the quota. Between a limit and the one below it a tenant stays what it was, so that one that works at a limit
// is not told of it again and again.
inline constexpr int64_t kNearQuotaPercent = 80;
inline constexpr int64_t kNormalAgainPercent = 75;
inline constexpr int64_t kOpenAgainPercent = 95;

// A smaller quota is a mistake of units: a new database has 8 MB.
inline constexpr int64_t kLeastStorageQuota = int64_t{16} << 20;

// The level after `before` of a database of `size_bytes`. No quota, 0, is always NORMAL.
StorageLevel StorageLevelAfter(StorageLevel before, int64_t size_bytes, int64_t quota_bytes);

// Whether a database that stands like this is to be closed for growth.
bool IsToBeClosed(const Storage& storage, absl::Time now);

// Whether a closed database has grown or shrunk so much since `storage.size_bytes` that it is to be seen to again: what the
// tenant made meanwhile is still open for growth. A thousandth of the quota, and no less than a mebibyte.
bool HasMoved(const Storage& storage, int64_t size_bytes, int64_t quota_bytes);

// Whether another look at the database's size, `size_bytes`, changes anything for the tenant.
bool CallsForJudgement(const Tenant& tenant, int64_t size_bytes, absl::Time now);

// Whether a host's database shows that it is closed for growth: `owner` may not make schemas in it.
bool ShowsClosed(const FoundDatabase& database, const std::string& owner);

}  // namespace croft::domain
