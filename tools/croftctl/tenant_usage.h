#pragma once

#include <map>
#include <string>
#include <vector>

#include "croft/v1/tenant.pb.h"
#include "croft/v1/usage.grpc.pb.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/tool.h"

// What tenants use.
namespace croft::ctl {

inline constexpr Listing<v1::UsageService::Stub, v1::ListUsageRequest, v1::ListUsageResponse,
                         v1::TenantUsage>
    kTenantUsage = {"usage", &v1::UsageService::Stub::ListUsage, &v1::ListUsageResponse::usage};

// The share of blocks that were in PostgreSQL's cache, such as `99%`; empty where none was asked for.
[[nodiscard]] std::string CacheHits(const v1::UsageCounts& counts);

// By the tenants' names, of those of which something is known. What cannot be had is left out and said so.
[[nodiscard]] std::map<std::string, v1::TenantUsage> UsageOf(Session& session,
                                                             const std::vector<v1::Tenant>& tenants);

}  // namespace croft::ctl
