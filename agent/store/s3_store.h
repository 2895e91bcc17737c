#pragma once

#include <memory>

#include <absl/status/statusor.h>

#include "agent/store/s3_address.h"
#include "agent/store/s3_client.h"
#include "agent/store/s3_credentials.h"
#include "agent/store/store.h"
#include "common/clock.h"
#include "common/random.h"

namespace croft::agent {

// A bucket, or what lies under a prefix of it, of a server that speaks S3. The object `croft-store` makes it a store
// and holds its id; the first agent to come writes it. Below the prefix lie:
//   <tenant uid>/…                what is stored
//   .incoming/<tenant uid>/…      a note for each object that is being written
//   .claims/<id>                  while agents settle which of them makes the store
// Objects of two parts, a tenant's key, lie in `keys_bucket`, which must keep no versions, so that they are destroyed
// when they are deleted or replaced: else FAILED_PRECONDITION (KEYS_KEEP_VERSIONS), when the store is opened and
// whenever such an object is written.
// The server must show an object to readers and in listings once it has taken it, as S3 does; where a listing lags,
// DeleteAll may leave archives (never a key, which it deletes by name), and List may miss what is new.
// FAILED_PRECONDITION (NOT_A_STORE) for a prefix that holds other things and no marker; UNAVAILABLE
// (STORE_UNREACHABLE) when it cannot be used. `clock` and `random` outlive the store.
[[nodiscard]] absl::StatusOr<std::unique_ptr<Store>> OpenS3Store(const S3Address& address,
                                                                 Environment environment,
                                                                 const Clock& clock, Random& random,
                                                                 const S3Timing& timing);

}  // namespace croft::agent
