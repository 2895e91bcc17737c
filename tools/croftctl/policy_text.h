#pragma once

#include <string>

#include "croft/v1/tenant.pb.h"

namespace croft::ctl {

// Such as "proof-hosts", as --backup-off takes it.
[[nodiscard]] std::string BackupPartText(v1::BackupPart part);

// Such as "every 6h, the newest 7 are kept, proven every 7d"; empty for a policy by which nothing is done.
[[nodiscard]] std::string BackupPolicyText(const v1::BackupPolicy& policy);
// The same of a policy that counts beside others: what it keeps although it says no times, and what is off.
[[nodiscard]] std::string SharedPolicyText(const v1::BackupPolicy& policy);

using PolicySources = google::protobuf::RepeatedPtrField<v1::BackupPolicyInForce::Source>;
// Who decides what of the policy that is in force for `tenant`, such as "schedule: nightly; retention: its own". Empty where
// nobody but the tenant does.
[[nodiscard]] std::string SourcesText(const PolicySources& sources, const std::string& tenant);

}  // namespace croft::ctl
