#pragma once

#include "tools/croftctl/verbs.h"

namespace croft::ctl {

// The verb that makes a tenant of a bundle.
void AddTenantImport(Noun& tenant);

}  // namespace croft::ctl
