#pragma once

#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "tools/croftctl/client.h"

namespace croft::ctl {

// Full name of a tenant's backup: `backup` is its id or name, or `latest` for the newest that can be used. NOT_FOUND
// when the tenant has none.
[[nodiscard]] absl::StatusOr<std::string> BackupFor(Client& client, const std::string& tenant,
                                                    const std::string& backup);

// Full name of the tenant's newest backup that began before `time` and that can be restored whole. NOT_FOUND when there is
// none.
[[nodiscard]] absl::StatusOr<std::string> BackupBefore(Client& client, const std::string& tenant,
                                                       absl::Time time);

}  // namespace croft::ctl
