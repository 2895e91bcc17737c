#pragma once

#include <cstdint>
#include <string>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "controlplane/keyring/keyring.h"
#include "controlplane/lookup/row.h"
#include "controlplane/lookup/wanted.h"

// Writes the answer of a lookup.
namespace croft::lookup {

// Appends the LookupResponse for `row`, serialised, to `reply`; or says why there is none:
//   FAILED_PRECONDITION, TENANT_NOT_READY, TENANT_SUSPENDED, TENANT_RETIRED · ENDPOINT_NOT_AVAILABLE
//   NOT_FOUND, TENANT_NOT_FOUND      it was purged
//   UNAVAILABLE, HOST_UNREACHABLE    its host was declared missing and it is not restored elsewhere yet
//   DATA_LOSS                        its password cannot be opened
// Then `reply` is as it was. Never waits. The caller is Reading.
[[nodiscard]] absl::Status AppendReply(const Row& row, int64_t epoch, const Wanted& wanted,
                                       const keyring::Keyring& keyring, std::string& reply);

// The id of the tenant that a reply of AppendReply is about.
[[nodiscard]] absl::string_view TenantIn(absl::string_view reply);

}  // namespace croft::lookup
