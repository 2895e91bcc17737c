// Reads and writes tenants with their aliases, labels and logins.

#include "controlplane/catalog/sqlite/tenants.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/columns.h"
#include "controlplane/catalog/sqlite/tenant_columns.h"
#include "controlplane/catalog/sqlite/tenant_query.h"

namespace croft::catalog {
namespace {

using domain::Credential;
using domain::Tenant;
using domain::TenantState;
using sqlite::Rows;
using sqlite::Sql;
using sqlite::SqlBuilder;

constexpr size_t kUsualCredentials = 2;  // one of each role

SqlBuilder SelectCredentials() {
  return SqlBuilder()
      .Append("SELECT ")
      .Append(kCredentials.Names())
      .Append(" FROM credentials WHERE tenant = ? ORDER BY position");
}

// Rows of one tenant after another, in the order of their ids, whose column 0 is the id. Stepping over some rows is
// faster than looking for one from the root of the table.
class OrderedRowCursor {
 public:
  // `from` gives the rows of its parameter's tenant and all after it.
  explicit OrderedRowCursor(sqlite::Statement& from) : from_(from) {}

  const Rows& rows() const { return *rows_; }
  // Whether there is a row of `id`, which is not below the one before; rows() is at the first of them then.
  absl::StatusOr<bool> Reach(absl::string_view id) {
    for (int steps = 0; rows_ && there_ && rows_->Text(0) < id; ++steps) {
      if (steps == kMostSteps) {
        rows_.reset();
      } else {
        there_ = rows_->Next();
      }
    }
    if (!rows_) {
      rows_.emplace(from_.Query(id));
      there_ = rows_->Next();
    }
    return IsAt(id);
  }
  absl::StatusOr<bool> Next(absl::string_view id) {
    there_ = rows_->Next();
    return IsAt(id);
  }

 private:
  static constexpr int kMostSteps = 3;

  absl::StatusOr<bool> IsAt(absl::string_view id) const {
    if (there_) return rows_->Text(0) == id;
    CROFT_RETURN_IF_ERROR(rows_->status());
    return false;
  }

  sqlite::Statement& from_;
  std::optional<Rows> rows_;
  bool there_ = false;
};

}  // namespace

TenantReads::TenantReads(sqlite::Database& database)
    : database_(database),
      find_(database, SelectTenants("WHERE id = ?")),
      find_by_uid_(database, SelectTenants("WHERE uid = ?")),
      find_from_(database, SelectTenants("WHERE id >= ? ORDER BY id")),
      credentials_(database, SelectCredentials()),
      credentials_from_(database,
                        SqlBuilder()
                            .Append("SELECT tenant, ")
                            .Append(kCredentials.Names())
                            .Append(" FROM credentials WHERE tenant >= ? ORDER BY tenant, position")),
      find_alias_(database, "SELECT tenant FROM aliases WHERE alias = ?"),
      count_on_host_(
          database,
          "SELECT count(*) FROM tenants INDEXED BY tenants_by_host WHERE host = ? AND state <> 'PURGED'"),
      count_unconfirmed_(database,
                         "SELECT count(*) FROM tenants INDEXED BY tenants_unconfirmed WHERE unconfirmed"),
      storage_limited_(database,
                       SelectTenants("INDEXED BY tenants_with_storage_quota WHERE (quota_storage_bytes > 0 "
                                     "OR storage_closed) AND id > ? ORDER BY id LIMIT ?")),
      list_after_(database, SelectTenants("WHERE id > ? ORDER BY id LIMIT ?")) {}

absl::Status TenantReads::ReadCredentials(Tenant& tenant) {
  Rows rows = credentials_.Query(tenant.id);
  while (rows.Next()) {
    CROFT_RETURN_IF_ERROR(kCredentials.Read(rows, 0, tenant.credentials.emplace_back()));
  }
  return rows.status();
}

absl::StatusOr<bool> TenantReads::ReadNext(Rows& rows, Tenant& tenant) {
  if (!rows.Next()) return rows.status().ok() ? absl::StatusOr<bool>(false) : rows.status();
  CROFT_RETURN_IF_ERROR(ReadTenant(rows, tenant));
  CROFT_RETURN_IF_ERROR(ReadCredentials(tenant));
  return true;
}

absl::StatusOr<std::optional<Tenant>> TenantReads::First(Rows rows) {
  std::optional<Tenant> tenant(std::in_place);
  CROFT_ASSIGN_OR_RETURN(const bool found, ReadNext(rows, *tenant));
  if (!found) tenant.reset();
  return tenant;
}

absl::StatusOr<std::optional<Tenant>> TenantReads::Find(absl::string_view id) {
  return First(find_.Query(id));
}

absl::StatusOr<std::optional<Tenant>> TenantReads::FindByUid(absl::string_view uid) {
  return First(find_by_uid_.Query(uid));
}

absl::StatusOr<std::optional<std::string>> TenantReads::FindAlias(absl::string_view alias) {
  Rows rows = find_alias_.Query(alias);
  if (rows.Next()) return std::optional<std::string>(rows.Get<std::string>(0));
  if (!rows.status().ok()) return rows.status();
  return std::optional<std::string>();
}

absl::StatusOr<TenantPage> TenantReads::List(const TenantQuery& query) {
  CROFT_ASSIGN_OR_RETURN(TenantIdPage found, ListTenantIds(database_, query));
  TenantPage page{.next_after = std::move(found.next_after)};
  page.tenants.reserve(found.ids.size());
  OrderedRowCursor tenants(find_from_);
  OrderedRowCursor credentials(credentials_from_);
  for (const std::string& id : found.ids) {
    CROFT_ASSIGN_OR_RETURN(const bool there, tenants.Reach(id));
    if (!there) continue;
    Tenant& tenant = page.tenants.emplace_back();
    CROFT_RETURN_IF_ERROR(ReadTenant(tenants.rows(), tenant));
    CROFT_ASSIGN_OR_RETURN(bool more, credentials.Reach(id));
    tenant.credentials.reserve(kUsualCredentials);
    while (more) {
      CROFT_RETURN_IF_ERROR(kCredentials.Read(credentials.rows(), 1, tenant.credentials.emplace_back()));
      CROFT_ASSIGN_OR_RETURN(more, credentials.Next(id));
    }
  }
  return page;
}

absl::StatusOr<int64_t> TenantReads::CountOnHost(absl::string_view host) {
  Rows rows = count_on_host_.Query(host);
  if (!rows.Next()) return rows.status();
  return rows.Get<int64_t>(0);
}

absl::StatusOr<int64_t> TenantReads::CountUnconfirmed() {
  Rows rows = count_unconfirmed_.Query();
  if (!rows.Next()) return rows.status();
  return rows.Get<int64_t>(0);
}

namespace {

absl::StatusOr<std::vector<Tenant>> WithoutCredentials(Rows rows) {
  std::vector<Tenant> tenants;
  while (rows.Next()) CROFT_RETURN_IF_ERROR(ReadTenant(rows, tenants.emplace_back()));
  if (!rows.status().ok()) return rows.status();
  return tenants;
}

}  // namespace

absl::StatusOr<std::vector<Tenant>> TenantReads::ListStorageLimited(absl::string_view after_id,
                                                                    int32_t limit) {
  return WithoutCredentials(storage_limited_.Query(after_id, limit));
}

absl::StatusOr<std::vector<Tenant>> TenantReads::ListAfter(absl::string_view after_id, int32_t limit) {
  return WithoutCredentials(list_after_.Query(after_id, std::max(limit, 0)));
}

struct TenantWrites::Former {
  std::string uid;
  absl::Time create_time;
  TenantState state;
  std::vector<std::string> aliases;
  Labels labels;
};

TenantWrites::TenantWrites(sqlite::Database& database)
    : former_(database, "SELECT uid, create_time, state, aliases, labels FROM tenants WHERE id = ?"),
      insert_(database, SqlBuilder()
                            .Append("INSERT INTO tenants (")
                            .Append(kTenantChanging.Names())
                            .Append(", ")
                            .Append(kTenantFixed.Names())
                            .Append(") VALUES (")
                            .Append(kTenantChanging.Places())
                            .Append(", ")
                            .Append(kTenantFixed.Places())
                            .Append(")")),
      // Leaves the indexes alone that a tenant's life does not change.
      update_(database, SqlBuilder()
                            .Append("UPDATE tenants SET (")
                            .Append(kTenantChanging.Names())
                            .Append(") = (")
                            .Append(kTenantChanging.Places())
                            .Append(") WHERE id = ?")),
      replace_(database, SqlBuilder()
                             .Append("UPDATE tenants SET (")
                             .Append(kTenantChanging.Names())
                             .Append(", ")
                             .Append(kTenantFixed.Names())
                             .Append(") = (")
                             .Append(kTenantChanging.Places())
                             .Append(", ")
                             .Append(kTenantFixed.Places())
                             .Append(") WHERE id = ?")),
      insert_alias_(database, "INSERT INTO aliases (alias, tenant) VALUES (?, ?)"),
      delete_alias_(database, "DELETE FROM aliases WHERE alias = ? AND tenant = ?"),
      put_label_(database,
                 "INSERT INTO tenant_labels (key, tenant, value) VALUES (?, ?, ?) "
                 "ON CONFLICT (key, tenant) DO UPDATE SET value = excluded.value"),
      delete_label_(database, "DELETE FROM tenant_labels WHERE key = ? AND tenant = ?"),
      credentials_(database, SelectCredentials()),
      put_credential_(database, SqlBuilder()
                                    .Append("INSERT OR REPLACE INTO credentials (tenant, position, ")
                                    .Append(kCredentials.Names())
                                    .Append(") VALUES (?, ?, ")
                                    .Append(kCredentials.Places())
                                    .Append(")")),
      delete_credentials_from_(database, "DELETE FROM credentials WHERE tenant = ? AND position >= ?") {}

absl::StatusOr<int> TenantWrites::Put(const Tenant& tenant) {
  CROFT_ASSIGN_OR_RETURN(const std::optional<Former> former, ReadFormer(tenant.id));
  CROFT_RETURN_IF_ERROR(PutRow(tenant, former));
  const bool was_present = former.has_value() && former->state != TenantState::kPurged;
  const bool is_present = tenant.state != TenantState::kPurged;
  CROFT_RETURN_IF_ERROR(PutAliases(tenant, was_present ? former->aliases : std::vector<std::string>()));
  CROFT_RETURN_IF_ERROR(PutLabels(tenant, was_present ? former->labels : Labels()));
  CROFT_RETURN_IF_ERROR(PutCredentials(tenant));
  return int{is_present} - int{was_present};
}

absl::StatusOr<std::optional<TenantWrites::Former>> TenantWrites::ReadFormer(absl::string_view id) {
  Rows rows = former_.Query(id);
  if (!rows.Next()) {
    if (!rows.status().ok()) return rows.status();
    return std::optional<Former>();
  }
  Former former;
  std::string state, aliases, labels;
  rows.Read(0, former.uid, former.create_time, state, aliases, labels);
  CROFT_RETURN_IF_ERROR(DecodeEnum(state, former.state));
  CROFT_RETURN_IF_ERROR(DecodeList(aliases, former.aliases));
  CROFT_RETURN_IF_ERROR(DecodeMap(labels, former.labels));
  return std::optional<Former>(std::move(former));
}

absl::Status TenantWrites::PutRow(const Tenant& tenant, const std::optional<Former>& former) {
  return kTenantChanging.Bind(tenant, [&](const auto&... changing) {
    if (former && former->uid == tenant.uid && former->create_time == tenant.create_time)
      return update_.Execute(changing..., tenant.id);
    return kTenantFixed.Bind(tenant, [&](const auto&... fixed) {
      return former ? replace_.Execute(changing..., fixed..., tenant.id)
                    : insert_.Execute(changing..., fixed...);
    });
  });
}

absl::Status TenantWrites::PutAliases(const Tenant& tenant, const std::vector<std::string>& former) {
  const std::set<std::string> before(former.begin(), former.end());
  std::set<std::string> after;
  if (tenant.state != TenantState::kPurged) after.insert(tenant.aliases.begin(), tenant.aliases.end());
  for (const std::string& alias : before) {
    if (!after.contains(alias)) CROFT_RETURN_IF_ERROR(delete_alias_.Execute(alias, tenant.id));
  }
  for (const std::string& alias : after) {
    if (!before.contains(alias)) CROFT_RETURN_IF_ERROR(insert_alias_.Execute(alias, tenant.id));
  }
  return absl::OkStatus();
}

absl::Status TenantWrites::PutLabels(const Tenant& tenant, const Labels& former) {
  const Labels after = tenant.state == TenantState::kPurged ? Labels() : tenant.labels;
  if (after == former) return absl::OkStatus();
  for (const auto& [key, value] : former) {
    if (!after.contains(key)) CROFT_RETURN_IF_ERROR(delete_label_.Execute(key, tenant.id));
  }
  for (const auto& [key, value] : after) {
    const auto found = former.find(key);
    if (found == former.end() || found->second != value) {
      CROFT_RETURN_IF_ERROR(put_label_.Execute(key, tenant.id, value));
    }
  }
  return absl::OkStatus();
}

absl::Status TenantWrites::PutCredentials(const Tenant& tenant) {
  std::vector<Credential> former;
  {
    Rows rows = credentials_.Query(tenant.id);
    while (rows.Next()) CROFT_RETURN_IF_ERROR(kCredentials.Read(rows, 0, former.emplace_back()));
    CROFT_RETURN_IF_ERROR(rows.status());
  }
  for (size_t i = 0; i < tenant.credentials.size(); ++i) {
    const Credential& now = tenant.credentials[i];
    if (i < former.size() && former[i] == now) continue;
    CROFT_RETURN_IF_ERROR(kCredentials.Bind(
        now, [&](const auto&... columns) { return put_credential_.Execute(tenant.id, i, columns...); }));
  }
  if (former.size() <= tenant.credentials.size()) return absl::OkStatus();
  return delete_credentials_from_.Execute(tenant.id, tenant.credentials.size());
}

}  // namespace croft::catalog
