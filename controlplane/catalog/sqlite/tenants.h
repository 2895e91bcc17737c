#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/sqlite/database.h"
#include "common/sqlite/statement.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/domain/tenant.h"

// Tenants in the catalog's tables.
namespace croft::catalog {

// Reads of tenants on one connection. Where more than one statement must see the same state, the caller has a
// transaction open.
class TenantReads {
 public:
  explicit TenantReads(sqlite::Database& database);

  absl::StatusOr<std::optional<domain::Tenant>> Find(absl::string_view id);
  absl::StatusOr<std::optional<domain::Tenant>> FindByUid(absl::string_view uid);
  absl::StatusOr<std::optional<std::string>> FindAlias(absl::string_view alias);
  absl::StatusOr<TenantPage> List(const TenantQuery& query);
  absl::StatusOr<int64_t> CountOnHost(absl::string_view host);
  absl::StatusOr<int64_t> CountUnconfirmed();
  absl::StatusOr<std::vector<domain::Tenant>> ListStorageLimited(absl::string_view after_id, int32_t limit);
  // Tombstones too, all without their credentials.
  absl::StatusOr<std::vector<domain::Tenant>> ListAfter(absl::string_view after_id, int32_t limit);

 private:
  absl::Status ReadCredentials(domain::Tenant& tenant);
  // False at the end of the rows. `tenant` is new.
  absl::StatusOr<bool> ReadNext(sqlite::Rows& rows, domain::Tenant& tenant);
  absl::StatusOr<std::optional<domain::Tenant>> First(sqlite::Rows rows);

  sqlite::Database& database_;
  sqlite::Statement find_;
  sqlite::Statement find_by_uid_;
  sqlite::Statement find_from_;
  sqlite::Statement credentials_;
  sqlite::Statement credentials_from_;
  sqlite::Statement find_alias_;
  sqlite::Statement count_on_host_;
  sqlite::Statement count_unconfirmed_;
  sqlite::Statement storage_limited_;
  sqlite::Statement list_after_;
};

// Writes of tenants, within the caller's transaction.
class TenantWrites {
 public:
  explicit TenantWrites(sqlite::Database& database);

  // Returns by how much the count of tenants that are not tombstones has changed.
  absl::StatusOr<int> Put(const domain::Tenant& tenant);

 private:
  struct Former;

  absl::StatusOr<std::optional<Former>> ReadFormer(absl::string_view id);
  absl::Status PutRow(const domain::Tenant& tenant, const std::optional<Former>& former);
  absl::Status PutAliases(const domain::Tenant& tenant, const std::vector<std::string>& former);
  absl::Status PutLabels(const domain::Tenant& tenant, const std::map<std::string, std::string>& former);
  absl::Status PutCredentials(const domain::Tenant& tenant);

  sqlite::Statement former_;
  sqlite::Statement insert_;
  sqlite::Statement update_;
  sqlite::Statement replace_;
  sqlite::Statement insert_alias_;
  sqlite::Statement delete_alias_;
  sqlite::Statement put_label_;
  sqlite::Statement delete_label_;
  sqlite::Statement credentials_;
  sqlite::Statement put_credential_;
  sqlite::Statement delete_credentials_from_;
};

}  // namespace croft::catalog
