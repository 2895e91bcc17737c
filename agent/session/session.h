#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <grpcpp/client_context.h>

#include "agent/journal/journal.h"
#include "agent/session/dispatcher.h"
#include "agent/session/identity.h"
#include "common/clock.h"
#include "common/random.h"
#include "common/sync.h"
#include "croft/v1/agent.grpc.pb.h"

// The agent's stream to the control plane.
namespace croft::agent {

struct SessionOptions {
  std::string agent_version;
  // Replace those that the agent joined with, unless empty.
  std::vector<std::string> servers;
  // Between attempts to connect: the first delay, doubled up to the last, each time with jitter.
  absl::Duration first_delay = absl::Milliseconds(250);
  absl::Duration last_delay = absl::Seconds(10);
};

// The agent's end of the stream to the control plane. It connects again for as long as it runs, and hands each
// task to the dispatcher, which goes on whether or not there is a stream.
class Session {
 public:
  struct Sources {
    std::function<v1::HostReport()> report;
    // The certificates were renewed; the files hold the new ones.
    std::function<void()> renewed;
    // A control plane has welcomed the agent: from now on Send() reaches it. Called before it is heard.
    std::function<void(const v1::Welcome&)> welcomed = [](const v1::Welcome&) {};
    // The control plane asks for statements. Must not block.
    std::function<void(const v1::StatementsQuery&)> asked_statements = [](const v1::StatementsQuery&) {};
    // The control plane asks for a backup's data, and governs what it asked for. Must not block.
    std::function<void(const v1::ExportQuery&)> asked_export = [](const v1::ExportQuery&) {};
    std::function<void(const v1::ExportControl&)> export_control = [](const v1::ExportControl&) {};
    // The control plane sends an archive. Must not block.
    std::function<void(const v1::Upload&)> upload = [](const v1::Upload&) {};
    // The stream of the last welcome has ended: nobody waits any more for what was asked on it.
    std::function<void()> disconnected = [] {};
  };

  // All outlive this.
  Session(const IdentityFiles& files, Identity identity, Journal& journal, const Clock& clock,
          Random& random, Sources sources, SessionOptions options);

  // Blocks until Stop() (OK), or until this agent must end: ABORTED (SESSION_SUPERSEDED) when another process
  // with this identity has connected.
  absl::Status Run(Dispatcher& dispatcher);

  // Thread-safe, never blocks. Without a stream the message is dropped: results are found again in the journal.
  void Send(v1::ConnectRequest message);
  // As Send, but waits while a few messages are still to be written, so that a task that reads a large store does not
  // run ahead of the stream. Returns when the stream ends. Thread-safe.
  void SendPart(v1::ConnectRequest message);
  // Sends a heartbeat as soon as it can. Thread-safe.
  void BeatNow();
  // Whether a control plane has greeted this agent and the stream is open. Thread-safe.
  bool connected() const;
  // Thread-safe.
  void Stop();

 private:
  using Stream = grpc::ClientReaderWriter<v1::ConnectRequest, v1::ConnectResponse>;
  struct End {
    absl::Status status;
    bool welcomed = false;
  };

  // One connection from its first message to its end.
  End RunConnection(const std::string& address, Dispatcher& dispatcher);
  absl::Status Greet(Stream& stream, Dispatcher& dispatcher);
  void Handle(const v1::ConnectResponse& message, Dispatcher& dispatcher);
  // Writes what waits, and heartbeats, until the outbox is closed or a write fails.
  void WriteAll(Stream& stream, grpc::ClientContext& context);
  // The next message to write; nothing when the outbox was closed, or when it is time to renew.
  std::optional<v1::ConnectRequest> NextMessage();
  void CloseOutbox();
  v1::ConnectRequest Hello() const;
  v1::ConnectRequest Heartbeat() const;

  bool RenewalIsDue() const;
  void RenewIfDue(const std::string& address);
  // False when the session was stopped meanwhile.
  bool Pause(absl::Duration delay);

  const IdentityFiles& files_;
  Journal& journal_;
  const Clock& clock_;
  Random& random_;
  const Sources sources_;
  const SessionOptions options_;
  const std::string instance_id_;
  // Of the thread in Run() alone.
  Identity identity_;

  mutable Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<v1::ConnectRequest> outbox_ ABSL_GUARDED_BY(mutex_);
  absl::Duration heartbeat_interval_ ABSL_GUARDED_BY(mutex_) = absl::Seconds(5);
  absl::Time next_heartbeat_ ABSL_GUARDED_BY(mutex_);
  absl::Time renewal_time_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::agent
