// Applies an update to a tenant.

#include "controlplane/domain/tenant_update.h"

#include "controlplane/domain/json_edits.h"

namespace croft::domain {

void TenantUpdate::ApplyTo(Tenant& tenant) const {
  for (const Change change : changes) change(values, tenant);
  for (const auto& [key, value] : label_edits) {
    if (value) {
      tenant.labels[key] = *value;
    } else {
      tenant.labels.erase(key);
    }
  }
  if (!settings_edits.empty()) tenant.settings = EditJson(tenant.settings, settings_edits);
  if (!feature_edits.empty()) tenant.features = EditJson(tenant.features, feature_edits);
}

}  // namespace croft::domain
