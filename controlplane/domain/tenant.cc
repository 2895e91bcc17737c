// Which login of a tenant is handed out.

#include "controlplane/domain/tenant.h"

namespace croft::domain {

const Credential* PublishedCredential(const Tenant& tenant, LoginRole role) {
  for (const Credential& credential : tenant.credentials) {
    if (credential.role == role && credential.published) return &credential;
  }
  return nullptr;
}

}  // namespace croft::domain
