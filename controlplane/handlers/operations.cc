// Implements OperationService.

#include "controlplane/handlers/operations.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/access/policy.h"
#include "controlplane/domain/errors.h"
#include "controlplane/handlers/campaigns.h"
#include "controlplane/wire/operation.h"
#include "controlplane/wire/requests.h"
#include "controlplane/wire/tenant_requests.h"

namespace croft::handlers {
namespace {

constexpr absl::Duration kUsualWait = absl::Minutes(5);
// For the answer to reach the caller before its deadline.
constexpr absl::Duration kAnswerTime = absl::Milliseconds(250);
// Read for a campaign in one look, and named of those that one would take.
constexpr int32_t kTenantsAtOnce = 1000;
constexpr int kMostTenantsNamed = 1000;

absl::StatusOr<domain::Operation> Read(catalog::Catalog& catalog, const std::string& id) {
  CROFT_ASSIGN_OR_RETURN(std::optional<domain::Operation> operation, catalog.GetOperation(id));
  if (!operation) return domain::OperationNotFound(id);
  return *std::move(operation);
}

}  // namespace

Service OperationHandlers::service() {
  Service service("croft.v1.OperationService");
  service.Unary("GetOperation", *this, &OperationHandlers::GetOperation);
  service.Unary("ListOperations", *this, &OperationHandlers::ListOperations);
  service.DeferredUnary("WaitOperation", *this, &OperationHandlers::WaitOperation);
  service.ServerStream("WatchOperation", *this, &OperationHandlers::WatchOperation);
  service.Unary("CancelOperation", *this, &OperationHandlers::CancelOperation);
  service.Unary("StartCampaign", *this, &OperationHandlers::StartCampaign);
  return service;
}

absl::StatusOr<v1::Operation> OperationHandlers::GetOperation(const RequestContext&,
                                                              const v1::GetOperationRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const std::string id, wire::Parse(request));
  CROFT_ASSIGN_OR_RETURN(const domain::Operation operation, Read(catalog_, id));
  return presenter_.Show(operation);
}

absl::StatusOr<v1::ListOperationsResponse> OperationHandlers::ListOperations(
    const RequestContext& context, const v1::ListOperationsRequest& request) {
  CROFT_ASSIGN_OR_RETURN(wire::OperationList list, wire::Parse(request, tokens_));
  const access::Policy policy;
  std::map<std::string, bool> seen;  // by tenant
  const auto sees = [&](const std::string& id) -> absl::StatusOr<bool> {
    if (const auto known = seen.find(id); known != seen.end()) return known->second;
    CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog_.GetTenant(id));
    return seen[id] = policy.Sees(context.principal, context.caller.method, id,
                                  tenant ? &tenant->labels : nullptr);
  };

  std::vector<domain::Operation> page;
  std::optional<int64_t> next;
  // A page can be short, since some rows are left out; an empty one only at the end.
  do {
    CROFT_ASSIGN_OR_RETURN(catalog::OperationPage rows, catalog_.ListOperations(list.query));
    for (domain::Operation& row : rows.operations) {
      if (row.kind == domain::OperationKind::kCleanUp || !list.matches(row)) continue;
      CROFT_ASSIGN_OR_RETURN(const bool visible, sees(row.tenant));
      if (visible) page.push_back(std::move(row));
    }
    next = list.query.before = rows.next;
    if (context.cancellation->cancelled()) return absl::CancelledError("the caller has gone");
  } while (page.empty() && next);

  CROFT_ASSIGN_OR_RETURN(std::vector<v1::Operation> shown, presenter_.Show(page));
  v1::ListOperationsResponse response;
  for (v1::Operation& operation : shown) *response.add_operations() = std::move(operation);
  if (next) response.set_next_page_token(wire::NextPageToken(request, tokens_, *next));
  return response;
}

void OperationHandlers::WaitOperation(const RequestContext& context,
                                      const v1::WaitOperationRequest& request,
                                      Respond<v1::Operation> respond) {
  absl::StatusOr<wire::OperationWait> wait = wire::Parse(request);
  if (!wait.ok()) return respond(wait.status());
  const absl::Time now = clock_.Now();
  absl::Time until = context.deadline == absl::InfiniteFuture() ? now + kUsualWait : context.deadline;
  until -= std::min(kAnswerTime, (until - now) / 4);
  if (wait->timeout) until = std::min(until, now + *wait->timeout);

  // Responds when the operation has ended, or at its last chance; returns whether it did. It may run once more when all
  // of the handlers are gone, so it holds what it needs.
  const auto answer = [&catalog = catalog_, presenter = presenter_, id = wait->operation,
                       respond](bool last_chance) {
    const absl::StatusOr<domain::Operation> operation = Read(catalog, id);
    const bool responds = !operation.ok() || last_chance || domain::Ended(*operation);
    if (responds) respond(operation.ok() ? presenter.Show(*operation) : operation.status());
    return responds;
  };
  const OperationWatcher::Ticket ticket =
      operation_watcher_.Subscribe(wait->operation, until, [answer](OperationWatcher::WakeReason reason) {
        return !answer(reason == OperationWatcher::WakeReason::kTimeIsUp);
      });
  // What changed before the subscription is seen here. The first answer counts.
  if (answer(false)) return operation_watcher_.Unsubscribe(ticket);
  context.cancellation->OnCancel([&watcher = operation_watcher_, ticket, respond] {
    watcher.Unsubscribe(ticket);
    respond(absl::CancelledError("the caller has gone"));
  });
}

namespace {

// One operation, sent again whenever what a caller sees of it has changed.
class OperationFeed final : public Feed<v1::Operation> {
 public:
  OperationFeed(catalog::Catalog& catalog, catalog::CommitBarrier& commits, const Presenter& presenter,
                OperationWatcher& operation_watcher, std::string id, Wake wake)
      : catalog_(catalog),
        commits_(commits),
        presenter_(presenter),
        operation_watcher_(operation_watcher),
        id_(std::move(id)) {
    ticket_ = operation_watcher_.Subscribe(id_, absl::InfiniteFuture(),
                                           [signal = signal_, wake = std::move(wake)](auto) {
                                             signal->store(true);
                                             wake();
                                             return true;
                                           });
  }
  ~OperationFeed() override { operation_watcher_.Unsubscribe(ticket_); }

  Pulled<v1::Operation> Next() override {
    if (ended_) return EndOfStream{absl::OkStatus()};
    while (signal_->exchange(false)) {
      absl::StatusOr<std::optional<domain::Operation>> operation = catalog_.GetOperation(id_);
      if (!operation.ok()) return EndOfStream{operation.status()};
      if (!*operation) return EndOfStream{domain::OperationNotFound(id_)};
      operation_watcher_.AlsoOfHost(ticket_, wire::HostOfCurrentStep(**operation));
      absl::StatusOr<v1::Operation> shown = presenter_.Show(**operation);
      if (!shown.ok()) return EndOfStream{shown.status()};
      if (shown->etag() == last_.etag() && shown->progress() == last_.progress()) continue;
      ended_ = shown->done();
      last_.set_etag(shown->etag());
      last_.set_progress(shown->progress());
      commits_.Await();
      return *std::move(shown);
    }
    return NothingYet();
  }

 private:
  catalog::Catalog& catalog_;
  catalog::CommitBarrier& commits_;
  const Presenter& presenter_;
  OperationWatcher& operation_watcher_;
  const std::string id_;
  // Something may have changed. Shared, since the callback can run after this has gone.
  const std::shared_ptr<std::atomic<bool>> signal_ = std::make_shared<std::atomic<bool>>(true);
  OperationWatcher::Ticket ticket_ = 0;
  v1::Operation last_;  // what was sent last: etag and progress
  bool ended_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Feed<v1::Operation>>> OperationHandlers::WatchOperation(
    const RequestContext&, const v1::WatchOperationRequest& request, Wake wake) {
  CROFT_ASSIGN_OR_RETURN(const std::string id, wire::Parse(request));
  CROFT_RETURN_IF_ERROR(Read(catalog_, id).status());
  return std::make_unique<OperationFeed>(catalog_, commits_, presenter_, operation_watcher_, id,
                                         std::move(wake));
}

absl::StatusOr<v1::Operation> OperationHandlers::CancelOperation(
    const RequestContext& context, const v1::CancelOperationRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::CancelOperation body, wire::Parse(request));
  return presenter_.ShowOperation(event_queue_.Call(context.caller, std::move(body)), context);
}

absl::StatusOr<v1::Operation> OperationHandlers::StartCampaign(const RequestContext& context,
                                                               const v1::StartCampaignRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::StartCampaign body, wire::Parse(request));
  body.operation = secrets_.NewOperationId();
  v1::Campaign named;
  std::string after;
  for (bool all = false; !all;) {
    CROFT_ASSIGN_OR_RETURN(
        const SelectedTenants selected,
        SelectTenants(catalog_, {.host = body.host, .filter = body.filter}, after, kTenantsAtOnce));
    body.total += static_cast<int32_t>(selected.tenants.size());
    for (const domain::Tenant& tenant : selected.tenants) {
      if (named.tenants_size() < kMostTenantsNamed) named.add_tenants(TenantName(tenant.id));
    }
    after = selected.looked_up_to;
    all = selected.all;
    if (context.cancellation->cancelled()) return absl::CancelledError("the caller has gone");
  }
  CROFT_ASSIGN_OR_RETURN(
      v1::Operation shown,
      presenter_.ShowOperation(event_queue_.Call(context.caller, std::move(body)), context));
  if (context.caller.validate_only)
    *shown.mutable_campaign()->mutable_tenants() = std::move(*named.mutable_tenants());
  return shown;
}

}  // namespace croft::handlers
