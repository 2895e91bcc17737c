#pragma once

#include <absl/status/status.h>

#include "common/sqlite/sql.h"
#include "common/sqlite/statement.h"
#include "controlplane/catalog/sqlite/columns.h"
#include "controlplane/catalog/sqlite/payloads.h"
#include "controlplane/catalog/sqlite/table.h"
#include "controlplane/domain/tenant.h"

// The tables of tenants and of their credentials, for those who read one and for those who read all.
namespace croft::catalog {

// What a tenant's life does not change, and neither the indexes on it.
inline constexpr Table kTenantFixed(Col("id", &domain::Tenant::id), Col("uid", &domain::Tenant::uid),
                                    Col("create_time", &domain::Tenant::create_time));

inline constexpr Table kTenantChanging(
    Col("update_time", &domain::Tenant::update_time), Col("version", &domain::Tenant::version),
    Col("delete_time", &domain::Tenant::delete_time), Col("purge_time", &domain::Tenant::purge_time),
    Col("expire_time", &domain::Tenant::expire_time), Col("display_name", &domain::Tenant::display_name),
    Col("aliases", ListCodec(), &domain::Tenant::aliases),
    Col("labels", MapCodec(), &domain::Tenant::labels),
    Col("extensions", ListCodec(), &domain::Tenant::extensions), Col("locale", &domain::Tenant::locale),
    Col("settings", &domain::Tenant::settings), Col("features", &domain::Tenant::features),
    Col("quota_connections", &domain::Tenant::quota, &domain::Quota::connections),
    Col("quota_storage_bytes", &domain::Tenant::quota, &domain::Quota::storage_bytes),
    Col("quota_statement_timeout", &domain::Tenant::quota, &domain::Quota::statement_timeout),
    Col("backups_kept", &domain::Tenant::backups_kept), Col("backup_every", &domain::Tenant::backup_every),
    Col("backup_cron", &domain::Tenant::backup_times, &domain::BackupTimes::cron),
    Col("backup_window", &domain::Tenant::backup_times, &domain::BackupTimes::window),
    Col("backup_time_zone", &domain::Tenant::backup_times, &domain::BackupTimes::time_zone),
    Col("backup_jitter", &domain::Tenant::backup_times, &domain::BackupTimes::jitter),
    Col("keep_within", &domain::Tenant::keep, &domain::KeepRules::within),
    Col("keep_daily", &domain::Tenant::keep, &domain::KeepRules::daily),
    Col("keep_weekly", &domain::Tenant::keep, &domain::KeepRules::weekly),
    Col("keep_monthly", &domain::Tenant::keep, &domain::KeepRules::monthly),
    Col("keep_yearly", &domain::Tenant::keep, &domain::KeepRules::yearly),
    Col("prove_every", &domain::Tenant::prove_every),
    Col("skip_rows", ListCodec(), &domain::Tenant::skip_rows),
    Col("state", EnumCodec(), &domain::Tenant::state),
    Col("suspend_mode", EnumCodec(), &domain::Tenant::suspend_mode),
    Col("state_before_retire", EnumCodec(), &domain::Tenant::state_before_retire),
    Col("host", &domain::Tenant::placement, &domain::Placement::host),
    Col("database_name", &domain::Tenant::placement, &domain::Placement::database),
    Col("generation", &domain::Tenant::placement, &domain::Placement::generation),
    Col("owner_role", &domain::Tenant::owner_role), Col("reader_role", &domain::Tenant::reader_role),
    Col("operation_order", &domain::Tenant::order),
    Col("last_generation", &domain::Tenant::last_generation),
    Col("fence_time", &domain::Tenant::fence_time), Col("last_backup", &domain::Tenant::last_backup),
    Col("current_operation", &domain::Tenant::current_operation),
    Col("create_operation", &domain::Tenant::create_operation),
    Col("unconfirmed", &domain::Tenant::unconfirmed),
    Col("delete_protection", &domain::Tenant::delete_protection),
    Col("final_backup_failure", &domain::Tenant::final_backup_failure),
    Col("purge_parked", &domain::Tenant::purge_parked),
    Col("storage_level", EnumCodec(), &domain::Tenant::storage, &domain::Storage::level),
    Col("storage_closed", &domain::Tenant::storage, &domain::Storage::closed),
    Col("storage_size_bytes", &domain::Tenant::storage, &domain::Storage::size_bytes),
    Col("storage_grace_time", &domain::Tenant::storage, &domain::Storage::grace_time),
    Col("prove_on", MapCodec(), &domain::Tenant::prove_on),
    Col("kept_databases", KeptDatabasesCodec(), &domain::Tenant::kept_databases),
    Col("proof_backup", &domain::Tenant::last_proof, &domain::Proof::backup),
    Col("proof_time", &domain::Tenant::last_proof, &domain::Proof::time),
    Col("proof_host", &domain::Tenant::last_proof, &domain::Proof::host),
    Col("proof_outcome", &domain::Tenant::last_proof, &domain::Proof::outcome),
    Col("proof_caller", &domain::Tenant::last_proof, &domain::Proof::caller),
    Col("copy_to", ListCodec(), &domain::Tenant::copy_to),
    Col("backup_off", EnumSetCodec(), &domain::Tenant::backup_off));

inline constexpr Table kCredentials(
    Col("login", &domain::Credential::login), Col("role", EnumCodec(), &domain::Credential::role),
    Col("sealed_password", BytesCodec(), &domain::Credential::sealed_password),
    Col("verifier", &domain::Credential::verifier), Col("create_time", &domain::Credential::create_time),
    Col("published", &domain::Credential::published),
    Col("disable_time", &domain::Credential::disable_time));

// `SELECT` of all that ReadTenant() wants, from tenants, and `rest`.
inline sqlite::SqlBuilder SelectTenants(sqlite::Sql rest) {
  return sqlite::SqlBuilder()
      .Append("SELECT ")
      .Append(kTenantFixed.Names())
      .Append(", ")
      .Append(kTenantChanging.Names())
      .Append(" FROM tenants ")
      .Append(rest);
}

// All but the credentials.
inline absl::Status ReadTenant(const sqlite::Rows& rows, domain::Tenant& tenant) {
  absl::Status status = kTenantFixed.Read(rows, 0, tenant);
  return status.ok() ? kTenantChanging.Read(rows, kTenantFixed.kCount, tenant) : status;
}

}  // namespace croft::catalog
