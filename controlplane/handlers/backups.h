#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/clock.h"
#include "controlplane/access/authority.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/handlers/backup_export.h"
#include "controlplane/handlers/presenter.h"
#include "controlplane/handlers/secret_maker.h"
#include "controlplane/handlers/service.h"
#include "controlplane/wire/page_tokens.h"
#include "croft/v1/backup.pb.h"

namespace croft::handlers {

// croft.v1.BackupService. Thread-safe.
class BackupHandlers {
 public:
  // All outlive it.
  BackupHandlers(engine::EventQueue& event_queue, catalog::Catalog& catalog, const SecretMaker& secrets,
                 const Presenter& presenter, const wire::PageTokens& tokens,
                 const access::Authority& authority, const Clock& clock, BackupExporter& exporter)
      : event_queue_(event_queue),
        catalog_(catalog),
        secrets_(secrets),
        presenter_(presenter),
        tokens_(tokens),
        authority_(authority),
        clock_(clock),
        exporter_(exporter) {}

  Service service();

 private:
  absl::StatusOr<v1::Operation> CreateBackup(const RequestContext& context,
                                             const v1::CreateBackupRequest& request);
  absl::StatusOr<v1::Backup> GetBackup(const RequestContext& context, const v1::GetBackupRequest& request);
  absl::StatusOr<v1::ListBackupsResponse> ListBackups(const RequestContext& context,
                                                      const v1::ListBackupsRequest& request);
  absl::StatusOr<v1::Operation> VerifyBackup(const RequestContext& context,
                                             const v1::VerifyBackupRequest& request);
  absl::StatusOr<v1::Operation> CopyBackup(const RequestContext& context,
                                           const v1::CopyBackupRequest& request);
  absl::StatusOr<v1::Operation> DeleteBackup(const RequestContext& context,
                                             const v1::DeleteBackupRequest& request);
  absl::StatusOr<v1::Backup> HoldBackup(const RequestContext& context,
                                        const v1::HoldBackupRequest& request);
  absl::StatusOr<v1::Backup> ReleaseBackup(const RequestContext& context,
                                           const v1::ReleaseBackupRequest& request);
  absl::StatusOr<v1::ListBackupPlansResponse> ListBackupPlans(const RequestContext& context,
                                                              const v1::ListBackupPlansRequest& request);

  absl::StatusOr<std::unique_ptr<Feed<v1::ReportBackupsResponse>>> ReportBackups(
      const RequestContext& context, const v1::ReportBackupsRequest& request, Wake wake);

  // Parses, asks, and shows the backup as it is then.
  template <typename Request>
  absl::StatusOr<v1::Backup> Change(const RequestContext& context, const Request& request);
  absl::StatusOr<std::optional<domain::Backup>> FindByGivenName(const std::string& tenant,
                                                                const std::string& given_name);
  absl::StatusOr<v1::BackupPlan> PlanOf(const domain::Tenant& tenant,
                                        const std::vector<domain::BackupPolicy>& policies);

  engine::EventQueue& event_queue_;
  catalog::Catalog& catalog_;
  const SecretMaker& secrets_;
  const Presenter& presenter_;
  const wire::PageTokens& tokens_;
  const access::Authority& authority_;  // signs reports
  const Clock& clock_;
  BackupExporter& exporter_;
};

}  // namespace croft::handlers
