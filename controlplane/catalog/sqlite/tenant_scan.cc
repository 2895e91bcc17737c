#include "controlplane/catalog/sqlite/tenant_scan.h"

#include <absl/strings/string_view.h>

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

// `logins` are rows of credentials whose column 0 is the tenant. Both tables lie in the order of tenants' ids: two
// scans side by side are much faster than a look-up each.
template <typename ReadOne, typename ReadLogin, typename Visit>
absl::Status Scan(Rows tenants, Rows logins, ReadOne read_one, ReadLogin read_login, const Visit& visit) {
  Tenant tenant;  // one for all, so that its strings keep their room
  bool more = logins.Next();
  while (tenants.Next()) {
    CROFT_RETURN_IF_ERROR(read_one(tenants, tenant));
    size_t count = 0;
    while (more && logins.Text(0) < tenant.id) more = logins.Next();
    for (; more && logins.Text(0) == tenant.id; more = logins.Next()) {
      if (tenant.credentials.size() <= count) tenant.credentials.emplace_back();
      CROFT_RETURN_IF_ERROR(read_login(logins, tenant.credentials[count++]));
    }
    tenant.credentials.resize(count);
    visit(tenant);
  }
  CROFT_RETURN_IF_ERROR(logins.status());
  return tenants.status();
}

absl::Status ReadPlacement(const Rows& rows, Tenant& tenant) {
  absl::string_view aliases, labels, state, suspend_mode;
  rows.Read(0, tenant.id, tenant.uid, aliases, labels, tenant.settings, tenant.features, state,
            suspend_mode, tenant.placement.host, tenant.placement.database, tenant.placement.generation,
            tenant.unconfirmed);
  CROFT_RETURN_IF_ERROR(DecodeList(aliases, tenant.aliases));
  CROFT_RETURN_IF_ERROR(DecodeMap(labels, tenant.labels));
  CROFT_RETURN_IF_ERROR(DecodeEnum(state, tenant.state));
  return DecodeEnum(suspend_mode, tenant.suspend_mode);
}

absl::Status ReadPublished(const Rows& rows, Credential& credential) {
  absl::string_view role;
  rows.Read(1, credential.login, role, credential.sealed_password);
  credential.published = true;
  return DecodeEnum(role, credential.role);
}

}  // namespace

absl::Status ScanTenants(sqlite::Database& database, const std::function<void(const Tenant&)>& visit) {
  Statement tenants(database, SqlBuilder()
                                  .Append("SELECT ")
                                  .Append(kTenantColumns)
                                  .Append(" FROM tenants WHERE +state <> 'PURGED' ORDER BY id"));
  Statement logins(database,
                   "SELECT tenant, login, role, sealed_password, verifier, create_time, published, "
                   "disable_time FROM credentials ORDER BY tenant, position");
  const auto read_login = [](const Rows& rows, Credential& credential) {
    return ReadCredential(rows, 1, credential);
  };
  return Scan(tenants.Query(), logins.Query(), ReadTenant, read_login, visit);
}

absl::Status ScanPlacements(sqlite::Database& database, const std::function<void(Tenant&)>& visit) {
  Statement tenants(database,
                    "SELECT id, uid, aliases, labels, settings, features, state, suspend_mode, host, "
                    "database_name, generation, unconfirmed FROM tenants WHERE +state <> 'PURGED' "
                    "ORDER BY id");
  Statement logins(database,
                   "SELECT tenant, login, role, sealed_password FROM credentials WHERE published "
                   "ORDER BY tenant, position");
  return Scan(tenants.Query(), logins.Query(), ReadPlacement, ReadPublished, visit);
}

}  // namespace croft::catalog
