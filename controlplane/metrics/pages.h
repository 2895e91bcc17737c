#pragma once

#include <functional>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/metrics/http_server.h"
#include "common/sync.h"

// Which HTTP page a request gets, and who may see it.
namespace croft::metrics {

// What the pages show. Every function is thread-safe.
struct PageSources {
  std::function<std::string()> metrics;
  std::function<std::string()> discovery;
  std::function<absl::Status()> ready;  // or why the control plane cannot act
  // Whether the caller may read figures; not set where everybody may. /healthz and /readyz are everybody's.
  std::function<absl::Status(const std::string& authorization, const std::string& peer)> permit;
  // The figures of the tenant with this id, for a caller that may read them; or why not.
  std::function<absl::StatusOr<std::string>(const std::string& id, const std::string& authorization,
                                            const std::string& peer)>
      tenant;
};

// /metrics, /sd, /tenants/ID, /healthz and /readyz. What is read for one request answers all others within a second, so that the cost
// is bounded however often they come; but for a tenant's page, which each caller is checked for. Thread-safe.
class Pages {
 public:
  static constexpr absl::Duration kFresh = absl::Seconds(1);

  // `clock` outlives it.
  Pages(PageSources sources, const Clock& clock);

  HttpResponse Answer(const HttpRequest& request);

 private:
  HttpResponse AnswerTenant(const std::string& id, const HttpRequest& request);

  // A text that is read anew when it is older than kFresh.
  class Cached {
   public:
    std::string Read(const std::function<std::string()>& source, absl::Time now);

   private:
    Mutex mutex_;
    absl::Time time_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
    std::string text_ ABSL_GUARDED_BY(mutex_);
  };

  const PageSources sources_;
  const Clock& clock_;
  Cached metrics_;
  Cached discovery_;
};

}  // namespace croft::metrics
