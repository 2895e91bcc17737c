#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/sync.h"
#include "controlplane/domain/rebuild.h"
#include "controlplane/engine/event_queue.h"

namespace croft::server {

// What has come in of each host that a catalog is rebuilt from: the event queue of a fleet that has no engine behind it.
// Thread-safe.
class HostReports final : public engine::EventQueue {
 public:
  explicit HostReports(const std::vector<std::string>& hosts) {
    for (const std::string& host : hosts) known_[host];
  }

  // Nobody has anything to ask yet.
  absl::StatusOr<engine::Answer> Call(engine::Caller caller, engine::RequestBody body) override;
  // A new session of a host takes back what the one before has shown: it may have been another agent's.
  void Post(engine::Event event) override;

  struct Question {
    std::string host;
    int64_t session = 0;
    std::vector<std::string> stores;  // that the host reaches
  };
  // Whom to ask now. Each is named once, and again when its answer was an error or another session began.
  std::vector<Question> ToAsk();
  // An answer of an earlier session is dropped.
  void Answer(const Question& question, absl::StatusOr<domain::Inventory> inventory);

  // Until something has come in, or for `timeout`.
  void AwaitNews(absl::Duration timeout);
  // Hosts whose inventory is not here yet, by id.
  std::vector<std::string> Missing() const;
  // Nothing as long as one is missing.
  std::optional<std::vector<domain::ReportedHost>> All() const;

 private:
  struct Known {
    int64_t session = 0;
    bool here = false;
    bool asked = false;
    domain::HostReport report;
    std::optional<domain::Inventory> inventory;
  };

  mutable Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Known> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::server
