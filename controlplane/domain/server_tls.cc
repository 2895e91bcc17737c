// Whether applications can verify a host's server.

#include "controlplane/domain/server_tls.h"

namespace croft::domain {

// Only agents that know of both modes say that they do not see the disk; what an older one does not say of its mode
// means nothing.
bool IsVerifiable(const HostReport& report) {
  const bool somebody_elses = !report.managed && report.free_bytes_unknown;
  return !report.root_certificate.empty() || !somebody_elses;
}

}  // namespace croft::domain
