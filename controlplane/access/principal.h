#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "controlplane/access/role.h"

// Who calls.
namespace croft::access {

enum class PrincipalKind {
  kAnonymous,  // showed nothing
  kAdmin,      // the administrator that `croftd init` made
  kAgent,      // a host's agent
  kUser,       // a person, service or script that the catalog knows
};

// Who calls, as one call's credentials say. Never kept for the next call.
struct Principal {
  PrincipalKind kind = PrincipalKind::kAnonymous;
  // As audit and operations show it: `admin`, `hosts/h1`, a user's name; empty when anonymous.
  std::string name;
  // Of an agent: its host's id and the fingerprint of the certificate it showed.
  std::string host;
  std::string fingerprint;
  // Of a user.
  std::vector<Binding> bindings;
  std::string token;  // id of the one it showed; empty for a certificate
  // Of the catalog, when its bindings were changed last, as far as that is known.
  int64_t bound_revision = 0;
  // When what was shown ends by itself.
  absl::Time expire_time = absl::InfiniteFuture();

  friend bool operator==(const Principal&, const Principal&) = default;
};

}  // namespace croft::access
