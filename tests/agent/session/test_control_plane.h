#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include <absl/time/time.h>
#include <grpcpp/server.h>

#include "common/crypto/x509.h"
#include "croft/v1/agent.grpc.pb.h"
#include "tests/agent/session/gate.h"

namespace croft::agent {

// A control plane's side of AgentService on a real gRPC server with TLS on loopback, scripted by the test.
class TestControlPlane {
 public:
  // One stream of an agent, until the test or the agent ends it.
  class Connection final : public grpc::ServerBidiReactor<v1::ConnectRequest, v1::ConnectResponse> {
   public:
    const v1::Hello& hello() const { return hello_; }
    // PEM of the certificate that the agent came with.
    const std::string& peer_certificate() const { return peer_certificate_; }
    int64_t welcomed_epoch() const { return welcomed_epoch_; }

    void Send(v1::ConnectResponse message);
    void SendTask(const v1::Task& task);
    void SendTaskRecorded(const v1::Fencing& fencing);
    void End(const grpc::Status& status);

    // The next result; nothing when none came in time.
    std::optional<v1::TaskResult> NextResult();
    std::optional<v1::HostReport> NextHeartbeat();
    bool AwaitEnd() { return ended_.Await(); }

   private:
    friend class TestControlPlane;
    explicit Connection(TestControlPlane& owner) : owner_(owner) {}

    void OnReadDone(bool ok) override;
    void OnWriteDone(bool ok) override;
    void OnCancel() override;
    void OnDone() override;

    TestControlPlane& owner_;
    std::shared_ptr<Connection> self_;  // keeps this alive until OnDone
    std::string peer_certificate_;
    v1::Hello hello_;
    int64_t welcomed_epoch_ = 0;
    v1::ConnectRequest incoming_;
    Mailbox<v1::TaskResult> results_;
    Mailbox<v1::HostReport> heartbeats_;
    Gate ended_;
    Mutex mutex_;
    bool finished_ ABSL_GUARDED_BY(mutex_) = false;
    bool greeted_ = false;
    std::deque<v1::ConnectResponse> outgoing_ ABSL_GUARDED_BY(mutex_);
  };

  TestControlPlane();
  ~TestControlPlane();

  std::string address() const;
  const std::string& authority() const { return authority_.certificate; }
  // For hosts/h1, with `authority` in place of the true one unless it is empty.
  std::string JoinToken(const std::string& authority = "") const;

  std::shared_ptr<Connection> NextConnection();
  bool has_connection() const { return !connections_.empty(); }

  // What joining agents are told; empty from a control plane with one authority for all. Set before they join.
  std::string server_authority;
  std::atomic<int64_t> epoch{1};
  // What streams are ended with in place of a greeting. Set before they come.
  std::optional<grpc::Status> refusal;
  // Of the certificates that are signed from now on.
  std::atomic<int64_t> certificate_life_seconds{86400};
  std::atomic<int64_t> certificate_age_seconds{0};
  std::atomic<bool> stops_reading_after_inventory{false};
  std::atomic<int> joins{0};
  std::atomic<int> renewals{0};

 private:
  class Service;
  std::string Sign(const std::string& request, crypto::CertificateUse use);

  crypto::KeyAndCertificate authority_;
  Mailbox<std::shared_ptr<Connection>> connections_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace croft::agent
