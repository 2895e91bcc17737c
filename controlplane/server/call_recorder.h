#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/handlers/call_log.h"

namespace croft::server {

// Brings into the audit what changes nothing: who read passwords, who was denied what, and which tokens are in
// use. What need not be durable before an answer goes out is gathered for some seconds and lost with a crash.
//
// The audit's growth is bounded whatever callers do. By an hour, of each caller and method: one row for the first
// read, one for each hundred tenants more, and none beyond ten thousand tenants but one that says so. Of each
// caller (all who show no identity are one): a hundred kinds of denied calls, two rows each, and one for the rest.
class CallRecorder final : public handlers::CallLog {
 public:
  // Both outlive it.
  CallRecorder(engine::EventQueue& event_queue, const Clock& clock)
      : event_queue_(event_queue), clock_(clock) {}
  ~CallRecorder() override { Stop(); }

  void Start();
  // Records what was gathered; the event queue must still answer. Whoever waits is told.
  void Stop();

  bool NoteReads(const handlers::RequestContext& context,
                 absl::Span<const absl::string_view> tenants) override;
  void WhenRecorded(const handlers::RequestContext& context,
                    std::function<void(const absl::Status&)> then) override;
  void NoteDenied(const handlers::RequestContext& context, absl::string_view tenant,
                  const absl::Status& error) override;
  void NoteToken(const std::string& user, const std::string& token);

 private:
  using Then = std::function<void(const absl::Status&)>;
  // Reads of passwords by one caller with one method, in one hour.
  struct Reads {
    int64_t hour = -1;
    bool durable = false;  // that it reads at all
    bool crowded = false;  // more tenants than are named
    std::string peer;
    std::unordered_set<size_t> named;  // hashes of the tenants named already
    std::vector<std::string> pending;
    std::vector<Then> waiting;
  };
  using ReadKey = std::pair<std::string, std::string>;  // caller, method
  // Caller, address, method, resource, reason; all but the caller empty for the rest.
  using DenialKey = std::tuple<std::string, std::string, std::string, std::string, std::string>;
  struct Denials {
    std::string reason;
    bool reported = false;
    int64_t unreported = 0;
  };
  struct Round {
    engine::RecordCalls calls;
    std::vector<ReadKey> opened;
    std::vector<Then> waiting;
  };

  int64_t Hour() const;
  Reads& ReadsOf(const handlers::RequestContext& context) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run();
  bool WaitForWork(absl::Time next_round);
  Round Gather(bool all);
  void GatherReads(bool all, Round& round) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GatherDenials(bool all, Round& round) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Record(Round round);

  engine::EventQueue& event_queue_;
  const Clock& clock_;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool urgent_ ABSL_GUARDED_BY(mutex_) = false;  // somebody waits
  std::map<ReadKey, Reads> reads_ ABSL_GUARDED_BY(mutex_);
  std::map<DenialKey, Denials> denials_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, size_t> kinds_denied_ ABSL_GUARDED_BY(mutex_);  // by caller, in this hour
  int64_t denial_hour_ ABSL_GUARDED_BY(mutex_) = -1;
  std::map<std::pair<std::string, std::string>, int64_t> token_hours_ ABSL_GUARDED_BY(mutex_);
  std::vector<engine::RecordCalls::TokenUse> token_uses_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace croft::server
