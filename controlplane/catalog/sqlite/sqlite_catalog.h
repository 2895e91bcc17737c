#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>

#include "controlplane/catalog/audit_chain.h"
#include "controlplane/catalog/catalog.h"

// The catalog in an SQLite file.
namespace croft::catalog {

struct Reader;

struct SqliteCatalogOptions {
  // Ends the control plane that holds the catalog, takes a copied file for the catalog, and raises the epoch.
  bool take_over = false;
  // How long the holder gets to end by itself.
  absl::Duration take_over_timeout = absl::Seconds(10);
  // This machine; /etc/machine-id where it is not set.
  std::optional<std::string> machine_id;
  absl::Time now = absl::Now();
  // Reads at the same time; more wait for one another, never for the writer.
  int32_t readers = 4;
};

// The catalog in one SQLite file, and beside it `catalog.lock`, which one process holds for life. Other
// programs must keep their hands off the file while it does (see common/sqlite/database.h). Before a catalog of an older
// version is brought to this one's schema, a copy of it is kept beside it as `catalog.db.before-upgrade`, in place of
// that of an earlier upgrade.
class SqliteCatalog final : public Catalog {
 public:
  // Opens or makes the catalog file `path`, such as `/var/lib/croft/catalog.db`, in a folder that exists.
  //   CATALOG_LOCKED  ABORTED; another control plane holds it
  //   CATALOG_COPIED  FAILED_PRECONDITION; the file was last used on another machine or as another file
  //   RESTORE_CUT     FAILED_PRECONDITION; a restore of it did not get to its end
  // and the errors of common/sqlite/database.h. A file that is refused is left as it was.
  static absl::StatusOr<std::unique_ptr<SqliteCatalog>> Open(absl::string_view path,
                                                             const SqliteCatalogOptions& options);
  ~SqliteCatalog() override;

  absl::StatusOr<std::unique_ptr<Transaction>> Begin() override;
  domain::Revision revision() const override;

  absl::StatusOr<std::optional<domain::Tenant>> GetTenant(absl::string_view id) override;
  absl::StatusOr<std::optional<domain::Tenant>> GetTenantByUid(absl::string_view uid) override;
  absl::StatusOr<TenantPage> ListTenants(const TenantQuery& query) override;
  absl::StatusOr<std::optional<domain::Host>> GetHost(absl::string_view id) override;
  absl::StatusOr<std::vector<domain::Host>> ListHosts() override;
  absl::StatusOr<std::optional<domain::User>> GetUser(absl::string_view id) override;
  absl::StatusOr<std::vector<domain::User>> ListUsers() override;
  absl::StatusOr<std::optional<domain::Operation>> GetOperation(absl::string_view id) override;
  absl::StatusOr<OperationPage> ListOperations(const OperationQuery& query) override;
  absl::StatusOr<std::optional<domain::Backup>> GetBackup(absl::string_view tenant,
                                                          absl::string_view id) override;
  absl::StatusOr<std::vector<domain::Backup>> ListBackups(absl::string_view tenant,
                                                          const BackupPosition& after,
                                                          int32_t limit) override;
  absl::StatusOr<domain::Revision> ForEachTenant(
      const std::function<void(const domain::Tenant&)>& visit) override;
  absl::StatusOr<domain::Revision> ReadPlacements(const std::function<domain::Tenant&()>& place) override;
  absl::StatusOr<int64_t> CountTenants() override;
  absl::StatusOr<int64_t> CountRunningOperations() override;
  absl::StatusOr<int64_t> CountUnconfirmedTenants() override;
  absl::StatusOr<std::vector<domain::Tenant>> ListStorageLimited(absl::string_view after_id,
                                                                 int32_t limit) override;
  absl::StatusOr<std::vector<domain::BackupPolicy>> ListBackupPolicies() override;
  absl::StatusOr<std::vector<domain::Schedule>> DueSchedules(absl::Time now, int32_t limit) override;
  absl::StatusOr<std::vector<domain::Schedule>> RefusedSchedules(int32_t refusals, int32_t limit) override;
  absl::StatusOr<std::optional<domain::Schedule>> GetSchedule(const domain::ScheduleKey& key) override;
  absl::StatusOr<std::optional<domain::Erasure>> GetErasure(absl::string_view uid_or_id) override;
  absl::StatusOr<std::vector<domain::AuditRow>> ListAudit(int64_t after_sequence, int32_t limit) override;
  absl::StatusOr<std::vector<domain::AuditRow>> ListAuditBefore(int64_t sequence, int32_t limit) override;
  absl::StatusOr<domain::Revision> CommittedRevision() override;
  absl::StatusOr<AuditHead> RecordedAuditHead() override;
  absl::StatusOr<std::optional<domain::AuditCheckpoint>> GetAuditCheckpoint() override;
  absl::StatusOr<EventPage> ListEvents(const EventQuery& query) override;
  absl::StatusOr<domain::EventLog> GetEventLog() override;
  absl::StatusOr<int64_t> PositionBefore(absl::Time time) override;

  // A whole, checked copy of the newest commit in the new file `path`, while writes go on. ALREADY_EXISTS when
  // there is such a file.
  absl::Status BackUpTo(absl::string_view path);

 private:
  struct Components;

  explicit SqliteCatalog(std::unique_ptr<Components> components);

  template <typename Ask>
  auto Read(Ask ask) -> decltype(ask(std::declval<Reader&>()));

  std::unique_ptr<Components> components_;
};

}  // namespace croft::catalog
