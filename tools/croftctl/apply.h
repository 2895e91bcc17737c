#pragma once

#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/verbs.h"

// The verbs about a file that declares tenants; see declared.h.
namespace croft::ctl {

// What diff ends with where tenants are not as declared.
inline constexpr auto kDiffers = static_cast<ExitCode>(9);

// apply and diff.
void AddDeclared(Noun& root);
void AddExport(Noun& root);

}  // namespace croft::ctl
