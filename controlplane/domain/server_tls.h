#pragma once

#include "controlplane/domain/host.h"

// Whether applications can verify a host's server.
namespace croft::domain {

// Whether there is an authority by which applications can verify the server: the one that its agent reports, or, for a
// server of the agent's own, the control plane's.
bool IsVerifiable(const HostReport& report);

}  // namespace croft::domain
