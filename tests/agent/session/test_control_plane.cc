#include "tests/agent/session/test_control_plane.h"

#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "common/join_token.h"

namespace croft::agent {

void TestControlPlane::Connection::Send(v1::ConnectResponse message) {
  MutexLock lock(mutex_);
  outgoing_.push_back(std::move(message));
  if (outgoing_.size() == 1 && !finished_) StartWrite(&outgoing_.front());
}

void TestControlPlane::Connection::SendTask(const v1::Task& task) {
  v1::ConnectResponse message;
  *message.mutable_task() = task;
  Send(std::move(message));
}

void TestControlPlane::Connection::SendTaskRecorded(const v1::Fencing& fencing) {
  v1::ConnectResponse message;
  *message.mutable_recorded()->mutable_fencing() = fencing;
  Send(std::move(message));
}

void TestControlPlane::Connection::End(const grpc::Status& status) {
  MutexLock lock(mutex_);
  if (!std::exchange(finished_, true)) Finish(status);
}

std::optional<v1::TaskResult> TestControlPlane::Connection::NextResult() { return results_.Take(); }
std::optional<v1::HostReport> TestControlPlane::Connection::NextHeartbeat() { return heartbeats_.Take(); }

void TestControlPlane::Connection::OnReadDone(bool ok) {
  if (!ok) return End(grpc::Status::OK);
  if (!std::exchange(greeted_, true)) {
    hello_ = incoming_.hello();
    if (owner_.refusal) return End(*owner_.refusal);
    v1::ConnectResponse welcome;
    welcomed_epoch_ = owner_.epoch;
    welcome.mutable_welcome()->set_epoch(welcomed_epoch_);
    welcome.mutable_welcome()->mutable_heartbeat_interval()->set_nanos(50'000'000);
    Send(std::move(welcome));
    owner_.connections_.Put(self_);
  } else if (incoming_.has_heartbeat()) {
    heartbeats_.Put(incoming_.heartbeat().report());
  } else if (incoming_.has_result()) {
    results_.Put(incoming_.result());
  } else if (incoming_.has_inventory() && owner_.stops_reading_after_inventory) {
    return;
  }
  StartRead(&incoming_);
}

void TestControlPlane::Connection::OnCancel() {
  // The pending read would otherwise end the stream.
  if (owner_.stops_reading_after_inventory) End(grpc::Status::CANCELLED);
}

void TestControlPlane::Connection::OnWriteDone(bool ok) {
  MutexLock lock(mutex_);
  outgoing_.pop_front();
  if (ok && !outgoing_.empty() && !finished_) StartWrite(&outgoing_.front());
}

void TestControlPlane::Connection::OnDone() {
  const std::shared_ptr<Connection> self = std::move(self_);  // destroyed at the end of this
  ended_.Open();
}

class TestControlPlane::Service final : public v1::AgentService::CallbackService {
 public:
  explicit Service(TestControlPlane& owner) : owner_(owner) {}

  grpc::ServerUnaryReactor* Join(grpc::CallbackServerContext* context, const v1::JoinRequest* request,
                                 v1::JoinResponse* response) override {
    ++owner_.joins;
    response->set_host("hosts/h1");
    response->set_certificate_chain(
        owner_.Sign(request->certificate_request(), crypto::CertificateUse::kAgent));
    response->set_authority(owner_.authority());
    if (!request->server_certificate_request().empty()) {
      response->set_server_certificate(
          owner_.Sign(request->server_certificate_request(), crypto::CertificateUse::kServer));
      response->set_server_authority(owner_.server_authority);
    }
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerUnaryReactor* RenewCertificate(grpc::CallbackServerContext* context,
                                             const v1::RenewCertificateRequest* request,
                                             v1::RenewCertificateResponse* response) override {
    ++owner_.renewals;
    response->set_certificate_chain(
        owner_.Sign(request->certificate_request(), crypto::CertificateUse::kAgent));
    response->set_authority(owner_.authority());
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerBidiReactor<v1::ConnectRequest, v1::ConnectResponse>* Connect(
      grpc::CallbackServerContext* context) override {
    const std::shared_ptr<Connection> connection(new Connection(owner_));
    connection->self_ = connection;
    const auto certificates = context->auth_context()->FindPropertyValues("x509_pem_cert");
    if (!certificates.empty()) {
      connection->peer_certificate_ = std::string(certificates[0].data(), certificates[0].size());
    }
    connection->StartRead(&connection->incoming_);
    return connection.get();
  }

 private:
  TestControlPlane& owner_;
};

TestControlPlane::TestControlPlane() : service_(std::make_unique<Service>(*this)) {
  const absl::Time now = absl::Now();
  authority_ = *crypto::NewAuthority("test authority", now - absl::Hours(24), now + absl::Hours(24));
  const std::string key = crypto::NewPrivateKey();
  const std::string request = *crypto::NewCertificateRequest(key, "croftd");
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = authority_.certificate;
  tls.pem_key_cert_pairs.push_back({key, Sign(request, crypto::CertificateUse::kServer)});
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port_);
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
}

TestControlPlane::~TestControlPlane() {
  server_->Shutdown(absl::ToChronoTime(absl::Now()));
  server_->Wait();
}

std::string TestControlPlane::address() const { return absl::StrCat("127.0.0.1:", port_); }

std::string TestControlPlane::JoinToken(const std::string& authority) const {
  return EncodeJoinToken({.host = "h1",
                          .secret = std::string(43, 'x'),
                          .servers = {address()},
                          .authority = authority.empty() ? authority_.certificate : authority});
}

std::shared_ptr<TestControlPlane::Connection> TestControlPlane::NextConnection() {
  return connections_.Take().value_or(nullptr);
}

std::string TestControlPlane::Sign(const std::string& request, crypto::CertificateUse use) {
  const absl::Time start = absl::Now() - absl::Seconds(certificate_age_seconds.load());
  const auto certificate =
      crypto::SignRequest(authority_, request,
                          {.common_name = "hosts/h1",
                           .server_names = {"127.0.0.1"},
                           .use = use,
                           .not_before = start,
                           .not_after = start + absl::Seconds(certificate_life_seconds.load())});
  EXPECT_TRUE(certificate.ok()) << certificate.status();
  return certificate.value_or("");
}

}  // namespace croft::agent
