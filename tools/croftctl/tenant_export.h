#pragma once

#include "tools/croftctl/verbs.h"

namespace croft::ctl {

// The verb that writes a tenant's data to a bundle.
void AddTenantExport(Noun& tenant);

}  // namespace croft::ctl
