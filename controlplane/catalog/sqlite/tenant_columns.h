#pragma once

#include <absl/status/status.h>

#include "common/sqlite/sql.h"
#include "common/sqlite/statement.h"
#include "controlplane/domain/tenant.h"

namespace croft::catalog {

// The columns of table tenants that ReadTenant() wants, in their order.
inline constexpr sqlite::Sql kTenantColumns =
    "id, uid, create_time, update_time, version, delete_time, purge_time, expire_time, display_name, "
    "aliases, labels, extensions, "
    "locale, settings, features, quota_connections, quota_storage_bytes, quota_statement_timeout, "
    "backups_kept, "
    "state, suspend_mode, state_before_retire, host, database_name, generation, owner_role, reader_role, "
    "operation_order, last_generation, fence_time, last_backup, current_operation, create_operation, "
    "unconfirmed, delete_protection, final_backup_failure, purge_parked";

// All but the credentials, which lie in their own table.
[[nodiscard]] absl::Status ReadTenant(const sqlite::Rows& rows, domain::Tenant& tenant);

// Columns login, role, sealed_password, verifier, create_time, published, disable_time, from `first` on.
[[nodiscard]] absl::Status ReadCredential(const sqlite::Rows& rows, int first,
                                          domain::Credential& credential);

}  // namespace croft::catalog
