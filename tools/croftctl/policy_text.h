#pragma once

#include <string>

#include "croft/v1/tenant.pb.h"

namespace croft::ctl {

// Such as "every 6h, the newest 7 are kept, proven every 7d"; empty for a policy by which nothing is done.
[[nodiscard]] std::string BackupPolicyText(const v1::BackupPolicy& policy);

}  // namespace croft::ctl
