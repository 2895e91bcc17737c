// Decides which page an HTTP request gets and who may see it.

#include "controlplane/metrics/pages.h"

#include <utility>

#include <absl/strings/str_cat.h>

namespace croft::metrics {
namespace {

constexpr char kPlain[] = "text/plain; charset=utf-8";
constexpr char kExposition[] = "text/plain; version=0.0.4; charset=utf-8";
constexpr char kJson[] = "application/json";

HttpResponse Text(int code, absl::string_view text) { return {code, kPlain, absl::StrCat(text, "\n")}; }

int CodeOf(const absl::Status& refused) {
  switch (refused.code()) {
    case absl::StatusCode::kUnauthenticated: return 401;
    case absl::StatusCode::kPermissionDenied: return 403;
    case absl::StatusCode::kResourceExhausted: return 429;
    default: return 503;
  }
}

}  // namespace

Pages::Pages(PageSources sources, const Clock& clock) : sources_(std::move(sources)), clock_(clock) {}

HttpResponse Pages::Answer(const HttpRequest& request) {
  if (request.method != "GET" && request.method != "HEAD")
    return Text(405, "only GET and HEAD are answered");
  if (request.path == "/healthz") return Text(200, "ok");
  if (request.path == "/readyz") {
    const absl::Status ready = sources_.ready();
    return ready.ok() ? Text(200, "ok") : Text(503, ready.message());
  }
  const bool metrics = request.path == "/metrics";
  if (!metrics && request.path != "/sd") {
    return Text(404, "there are /metrics, /sd, /healthz and /readyz");
  }
  if (sources_.permit) {
    const absl::Status permitted = sources_.permit(request.authorization, request.peer);
    if (!permitted.ok()) return Text(CodeOf(permitted), permitted.message());
  }
  if (metrics) return {200, kExposition, metrics_.Read(sources_.metrics, clock_.Now())};
  return {200, kJson, discovery_.Read(sources_.discovery, clock_.Now())};
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
