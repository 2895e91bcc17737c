#pragma once

#include <optional>
#include <string>

#include <absl/status/statusor.h>

#include "controlplane/engine/draft.h"

// A database that another one took the place of: it is kept, sealed, for a time in which it can be put back.
namespace croft::operations {

// Excuses the fence of a database that is to be replaced when it is not there, or when a cut DROP has left it invalid:
// nobody gets into it. That it is so is why it is being replaced, as often as not.
std::optional<std::string> ExcuseGoneDatabase(const domain::Step& step, const engine::TaskError& error);

// The tenant lives in the database that `opened`, a step of `operation`, has opened. The one it lived in is kept for
// kUndoCopyAge, unless it is gone or its host is gone for good.
void MoveInto(engine::Draft& draft, const domain::Operation& operation, domain::Tenant& tenant,
              const domain::Step& opened);

// Takes a kept database out of the tenant's, to put it back: nothing drops it from now on. `database` is empty for the
// one that was replaced last. NOTHING_KEPT when there is none, or it is being dropped.
absl::StatusOr<domain::KeptDatabase> TakeOut(engine::Draft& draft, domain::Tenant& tenant,
                                             const std::string& database);

// Keeps it again as long as it was to be kept before. `operation` took it out and failed.
void PutBack(engine::Draft& draft, const domain::Operation& operation, domain::Tenant& tenant,
             domain::KeptDatabase kept);

// It is dropped, or is about to be.
void ForgetKept(domain::Tenant& tenant, const std::string& host, const std::string& database);

}  // namespace croft::operations
