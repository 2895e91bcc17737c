#pragma once

#include <memory>
#include <string>

#include <absl/status/statusor.h>

#include "common/clock.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/catalog/commit_barrier.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/handlers/operation_watcher.h"
#include "controlplane/handlers/presenter.h"
#include "controlplane/handlers/secret_maker.h"
#include "controlplane/handlers/service.h"
#include "controlplane/wire/page_tokens.h"
#include "croft/v1/operation.pb.h"

namespace croft::handlers {

// croft.v1.OperationService. Thread-safe. Calls that wait hold no thread. `catalog`, `commits`, what `presenter` knows
// and `operation_watcher` outlive every call.
class OperationHandlers {
 public:
  OperationHandlers(engine::EventQueue& event_queue, catalog::Catalog& catalog,
                    catalog::CommitBarrier& commits, const SecretMaker& secrets, const Presenter& presenter,
                    const wire::PageTokens& tokens, OperationWatcher& operation_watcher, const Clock& clock)
      : event_queue_(event_queue),
        catalog_(catalog),
        commits_(commits),
        secrets_(secrets),
        presenter_(presenter),
        tokens_(tokens),
        operation_watcher_(operation_watcher),
        clock_(clock) {}

  Service service();

 private:
  absl::StatusOr<v1::Operation> GetOperation(const RequestContext& context,
                                             const v1::GetOperationRequest& request);
  absl::StatusOr<v1::ListOperationsResponse> ListOperations(const RequestContext& context,
                                                            const v1::ListOperationsRequest& request);
  void WaitOperation(const RequestContext& context, const v1::WaitOperationRequest& request,
                     Respond<v1::Operation> respond);
  absl::StatusOr<std::unique_ptr<Feed<v1::Operation>>> WatchOperation(
      const RequestContext& context, const v1::WatchOperationRequest& request, Wake wake);
  absl::StatusOr<v1::Operation> CancelOperation(const RequestContext& context,
                                                const v1::CancelOperationRequest& request);
  absl::StatusOr<v1::Operation> StartCampaign(const RequestContext& context,
                                              const v1::StartCampaignRequest& request);

  engine::EventQueue& event_queue_;
  catalog::Catalog& catalog_;
  catalog::CommitBarrier& commits_;
  const SecretMaker& secrets_;
  const Presenter& presenter_;
  const wire::PageTokens& tokens_;
  OperationWatcher& operation_watcher_;
  const Clock& clock_;
};

}  // namespace croft::handlers
