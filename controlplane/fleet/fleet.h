#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/fleet/exports.h"
#include "controlplane/fleet/inventories.h"
#include "controlplane/fleet/session.h"
#include "controlplane/fleet/statement_questions.h"
#include "controlplane/fleet/uploads.h"
#include "controlplane/keyring/key_store.h"
#include "controlplane/usage/usage.h"

namespace croft::fleet {

// The agents that are connected: at most one session a host. Reports go to the event queue; tasks go to the session
// that is open, and are dropped where there is none, since HostSeen has the engine send them again.
//
// A second session takes the first one's place at once. Its agent is told that it was superseded, and ends for good,
// only when the second has said something after its greeting: a hello that was long on its way may come when its
// agent has died and another one has connected. Where nothing follows, the first is asked to connect again.
//
// The event queue hears of HostSeen and HostLost in the order in which sessions began and ended. Thread-safe; what is
// sent never waits for an agent.
class Fleet final : public SessionListener,
                    public InventorySource,
                    public StatementSource,
                    public ExportSource,
                    public UploadTarget {
 public:
  struct Pace {
    absl::Duration heartbeat = absl::Seconds(5);  // asked of agents
    absl::Duration silence = absl::Seconds(30);   // after which a host is away
    absl::Duration retell = absl::Seconds(60);    // after which an unchanged report is told again
  };
  // All references outlive it.
  Fleet(engine::EventQueue& event_queue, keyring::KeyStore& keys, const Clock& clock,
        ToGrpcStatus to_status);
  Fleet(engine::EventQueue& event_queue, keyring::KeyStore& keys, const Clock& clock,
        ToGrpcStatus to_status, Pace pace);
  ~Fleet() override;
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // Agents are asked to tell every `interval` what tenants use, and `listener` gets it, of one host in its order. It must
  // not block. Without this they are not asked. Call before Start.
  using UsageListener = std::function<void(const std::string& host, std::vector<usage::Report> reports)>;
  void AskUsage(absl::Duration interval, UsageListener listener);
  // Sessions are welcomed with `epoch`. `awaited` hosts were there before: one that has not come back when the time of
  // silence is over is lost. Call once, before the first session.
  void Start(int64_t epoch, const std::vector<std::string>& awaited = {});
  // For one that has no catalog yet and asks for nothing but inventories: an agent that has seen a higher epoch, of at
  // most `highest`, is not refused, the epoch rises to that one. Call before Start.
  void FollowEpochs(int64_t highest);
  // The epoch that sessions are welcomed with now.
  int64_t epoch() const;
  // Ends all sessions; none begins from now on. The event queue is not told: the hosts are well.
  void Stop();

  // Opens the stream of the agent of `host`, whose identity was checked.
  Session* Connect(const std::string& host, grpc::CallbackServerContext& call);

  void Send(const engine::SendTask& task);
  void Cancel(const engine::CancelTask& cancel);
  void Acknowledge(const engine::AcknowledgeTask& acknowledge);
  void End(const engine::EndSession& end);

  void AskInventory(const std::string& host, const InventoryAsk& ask, InventoryCallback told) override;
  void AskStatements(const std::string& host, const std::string& database, int32_t limit,
                     StatementsCallback told) override;
  std::unique_ptr<ExportStream> Export(const std::string& host, const v1::BackupSource& source,
                                       std::function<void()> wake) override;
  absl::StatusOr<std::unique_ptr<UploadStream>> Upload(const std::string& host,
                                                       const v1::UploadBegin& begin) override;

  // When the host's agent was last heard in this process's life; nullopt for never.
  std::optional<absl::Time> LastHeard(const std::string& host) const;

  absl::Status OnMessage(const std::shared_ptr<Session>& session,
                         const v1::ConnectRequest& message) override;
  void OnEnded(const std::shared_ptr<Session>& session) override;

 private:
  struct Member {
    std::shared_ptr<Session> session;  // null while away
    std::shared_ptr<Session> before;   // whose place it took, until it says something
    absl::Time last_heard;             // while it is awaited, when that began
    bool awaited = false;
    bool knows_statements = false;
    bool knows_exports = false;
    domain::HostReport told;  // what the event queue heard last
    absl::Time told_time;
  };

  absl::Status OnHello(const std::shared_ptr<Session>& session, const v1::Hello& hello);
  // The epoch to welcome an agent with that has seen `seen`, or why it cannot be.
  absl::StatusOr<int64_t> EpochFor(const std::string& host, int64_t seen);
  void OnHeartbeat(const std::shared_ptr<Session>& session, const v1::HostReport& report);
  // The member whose open session this is, or nullptr.
  Member* Current(const std::shared_ptr<Session>& session) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether another session took its place and has said nothing yet.
  bool IsBefore(const std::shared_ptr<Session>& session) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<Session> SessionOf(const std::string& host) const;
  bool Knows(const std::string& host, absl::string_view kind) const;
  // Whether what the hello of its agent said of itself is so; false while it is away.
  bool Says(const std::string& host, bool Member::*knows) const;
  // Nothing that its agent was asked will be answered.
  void FailQuestions(const std::string& host);

  void Post(std::function<void()> work);
  void Carry();
  void Deliver(const engine::SendTask& task);
  void Refuse(const engine::SendTask& task, const absl::Status& why);
  void EndSilent();

  engine::EventQueue& event_queue_;
  keyring::KeyStore& keys_;
  const Clock& clock_;
  const ToGrpcStatus to_status_;
  const Pace pace_;
  int64_t follows_to_ = 0;
  absl::Duration usage_interval_;  // zero: not asked
  UsageListener usage_listener_;

  Inventories inventories_;
  StatementQuestions statements_;
  Exports exports_;
  Uploads uploads_;

  mutable Mutex mutex_;
  int64_t epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Member> members_ ABSL_GUARDED_BY(mutex_);
  // Sessions that have not said hello, and when they began.
  std::map<std::shared_ptr<Session>, absl::Time> unnamed_ ABSL_GUARDED_BY(mutex_);

  // What is to be sent goes through one thread, in order: opening secrets reads a file.
  Mutex work_mutex_;
  CondVar work_changed_;
  bool ending_ ABSL_GUARDED_BY(work_mutex_) = false;
  std::deque<std::function<void()>> work_ ABSL_GUARDED_BY(work_mutex_);
  std::thread carrier_;
};

}  // namespace croft::fleet
