#pragma once

#include "controlplane/domain/tenant.h"
#include "controlplane/domain/tenant_update.h"
#include "controlplane/wire/mask.h"
#include "controlplane/wire/violations.h"
#include "croft/v1/tenant.pb.h"

// The fields of a tenant that callers set: of each how it is shown, read and named by an update's mask. One table,
// tenant_fields.cc.
namespace croft::wire {

// Of a new tenant. What is wrong is noted under `tenant.` and the field's path.
void ReadTenantFields(const v1::Tenant& proto, domain::Tenant& tenant, Violations& violations);

// Lets `mask` name the fields: what it then reads from `proto` goes into `update`. All arguments outlive `mask`.
void NameTenantFields(const v1::Tenant& proto, domain::TenantUpdate& update, Violations& violations,
                      MaskReader& mask);

// Lets `mask` name the fields of a policy that tenants share, as `rules` and `rules.FIELD`; `holder` has them as its backup
// policy.
void NamePolicyFields(const v1::Tenant& holder, domain::TenantUpdate& update, Violations& violations,
                      MaskReader& mask);

void ShowTenantFields(const domain::Tenant& tenant, v1::Tenant& proto);

}  // namespace croft::wire
