#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/fleet/uploads.h"
#include "controlplane/handlers/presenter.h"
#include "controlplane/handlers/secret_maker.h"
#include "controlplane/handlers/service.h"
#include "controlplane/keyring/key_store.h"
#include "controlplane/wire/import_requests.h"
#include "croft/v1/import.pb.h"

namespace croft::handlers {

// croft.v1.ImportService. Imports that are being sent are known here alone: they end with the process. Thread-safe.
class ImportHandlers {
 public:
  // Each may hold a thread of the pool while it waits for its agent.
  static constexpr int64_t kMost = 4;
  // An import that nobody has called for so long is dropped when the next one begins. Its agent does so on its own.
  static constexpr absl::Duration kIdle = absl::Minutes(2);
  // How long a call waits for the agent, at most.
  static constexpr absl::Duration kLongestWait = absl::Seconds(5);

  // All outlive it.
  ImportHandlers(engine::EventQueue& event_queue, catalog::Catalog& catalog, const SecretMaker& secrets,
                 keyring::KeyStore& keys, fleet::UploadTarget& agents, const Presenter& presenter,
                 const Clock& clock)
      : event_queue_(event_queue),
        catalog_(catalog),
        secrets_(secrets),
        keys_(keys),
        agents_(agents),
        presenter_(presenter),
        clock_(clock) {}

  Service service();

 private:
  struct Import;
  using ImportRef = std::shared_ptr<Import>;

  absl::StatusOr<v1::BeginImportResponse> BeginImport(const RequestContext& context,
                                                      const v1::BeginImportRequest& request);
  absl::StatusOr<v1::AppendImportResponse> AppendImport(const RequestContext& context,
                                                        const v1::AppendImportRequest& request);
  absl::StatusOr<v1::Operation> FinishImport(const RequestContext& context,
                                             const v1::FinishImportRequest& request);
  absl::StatusOr<v1::AbandonImportResponse> AbandonImport(const RequestContext& context,
                                                          const v1::AbandonImportRequest& request);

  // What the engine would do now, on which host.
  absl::StatusOr<domain::Operation> Plan(const RequestContext& context, const wire::BeginImport& request);
  absl::StatusOr<ImportRef> Open(const wire::BeginImport& request, const domain::Host& host,
                                 const domain::Operation& planned);
  absl::Status Register(const std::string& id, const ImportRef& import);
  void NoteSent(Import& import);
  absl::StatusOr<ImportRef> Find(const RequestContext& context, const std::string& id);
  // `why`, after which nothing of the import is left.
  absl::Status Drop(const std::string& id, const ImportRef& import, const absl::Status& why);
  absl::StatusOr<engine::Answer> Commit(const RequestContext& context, const wire::FinishImport& request,
                                        Import& import, const engine::BackedUp& stored);

  engine::EventQueue& event_queue_;
  catalog::Catalog& catalog_;
  const SecretMaker& secrets_;
  keyring::KeyStore& keys_;
  fleet::UploadTarget& agents_;
  const Presenter& presenter_;
  const Clock& clock_;

  Mutex mutex_;
  std::map<std::string, ImportRef> imports_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::handlers
