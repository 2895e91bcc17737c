#pragma once

#include <string>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "controlplane/access/principal.h"
#include "controlplane/access/role.h"

// Decides whether a caller may call a method.
namespace croft::access {

// What one call touches.
struct Resource {
  // Id of the tenant the call is about, or belongs to as its backup or operation does. Empty: no one tenant.
  // An alias is resolved first; one that leads nowhere stands for itself, without labels.
  absl::string_view tenant;
  // Labels of that tenant as the catalog has them, or those it is to get from this call; not owned. nullptr
  // where there is no such tenant.
  const Labels* labels = nullptr;
  // Id of the host an agent acts for. Empty: the caller's own.
  absl::string_view host;
  // The handler answers with many tenants' rows and leaves out each for which Sees() is false.
  bool filtered = false;
};

// The one place where permission is decided: by method and resource, denied unless a role grants it. Pure and
// thread-safe.
//
// A call that touches several tenants (a restore as a new one) or one tenant twice (an update of its labels:
// as they are, as they will be) is checked for each.
class Policy {
 public:
  // `method` is such as "TenantService/CreateTenant". OK, or
  //   UNAUTHENTICATED, IDENTITY_MISSING     nobody in particular called
  //   PERMISSION_DENIED, PERMISSION_DENIED  the same words whether the resource exists or not
  absl::Status Check(const Principal& principal, absl::string_view method, const Resource& resource) const;

  // Whether the answer of `method` to `principal` may hold this tenant's row.
  bool Sees(const Principal& principal, absl::string_view method, absl::string_view tenant,
            const Labels* labels) const;

  // Whether an answer to `principal` may hold this tenant's passwords.
  bool SeesSecrets(const Principal& principal, absl::string_view tenant, const Labels* labels) const;

  // Whether both hold for every tenant, those to come too.
  bool SeesAll(const Principal& principal, absl::string_view method) const;

  // Methods for which the caller's credentials need not be looked at.
  bool IsOpen(absl::string_view method) const;
};

}  // namespace croft::access
