#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include <absl/status/status.h>
#include <grpcpp/alarm.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "common/sync.h"
#include "croft/v1/agent.pb.h"

// One agent's stream, on the control plane's side.
namespace croft::fleet {

class Session;

// Who is told what happens on a session. Calls for one session do not overlap.
class SessionListener {
 public:
  virtual ~SessionListener() = default;
  // An error ends the session with it.
  virtual absl::Status OnMessage(const std::shared_ptr<Session>& session,
                                 const v1::ConnectRequest& message) = 0;
  // Nothing follows it.
  virtual void OnEnded(const std::shared_ptr<Session>& session) = 0;
};

using ToGrpcStatus = std::function<grpc::Status(const absl::Status&)>;

// One stream of an agent. What is sent waits in a queue of its own until the agent has taken what came before,
// so that nobody who sends ever blocks. It holds itself until gRPC is done with it. Thread-safe.
class Session final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                      public std::enable_shared_from_this<Session> {
 public:
  // `listener` and `call` outlive it.
  static std::shared_ptr<Session> Start(std::string host, SessionListener& listener,
                                        grpc::CallbackServerContext& call, ToGrpcStatus to_status);

  const std::string& host() const { return host_; }

  // Dropped when the session has ended; a session whose queue is full ends.
  void Send(const v1::ConnectResponse& message);
  // Once; what waits is dropped.
  void End(const absl::Status& status);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  Session(std::string host, SessionListener& listener, grpc::CallbackServerContext& call,
          ToGrpcStatus to_status);

  absl::Status Read();
  void EndLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CutOff();

  const std::string host_;
  SessionListener& listener_;
  grpc::CallbackServerContext& call_;
  const ToGrpcStatus to_status_;
  grpc::ByteBuffer incoming_;
  std::shared_ptr<Session> self_;
  grpc::Alarm timeout_;

  Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<grpc::ByteBuffer> outgoing_ ABSL_GUARDED_BY(mutex_);  // the first is being written
};

}  // namespace croft::fleet
