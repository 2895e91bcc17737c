// Counts an agent's tasks, and serves its figures over HTTP.

#include "agent/session/agent_figures.h"

#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/enums.h"
#include "common/errors.h"
#include "common/metrics/text_page.h"

namespace croft::agent {
namespace {

// From a create of an empty database to a restore of a large one.
std::vector<absl::Duration> Bounds() {
  return {absl::Milliseconds(50), absl::Milliseconds(100), absl::Milliseconds(250), absl::Milliseconds(500),
          absl::Seconds(1),       absl::Seconds(5),        absl::Seconds(30),       absl::Minutes(5),
          absl::Minutes(30),      absl::Hours(3)};
}

TaskOutcome OutcomeOf(const absl::Status& status) {
  if (status.ok()) return TaskOutcome::kSucceeded;
  return absl::IsCancelled(status) ? TaskOutcome::kCancelled : TaskOutcome::kFailed;
}

void WriteServer(const v1::HostReport& report, metrics::TextPage& page) {
  page.Gauge("croft_agent_postgres_up", "Whether PostgreSQL answers its agent.",
             report.postgres_up() ? 1 : 0);
  if (!report.free_bytes_unknown()) {
    page.Gauge("croft_agent_free_bytes", "What the disk of PostgreSQL has free.",
               static_cast<double>(report.free_bytes()));
  }
  page.Gauge("croft_agent_missing_rights", "Rights that the agent's role lacks.",
             report.missing_rights_size());
}

void WriteTasks(const std::map<std::string, TaskFigures>& tasks, metrics::TextPage& page) {
  page.BeginGauge("croft_agent_tasks", "Tasks that run, by kind.");
  for (const auto& [kind, figures] : tasks)
    page.Add({{"kind", kind}}, static_cast<double>(figures.running));
  page.BeginCounter("croft_agent_tasks_ended_total", "Tasks that have ended, by kind and outcome.");
  for (const auto& [kind, figures] : tasks) {
    for (const TaskOutcome outcome : AllOf<TaskOutcome>()) {
      const auto ended = figures.ended.find(outcome);
      page.Add({{"kind", kind}, {"outcome", NameOf(outcome)}},
               ended == figures.ended.end() ? 0 : static_cast<double>(ended->second));
    }
  }
  page.BeginHistogram("croft_agent_task_seconds", "How long tasks took.");
  for (const auto& [kind, figures] : tasks) page.Add({{"kind", kind}}, figures.took);
}

}  // namespace

TaskCounts::TaskCounts() {
  for (const std::string& kind : TaskKindNames()) kinds_[kind].took = std::make_unique<Histogram>(Bounds());
}

void TaskCounts::Began(const TaskKind& kind) {
  const MutexLock lock(mutex_);
  ++kinds_.find(kind.name)->second.running;
}

void TaskCounts::Ended(const TaskKind& kind, const absl::Status& status, absl::Duration took) {
  const MutexLock lock(mutex_);
  Counts& counts = kinds_.find(kind.name)->second;
  --counts.running;
  ++counts.ended[OutcomeOf(status)];
  counts.took->Observe(took);
}

std::map<std::string, TaskFigures> TaskCounts::Read() const {
  const MutexLock lock(mutex_);
  std::map<std::string, TaskFigures> all;
  for (const auto& [kind, counts] : kinds_)
    all[kind] = {.running = counts.running, .ended = counts.ended, .took = counts.took->Read()};
  return all;
}

std::string Exposition(const AgentFigures& figures) {
  metrics::TextPage page;
  page.BeginGauge("croft_agent_build_info", "1, with the version that runs.");
  page.Add({{"version", figures.version}}, 1);
  page.Gauge("croft_agent_connected", "Whether the agent is connected to a control plane.",
             figures.connected ? 1 : 0);
  WriteServer(figures.report, page);
  WriteTasks(figures.tasks, page);
  return page.Text();
}

absl::Status CheckFigureAddress(const std::string& address) {
  CROFT_ASSIGN_OR_RETURN(const bool loopback, metrics::HttpServer::IsLoopback(address));
  if (loopback) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("an agent serves metrics on loopback alone, and ", address,
                   " is not; the control plane serves those of all hosts, with TLS and a token"),
      {.reason = "METRICS_BEYOND_LOOPBACK", .metadata = {{"address", address}}});
}

absl::StatusOr<std::unique_ptr<metrics::HttpServer>> ServeFigures(const std::string& address,
                                                                  std::function<AgentFigures()> read) {
  CROFT_RETURN_IF_ERROR(CheckFigureAddress(address));
  return metrics::HttpServer::Start(
      {.address = address},
      [read = std::move(read)](const metrics::HttpRequest& request) -> metrics::HttpResponse {
        if (request.method != "GET" && request.method != "HEAD")
          return metrics::TextResponse(405, "only GET and HEAD are answered");
        if (request.path == "/healthz") return metrics::TextResponse(200, "ok");
        if (request.path != "/metrics")
          return metrics::TextResponse(404, "there are /metrics and /healthz");
        return {200, metrics::TextPage::kContentType, Exposition(read())};
      });
}

}  // namespace croft::agent
