// Serves the figures over HTTP, to callers that may read them.

#include "controlplane/server/measurements.h"

#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "controlplane/access/policy.h"
#include "controlplane/domain/errors.h"
#include "controlplane/metrics/exposition.h"
#include "controlplane/metrics/tenant_page.h"
#include "controlplane/server/tenant_figures.h"

namespace croft::server {
namespace {

// Who may call it may read the figures.
constexpr char kMethod[] = "AdminService/GetStatus";
// The same of a tenant's.
constexpr char kTenantMethod[] = "UsageService/GetUsage";

absl::Status NotReady(absl::string_view why) {
  return MakeError(absl::StatusCode::kUnavailable, why, {.reason = "NOT_READY"});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Measurements>> Measurements::Start(const MeasurementOptions& options,
                                                                  MeasurementParts parts) {
  std::unique_ptr<Measurements> made(new Measurements(parts));
  Measurements& self = *made;
  CROFT_ASSIGN_OR_RETURN(const bool loopback, metrics::HttpServer::IsLoopback(options.listen));
  metrics::PageSources sources{
      .metrics = [&self] { return metrics::WriteExposition(self.parts_.figures.Read()); },
      .discovery = [&self] { return metrics::WriteDiscovery(self.address(), self.parts_.figures.Read()); },
      .ready = [&self] { return self.Ready(); },
      .tenant = [&self](const std::string& id, const std::string& authorization,
                        const std::string& peer) { return self.TenantPage(id, authorization, peer); }};
  if (!loopback) {
    sources.permit = [&self](const std::string& authorization, const std::string& peer) {
      return self.Permit(authorization, peer);
    };
  }
  self.pages_ = std::make_unique<metrics::Pages>(std::move(sources), parts.clock);
  CROFT_ASSIGN_OR_RETURN(
      self.server_,
      metrics::HttpServer::Start(
          {.address = options.listen, .identity_file = loopback ? "" : options.identity_file},
          [&self](const metrics::HttpRequest& request) { return self.pages_->Answer(request); }));
  return made;
}

// A writer that has nothing to do gets something that changes nothing: it begins a transaction for it, which finds out
// whether the epoch is still this process's and ends the process if it is not. Whether it came to it is seen by the next
// request.
absl::Status Measurements::Ready() const {
  const Writer::Waiting waiting = parts_.writer.waiting();
  if (!waiting.since) {
    parts_.writer.Post(engine::Tick{});
  } else if (const absl::Duration wait = parts_.clock.Now() - *waiting.since; wait > kMostWait) {
    return NotReady(absl::StrCat("the catalog has not been written for ", absl::ToInt64Seconds(wait),
                                 " seconds, while ", waiting.events, " events wait"));
  }
  if (parts_.figures.DiskFreeBytes() < kLeastFreeBytes) {
    return NotReady("the catalog's disk is full: free some room, or make it larger");
  }
  return absl::OkStatus();
}

absl::StatusOr<access::Principal> Measurements::Identify(const std::string& authorization,
                                                         const std::string& peer) const {
  absl::StatusOr<access::Principal> principal =
      parts_.authenticator.Authenticate({.authorization = authorization});
  if (!principal.ok() || principal->kind == access::PrincipalKind::kAnonymous) {
    CROFT_RETURN_IF_ERROR(parts_.limits.TakeOfStranger(absl::StrCat("ipv4:", peer, ":0")));
  }
  return principal;
}

absl::Status Measurements::Permit(const std::string& authorization, const std::string& peer) const {
  CROFT_ASSIGN_OR_RETURN(const access::Principal principal, Identify(authorization, peer));
  return access::Policy().Check(principal, kMethod, {});
}

absl::StatusOr<std::string> Measurements::TenantPage(const std::string& id,
                                                     const std::string& authorization,
                                                     const std::string& peer) const {
  CROFT_ASSIGN_OR_RETURN(const access::Principal principal, Identify(authorization, peer));
  CROFT_RETURN_IF_ERROR(parts_.limits.Take(principal));
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, parts_.catalog.GetTenant(id));
  const bool found = tenant && tenant->state != domain::TenantState::kPurged;
  CROFT_RETURN_IF_ERROR(access::Policy().Check(
      principal, kTenantMethod, {.tenant = id, .labels = found ? &tenant->labels : nullptr}));
  if (!found) return domain::TenantNotFound(id);
  CROFT_ASSIGN_OR_RETURN(const metrics::TenantFigures figures,
                         ReadTenantFigures(*tenant, parts_.catalog, parts_.usage, parts_.clock.Now()));
  return metrics::WriteTenantPage(figures);
}

}  // namespace croft::server
