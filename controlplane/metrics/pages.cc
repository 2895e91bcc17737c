// Decides which page an HTTP request gets and who may see it.

#include "controlplane/metrics/pages.h"

#include <utility>

#include <absl/strings/string_view.h>
#include <absl/strings/strip.h>

#include "common/metrics/text_page.h"

namespace croft::metrics {
namespace {

constexpr char kJson[] = "application/json";
constexpr absl::string_view kTenants = "/tenants/";

int CodeOf(const absl::Status& refused) {
  switch (refused.code()) {
    case absl::StatusCode::kUnauthenticated: return 401;
    case absl::StatusCode::kPermissionDenied: return 403;
    case absl::StatusCode::kNotFound: return 404;
    case absl::StatusCode::kResourceExhausted: return 429;
    default: return 503;
  }
}

}  // namespace

Pages::Pages(PageSources sources, const Clock& clock) : sources_(std::move(sources)), clock_(clock) {}

HttpResponse Pages::Answer(const HttpRequest& request) {
  if (request.method != "GET" && request.method != "HEAD")
    return TextResponse(405, "only GET and HEAD are answered");
  if (request.path == "/healthz") return TextResponse(200, "ok");
  if (request.path == "/readyz") {
    const absl::Status ready = sources_.ready();
    return ready.ok() ? TextResponse(200, "ok") : TextResponse(503, ready.message());
  }
  absl::string_view tenant = request.path;
  if (absl::ConsumePrefix(&tenant, kTenants)) return AnswerTenant(std::string(tenant), request);
  const bool metrics = request.path == "/metrics";
  if (!metrics && request.path != "/sd") {
    return TextResponse(404, "there are /metrics, /sd, /tenants/ID, /healthz and /readyz");
  }
  if (sources_.permit) {
    const absl::Status permitted = sources_.permit(request.authorization, request.peer);
    if (!permitted.ok()) return TextResponse(CodeOf(permitted), permitted.message());
  }
  if (metrics) return {200, TextPage::kContentType, metrics_.Read(sources_.metrics, clock_.Now())};
  return {200, kJson, discovery_.Read(sources_.discovery, clock_.Now())};
}

HttpResponse Pages::AnswerTenant(const std::string& id, const HttpRequest& request) {
  absl::StatusOr<std::string> page = sources_.tenant(id, request.authorization, request.peer);
  if (!page.ok()) return TextResponse(CodeOf(page.status()), page.status().message());
  return {200, TextPage::kContentType, *std::move(page)};
}

std::string Pages::Cached::Read(const std::function<std::string()>& source, absl::Time now) {
  const MutexLock lock(mutex_);
  // The wall clock may be set back.
  if (now < time_ || now - time_ >= kFresh) {
    text_ = source();
    time_ = now;
  }
  return text_;
}

}  // namespace croft::metrics
