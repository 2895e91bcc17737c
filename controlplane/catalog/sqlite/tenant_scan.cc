// Reads all tenants in one pass, for the placement index.

#include "controlplane/catalog/sqlite/tenant_scan.h"

#include <cstddef>
#include <string>
#include <utility>

#include <absl/strings/string_view.h>

#include "common/bounded_pipeline.h"
#include "common/errors.h"
#include "common/sqlite/statement.h"
#include "controlplane/catalog/sqlite/columns.h"
#include "controlplane/catalog/sqlite/tenant_columns.h"

namespace croft::catalog {
namespace {

using domain::Credential;
using domain::Tenant;
using sqlite::Rows;
using sqlite::SqlBuilder;
using sqlite::Statement;

absl::Status ReadPlacement(const Rows& rows, Tenant& tenant) {
  absl::string_view aliases, labels, state, suspend_mode;
  rows.Read(0, tenant.id, tenant.uid, aliases, labels, tenant.settings, tenant.features, state,
            suspend_mode, tenant.placement.host, tenant.placement.database, tenant.placement.generation,
            tenant.unconfirmed, tenant.storage.closed);
  CROFT_RETURN_IF_ERROR(DecodeList(aliases, tenant.aliases));
  CROFT_RETURN_IF_ERROR(DecodeMap(labels, tenant.labels));
  CROFT_RETURN_IF_ERROR(DecodeEnum(state, tenant.state));
  return DecodeEnum(suspend_mode, tenant.suspend_mode);
}

// A published credential and whose it is.
struct Login {
  std::string tenant;
  Credential credential;
};

absl::Status ScanLogins(sqlite::Database& database, const BoundedPipeline<Login>::Place& place) {
  Statement logins(database,
                   "SELECT tenant, login, role, sealed_password FROM credentials WHERE published "
                   "ORDER BY tenant, position");
  Rows rows = logins.Query();
  while (rows.Next()) {
    Login& login = place();
    absl::string_view role;
    rows.Read(0, login.tenant, login.credential.login, role, login.credential.sealed_password);
    login.credential.published = true;
    CROFT_RETURN_IF_ERROR(DecodeEnum(role, login.credential.role));
  }
  return rows.status();
}

absl::Status ScanWithLogins(sqlite::Database& database, BoundedPipeline<Login>& logins,
                            const std::function<Tenant&()>& place) {
  Statement tenants(
      database,
      "SELECT id, uid, aliases, labels, settings, features, state, suspend_mode, host, "
      "database_name, generation, unconfirmed, storage_closed FROM tenants WHERE +state <> 'PURGED' "
      "ORDER BY id");
  Rows rows = tenants.Query();
  Login* login = logins.Next();
  while (rows.Next()) {
    Tenant& tenant = place();
    CROFT_RETURN_IF_ERROR(ReadPlacement(rows, tenant));
    size_t count = 0;
    for (; login != nullptr && login->tenant <= tenant.id; login = logins.Next()) {
      if (login->tenant < tenant.id) continue;  // of a tombstone
      if (tenant.credentials.size() == count) tenant.credentials.emplace_back();
      std::swap(tenant.credentials[count++], login->credential);
    }
    tenant.credentials.resize(count);
  }
  return rows.status();
}

}  // namespace

// Both tables lie in the order of tenants' ids: two scans side by side are much faster than a look-up each.

absl::Status ScanTenants(sqlite::Database& database, const std::function<void(const Tenant&)>& visit) {
  Statement tenants(database, SelectTenants("WHERE +state <> 'PURGED' ORDER BY id"));
  Statement logins(database, SqlBuilder()
                                 .Append("SELECT tenant, ")
                                 .Append(kCredentials.Names())
                                 .Append(" FROM credentials ORDER BY tenant, position"));
  Rows rows = tenants.Query();
  Rows login_rows = logins.Query();
  bool more = login_rows.Next();
  Tenant tenant;  // one for all, so that its strings keep their capacity
  while (rows.Next()) {
    CROFT_RETURN_IF_ERROR(ReadTenant(rows, tenant));
    size_t count = 0;
    for (; more && login_rows.Text(0) <= tenant.id; more = login_rows.Next()) {
      if (login_rows.Text(0) < tenant.id) continue;
      if (tenant.credentials.size() == count) tenant.credentials.emplace_back();
      CROFT_RETURN_IF_ERROR(kCredentials.Read(login_rows, 1, tenant.credentials[count++]));
    }
    tenant.credentials.resize(count);
    visit(tenant);
  }
  CROFT_RETURN_IF_ERROR(login_rows.status());
  return rows.status();
}

absl::Status ScanPlacements(sqlite::Database& tenants, sqlite::Database& logins,
                            const std::function<Tenant&()>& place) {
  absl::Status read_logins;
  absl::Status read_tenants;
  {
    BoundedPipeline<Login> pipeline([&](const auto& next) { read_logins = ScanLogins(logins, next); });
    read_tenants = ScanWithLogins(tenants, pipeline, place);
  }
  read_tenants.Update(read_logins);
  return read_tenants;
}

}  // namespace croft::catalog
