#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "agent/tasks/task.h"
#include "common/histogram.h"
#include "common/metrics/http_server.h"
#include "common/sync.h"
#include "croft/v1/agent.pb.h"

// What an agent counts and shows of itself, where an operator asks for it. The control plane shows the figures of all
// hosts that come with heartbeats; these are what it does not see.
namespace croft::agent {

// How a task ended.
enum class TaskOutcome { kSucceeded, kFailed, kCancelled };

constexpr absl::string_view NameOf(TaskOutcome value) {
  switch (value) {
    case TaskOutcome::kSucceeded: return "SUCCEEDED";
    case TaskOutcome::kFailed: return "FAILED";
    case TaskOutcome::kCancelled: return "CANCELLED";
  }
  return "";
}

// Of one kind, since this process began.
struct TaskFigures {
  int64_t running = 0;
  std::map<TaskOutcome, int64_t> ended;
  Histogram::Snapshot took;
};

// Counts the tasks that run and have run. Thread-safe.
class TaskCounts {
 public:
  TaskCounts();

  void Began(const TaskKind& kind);
  void Ended(const TaskKind& kind, const absl::Status& status, absl::Duration took);

  // Every kind that there is, by name.
  std::map<std::string, TaskFigures> Read() const;

 private:
  struct Counts {
    int64_t running = 0;
    std::map<TaskOutcome, int64_t> ended;
    std::unique_ptr<Histogram> took;
  };

  mutable Mutex mutex_;
  std::map<std::string, Counts, std::less<>> kinds_ ABSL_GUARDED_BY(mutex_);
};

struct AgentFigures {
  std::string version;
  bool connected = false;  // to a control plane, now
  v1::HostReport report;
  std::map<std::string, TaskFigures> tasks;
};

// In Prometheus' text format. Names no tenant.
[[nodiscard]] std::string Exposition(const AgentFigures& figures);

// OK for an address that only this machine reaches. INVALID_ARGUMENT, METRICS_BEYOND_LOOPBACK or METRICS_ADDRESS_INVALID;
// UNAVAILABLE, METRICS_ADDRESS_UNUSABLE.
[[nodiscard]] absl::Status CheckFigureAddress(const std::string& address);

// Serves /metrics and /healthz on `address` until it is destroyed. `read` is called on a thread of its own and must not
// block. The errors of CheckFigureAddress and of HttpServer::Start.
[[nodiscard]] absl::StatusOr<std::unique_ptr<metrics::HttpServer>> ServeFigures(
    const std::string& address, std::function<AgentFigures()> read);

}  // namespace croft::agent
