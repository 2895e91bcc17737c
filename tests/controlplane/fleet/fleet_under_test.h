#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "common/clock.h"
#include "common/crypto/seal.h"
#include "common/crypto/x509.h"
#include "common/random.h"
#include "controlplane/access/token.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "controlplane/fleet/fleet.h"
#include "controlplane/handlers/agent.h"
#include "controlplane/handlers/secret_maker.h"
#include "controlplane/keyring/key_store.h"
#include "controlplane/keyring/keyring.h"
#include "controlplane/server/commit_fanout.h"
#include "controlplane/server/effect_executor.h"
#include "controlplane/server/status.h"
#include "controlplane/server/writer.h"
#include "croft/v1/agent.grpc.pb.h"
#include "tests/controlplane/server/support/plane.h"

namespace croft::fleet {

// An agent's own key and the certificate it was given.
struct Identity {
  std::string key = crypto::NewPrivateKey();
  std::string certificate;
};

// The fleet with the real writer, engine and catalog behind it and a real listener before it.
class FleetUnderTest {
 public:
  explicit FleetUnderTest(Fleet::Pace pace = {}) : pace_(pace) { Start(); }
  ~FleetUnderTest() { Stop(); }

  // Once more after Stop, it is another process on the same catalog.
  void Start() {
    commits_.reset();
    agents_.reset();
    plane_.reset();
    effects_.reset();
    fleet_.reset();
    writer_.reset();
    catalog_.reset();
    catalog_ = *catalog::SqliteCatalog::Open(folder_.path() + "/catalog.db", {});
    writer_ = std::make_unique<server::Writer>(*catalog_, clock_,
                                               [](const absl::Status& status) { ADD_FAILURE() << status; });
    fleet_ = std::make_unique<Fleet>(*writer_, *keys_, clock_, server::ToGrpcStatus, pace_);
    effects_ = std::make_unique<server::ServerEffectExecutor>(
        *fleet_, *keys_, *writer_, clock_,
        [this](absl::string_view text) { return plane_->authority().SignStatement(text); });
    plane_ = std::make_unique<server::Plane>();
    agents_ = std::make_unique<handlers::AgentHandlers>(*writer_, *catalog_, plane_->authority(),
                                                        plane_->authority().certificate(), *fleet_, clock_);
    commits_ = std::make_unique<server::CommitFanout>(
        barrier_.emplace(*catalog_),
        std::vector<server::CommitFanout::Listener>{
            [this](const auto& changes, domain::Revision) { plane_->hosts().Apply(changes); },
            [this](const auto&, domain::Revision) {
              const MutexLock lock(mutex_);
              committed_.NotifyAll();
            }});
    std::vector<std::string> awaited;
    const auto hosts = catalog_->ListHosts();
    for (const domain::Host& host : *hosts) {
      if (host.up || host.awaited) awaited.push_back(host.id);
    }
    fleet_->Start(catalog_->revision().epoch, awaited);
    writer_->Start(*effects_, *commits_);
    plane_->Listen({agents_->service()});
  }
  void Stop() {
    fleet_->Stop();
    plane_->Stop();
    writer_->Stop();
  }

  server::Plane& plane() { return *plane_; }
  catalog::Catalog& catalog() { return *catalog_; }
  engine::EventQueue& event_queue() { return *writer_; }
  Fleet& fleet() { return *fleet_; }
  handlers::SecretMaker& secrets() { return secrets_; }

  engine::Answer Call(engine::RequestBody body) {
    auto answer = writer_->Call({.name = "admin", .peer = "test", .method = "test"}, std::move(body));
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *std::move(answer) : engine::Answer();
  }

  std::string JoinTokenFor(const std::string& host, std::vector<std::string> server_names = {}) {
    const access::IssuedToken token =
        access::MakeJoinToken(host, {"127.0.0.1:1"}, plane_->authority().certificate(), random_);
    Call(engine::CreateJoinToken{.host = host,
                                 .uid = secrets_.NewUid(),
                                 .secret_hash = token.hash,
                                 .expire_time = clock_.Now() + absl::Minutes(15),
                                 .server_names = std::move(server_names)});
    return token.text;
  }

  grpc::Status Join(const v1::JoinRequest& request, v1::JoinResponse& response) {
    grpc::ClientContext context;
    return v1::AgentService::NewStub(plane_->AsNobody())->Join(&context, request, &response);
  }

  Identity Join(const std::string& host) {
    Identity identity;
    v1::JoinRequest request;
    v1::JoinResponse response;
    request.set_token(JoinTokenFor(host));
    request.set_certificate_request(*crypto::NewCertificateRequest(identity.key, "agent"));
    const grpc::Status status = Join(request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    identity.certificate = response.certificate_chain();
    return identity;
  }

  // A tenant that is being made, by the id of its operation.
  std::string BeginCreate(const std::string& tenant) {
    engine::CreateTenant create{.operation = secrets_.NewOperationId()};
    create.tenant.id = tenant;
    secrets_.AssignUidAndLogins(create.tenant);
    EXPECT_TRUE(secrets_.CreateDataKey(create.tenant).ok());
    return std::get<domain::Operation>(Call(create)).id;
  }

  // Looks after every commit, and now and then.
  template <typename Condition>
  void WaitUntil(const Condition& condition) {
    while (!condition()) {
      const MutexLock lock(mutex_);
      committed_.WaitFor(mutex_, absl::Milliseconds(20));
    }
  }

  domain::Host Host(const std::string& id) {
    const auto host = catalog_->GetHost(id);
    return host.ok() && *host ? **host : domain::Host();
  }

 private:
  const Fleet::Pace pace_;
  server::TemporaryFolder folder_;
  SystemClock clock_;
  SystemRandom random_;
  const keyring::Keyring keyring_ = keyring::Keyring::Generate(random_);
  std::unique_ptr<keyring::KeyStore> keys_ =
      *keyring::KeyStore::Open(folder_.path() + "/keys.db", keyring_, random_);
  handlers::SecretMaker secrets_{keyring_, *keys_, random_, clock_};
  Mutex mutex_;
  CondVar committed_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<server::Writer> writer_;
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<server::ServerEffectExecutor> effects_;
  std::unique_ptr<server::Plane> plane_;
  std::unique_ptr<handlers::AgentHandlers> agents_;
  std::optional<catalog::CommitBarrier> barrier_;
  std::unique_ptr<server::CommitFanout> commits_;
};

// One session of an agent that says and does what a test says.
class AgentSession {
 public:
  AgentSession(FleetUnderTest& fleet, const Identity& identity)
      : stub_(v1::AgentService::NewStub(fleet.plane().AsHolderOf(identity.key, identity.certificate))),
        stream_(stub_->Connect(&context_)) {}
  ~AgentSession() { context_.TryCancel(); }

  static v1::HostReport Report() {
    v1::HostReport report;
    report.set_postgres_up(true);
    report.set_postgres_version("15.20");
    report.set_system_identifier("1");
    report.add_advertise_endpoints("127.0.0.1:7500");
    report.set_free_bytes(int64_t{1} << 40);
    report.add_stores("store-1");
    return report;
  }

  void Hello(std::vector<std::string> kinds = {"create", "drop"}, int64_t highest_epoch = 0) {
    v1::ConnectRequest message;
    v1::Hello& hello = *message.mutable_hello();
    hello.set_agent_version("1.2.3");
    hello.set_instance_id("one");
    for (const std::string& kind : kinds) hello.add_task_kinds(kind);
    *hello.mutable_report() = Report();
    hello.set_highest_epoch(highest_epoch);
    Send(message);
  }
  void Send(const v1::ConnectRequest& message) { stream_->Write(message); }
  void Heartbeat(const v1::HostReport& report) {
    v1::ConnectRequest message;
    *message.mutable_heartbeat()->mutable_report() = report;
    Send(message);
  }
  void Done(const v1::Task& task) {
    v1::ConnectRequest message;
    *message.mutable_result()->mutable_fencing() = task.fencing();
    message.mutable_result()->mutable_done()->set_message("done");
    Send(message);
  }

  // The next message; MESSAGE_NOT_SET at the end.
  v1::ConnectResponse Next() {
    v1::ConnectResponse message;
    if (!stream_->Read(&message)) message.Clear();
    return message;
  }
  v1::Task NextTask() {
    const v1::ConnectResponse message = Next();
    EXPECT_TRUE(message.has_task()) << message.ShortDebugString();
    return message.task();
  }
  // Hello and Welcome.
  void Open() {
    Hello();
    EXPECT_TRUE(Next().has_welcome());
  }
  grpc::Status Finish() {
    while (Next().message_case() != v1::ConnectResponse::MESSAGE_NOT_SET) {
    }
    return stream_->Finish();
  }

 private:
  std::unique_ptr<v1::AgentService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ConnectRequest, v1::ConnectResponse>> stream_;
};

}  // namespace croft::fleet
