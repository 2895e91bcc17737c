#pragma once

#include <memory>
#include <string>
#include <utility>

#include <absl/status/statusor.h>

#include "common/clock.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/fleet/exports.h"
#include "controlplane/handlers/presenter.h"
#include "controlplane/handlers/service.h"
#include "controlplane/keyring/key_store.h"
#include "croft/v1/backup.pb.h"

namespace croft::handlers {

// Gives the data of backups to callers, as it comes from an agent. Thread-safe.
class BackupExporter {
 public:
  // All references outlive it and its streams.
  BackupExporter(engine::EventQueue& event_queue, catalog::Catalog& catalog, const Presenter& presenter,
                 keyring::KeyStore& keys, fleet::ExportSource& agents, const Clock& clock,
                 std::string version)
      : event_queue_(event_queue),
        catalog_(catalog),
        presenter_(presenter),
        keys_(keys),
        agents_(agents),
        clock_(clock),
        version_(std::move(version)) {}

  // The audit row and the event are durable before the agent is asked.
  absl::StatusOr<std::unique_ptr<Feed<v1::ExportBackupResponse>>> ExportBackup(
      const RequestContext& context, const v1::ExportBackupRequest& request, Wake wake);

 private:
  absl::StatusOr<v1::BackupExport> Describe(const RequestContext& context, const domain::Tenant& tenant,
                                            const domain::Backup& backup) const;
  absl::StatusOr<v1::BackupSource> SourceOf(const domain::Backup& backup, const std::string& store) const;

  engine::EventQueue& event_queue_;
  catalog::Catalog& catalog_;
  const Presenter& presenter_;
  keyring::KeyStore& keys_;
  fleet::ExportSource& agents_;
  const Clock& clock_;
  const std::string version_;
};

}  // namespace croft::handlers
