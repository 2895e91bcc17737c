#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/clock.h"
#include "common/random.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "controlplane/handlers/access.h"
#include "controlplane/handlers/admin.h"
#include "controlplane/handlers/audit.h"
#include "controlplane/handlers/backup_policies.h"
#include "controlplane/handlers/backups.h"
#include "controlplane/handlers/events.h"
#include "controlplane/handlers/hosts.h"
#include "controlplane/handlers/lookup.h"
#include "controlplane/handlers/operations.h"
#include "controlplane/handlers/tenants.h"
#include "controlplane/handlers/usage.h"
#include "controlplane/lookup/placement_index.h"
#include "controlplane/server/call_recorder.h"
#include "controlplane/server/catalog_copies.h"
#include "controlplane/server/catalog_facts.h"
#include "controlplane/server/commit_fanout.h"
#include "controlplane/server/writer.h"
#include "croft/v1/access.grpc.pb.h"
#include "croft/v1/admin.grpc.pb.h"
#include "croft/v1/audit.grpc.pb.h"
#include "croft/v1/backup.grpc.pb.h"
#include "croft/v1/backup_policy.grpc.pb.h"
#include "croft/v1/event.grpc.pb.h"
#include "croft/v1/host.grpc.pb.h"
#include "croft/v1/lookup.grpc.pb.h"
#include "croft/v1/operation.grpc.pb.h"
#include "croft/v1/tenant.grpc.pb.h"
#include "croft/v1/usage.grpc.pb.h"
#include "tests/controlplane/handlers/scripted_exports.h"
#include "tests/controlplane/handlers/scripted_fleet.h"
#include "tests/controlplane/handlers/scripted_inventories.h"
#include "tests/controlplane/handlers/scripted_statements.h"
#include "tests/controlplane/server/support/plane.h"

namespace croft::handlers {

// What was drawn can be asked for: ids are made of it.
class RecordingRandom final : public Random {
 public:
  std::string Bytes(size_t count) override {
    std::string bytes = random_.Bytes(count);
    const MutexLock lock(mutex_);
    drawn_.push_back(bytes);
    return bytes;
  }
  std::vector<std::string> drawn() {
    const MutexLock lock(mutex_);
    return drawn_;
  }

 private:
  SystemRandom random_;
  Mutex mutex_;
  std::vector<std::string> drawn_ ABSL_GUARDED_BY(mutex_);
};

// The handlers behind a real listener, on the real engine, writer and catalog; only the agents are scripted.
class ControlPlane : public testing::Test {
 protected:
  // What the control plane finds that an operator should look at.
  std::vector<domain::Attention> attention;

  ControlPlane() {
    keyring_ = std::make_unique<keyring::Keyring>(keyring::Keyring::Generate(random_));
    keys_ = *keyring::KeyStore::Open(folder_.path() + "/keys.db", *keyring_, random_);
    catalog_ = *catalog::SqliteCatalog::Open(folder_.path() + "/catalog.db", {});
    index_ = std::make_unique<lookup::PlacementIndex>(*keyring_, "authority");
    EXPECT_TRUE(index_->Load(*catalog_).ok());
    facts_ = std::make_unique<server::CatalogFacts>(*index_, *catalog_);
    writer_ = std::make_unique<server::Writer>(*catalog_, clock_,
                                               [](const absl::Status& status) { ADD_FAILURE() << status; });
    // The recorder asks the writer, and the gate tells the recorder.
    recorder_ = std::make_unique<server::CallRecorder>(*writer_, clock_);
    plane_ =
        std::make_unique<server::Plane>(server::Plane::Limits{.workers = 8,
                                                              .waiting_calls = 64,
                                                              .facts = facts_.get(),
                                                              .log = recorder_.get(),
                                                              .commits = &barrier_.emplace(*catalog_)});
    fleet_ = std::make_unique<ScriptedFleet>(*writer_, *keys_);
    commits_ = std::make_unique<server::CommitFanout>(
        *barrier_,
        std::vector<server::CommitFanout::Listener>{
            [this](const auto& changes, domain::Revision revision) {
              absl::SleepFor(absl::Milliseconds(tell_late_millis_.load()));
              if (index_->Apply(changes, revision)) hub_.Signal();
            },
            [this](const auto& changes, domain::Revision revision) {
              for (const std::string& user : plane_->principals().Apply(changes, revision)) {
                plane_->streams().JudgeAgain(user);
              }
            },
            [this](const auto& changes, domain::Revision) { operation_watcher_.Announce(changes); },
            [this](const auto& changes, domain::Revision) {
              if (HasEvents(changes)) event_hub_.Signal();
            }});
    writer_->Start(*fleet_, *commits_);
    recorder_->Start();
    Serve();
  }
  ~ControlPlane() override {
    plane_->Stop();
    recorder_->Stop();
    writer_->Stop();
  }

  // The host as it is when its agent has joined and connected.
  void JoinHost(const std::string& id) {
    const engine::Caller caller{.name = "test"};
    const engine::CreateJoinToken token{
        .host = id, .uid = id, .secret_hash = "hash", .expire_time = absl::Now() + absl::Minutes(1)};
    EXPECT_TRUE(writer_->Call(caller, token).ok());
    EXPECT_TRUE(writer_->Call(caller, engine::JoinHost{id, "hash", "fingerprint-" + id}).ok());
    Connect(id);
  }
  void Connect(const std::string& id) {
    domain::HostReport report{.agent_version = "1",
                              .postgres_up = true,
                              .postgres_version = "15.20",
                              .system_identifier = "7" + std::string(18, '0')};
    report.advertise_endpoints = {id + ".example:7500"};
    report.free_bytes = int64_t{1} << 40;
    report.stores = {"s1"};
    report.tls = true;
    report.task_kinds = {"create", "configure", "fence",  "unfence",       "drop",      "back_up",
                         "verify", "restore",   "rotate", "delete_backup", "inventory", "renumber"};
    writer_->Post(engine::HostSeen{id, report});
    Settle();
  }
  void Lose(const std::string& id) {
    writer_->Post(engine::HostLost{id});
    Settle();
  }
  // Waits until everything that was told is decided: requests are worked off in order.
  void Settle() { (void)writer_->Call({.name = "test"}, engine::CancelOperation{"op-none"}); }

  static std::string Uuid(int number) {
    return absl::StrCat("00000000-0000-4000-8000-", absl::Dec(number, absl::kZeroPad12));
  }

  // Calls `method` of `stub`; the status is kept for ReasonOf.
  template <typename Stub, typename Request, typename Response>
  grpc::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    response.Clear();
    return (stub.*method)(&context, request, &response);
  }

  // Waits for the end; answers the operation as it is then.
  v1::Operation Await(const std::string& name) {
    v1::WaitOperationRequest request;
    request.set_name(name);
    v1::Operation operation;
    const grpc::Status status =
        Call(*operations_, &v1::OperationService::Stub::WaitOperation, request, operation);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_TRUE(operation.done()) << operation.progress();
    return operation;
  }
  v1::Operation AwaitSuccess(const grpc::Status& begun, const v1::Operation& operation) {
    EXPECT_TRUE(begun.ok()) << begun.error_message();
    if (!begun.ok()) return operation;
    v1::Operation ended = Await(operation.name());
    EXPECT_EQ(ended.state(), v1::Operation::STATE_SUCCEEDED) << ended.progress();
    return ended;
  }

  grpc::Status BeginCreate(const std::string& id, v1::Operation& operation) {
    v1::CreateTenantRequest request;
    request.set_tenant_id(id);
    return Call(*tenants_, &v1::TenantService::Stub::CreateTenant, request, operation);
  }
  void Create(const std::string& id) {
    v1::Operation operation;
    const grpc::Status status = BeginCreate(id, operation);
    AwaitSuccess(status, operation);
  }
  v1::Tenant Get(const std::string& id) {
    v1::GetTenantRequest request;
    request.set_name("tenants/" + id);
    v1::Tenant tenant;
    const grpc::Status status = Call(*tenants_, &v1::TenantService::Stub::GetTenant, request, tenant);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return tenant;
  }
  grpc::Status Lookup(const std::string& name, v1::LookupResponse& response) {
    v1::LookupRequest request;
    request.set_tenant(name);
    return Call(*lookups_, &v1::LookupService::Stub::Lookup, request, response);
  }
  std::string LookupReason(const std::string& name) {
    v1::LookupResponse response;
    const grpc::Status status = Lookup(name, response);
    return status.ok() ? "" : server::ReasonOf(status);
  }
  // `Request` has a name and nothing else that is needed.
  template <typename Request>
  grpc::Status Begin(grpc::Status (v1::TenantService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                     v1::Operation*),
                     const std::string& id, v1::Operation& operation) {
    Request request;
    request.set_name("tenants/" + id);
    if constexpr (requires { request.set_confirm(request.name()); }) request.set_confirm(request.name());
    return Call(*tenants_, method, request, operation);
  }

  server::TemporaryFolder folder_;
  SystemClock clock_;
  RecordingRandom random_;
  std::unique_ptr<keyring::Keyring> keyring_;
  std::unique_ptr<keyring::KeyStore> keys_;
  std::unique_ptr<catalog::SqliteCatalog> catalog_;
  std::unique_ptr<lookup::PlacementIndex> index_;
  WatchHub hub_{absl::Milliseconds(200)};
  WatchHub event_hub_{absl::Milliseconds(200)};
  OperationWatcher operation_watcher_;
  std::unique_ptr<server::Writer> writer_;
  std::unique_ptr<ScriptedFleet> fleet_;
  ScriptedInventories inventories_;
  ScriptedStatements statements_;
  ScriptedExports exports_;
  FleetFindings findings_;
  std::optional<catalog::CommitBarrier> barrier_;
  std::atomic<int> tell_late_millis_ = 0;  // how long after a commit lookups and the others are told of it
  std::unique_ptr<server::CommitFanout> commits_;
  // The host whose agent was heard, and when.
  std::string heard_host_;
  absl::Time heard_time_;
  std::unique_ptr<server::CallRecorder> recorder_;

  std::unique_ptr<v1::TenantService::Stub> tenants_;
  std::unique_ptr<v1::BackupService::Stub> backups_;
  std::unique_ptr<v1::BackupPolicyService::Stub> backup_policies_;
  std::unique_ptr<v1::HostService::Stub> hosts_;
  std::unique_ptr<v1::OperationService::Stub> operations_;
  std::unique_ptr<v1::LookupService::Stub> lookups_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
  std::unique_ptr<v1::AccessService::Stub> access_;
  std::unique_ptr<v1::AuditService::Stub> audit_;
  std::unique_ptr<v1::EventService::Stub> events_;
  std::unique_ptr<v1::UsageService::Stub> usage_;
  std::unique_ptr<usage::UsageKeeper> usage_keeper_;
  std::unique_ptr<server::Plane> plane_;

 private:
  void Serve() {
    secrets_ = std::make_unique<SecretMaker>(*keyring_, *keys_, random_, clock_);
    presenter_ = std::make_unique<Presenter>(*catalog_, clock_, findings_, [this](const std::string& host) {
      return host == heard_host_ ? std::make_optional(heard_time_) : std::nullopt;
    });
    tenant_handlers_ =
        std::make_unique<TenantHandlers>(*writer_, *catalog_, *secrets_, *presenter_, tokens_);
    exporter_ = std::make_unique<BackupExporter>(*writer_, *catalog_, *presenter_, *keys_, exports_, clock_,
                                                 "0.0.1");
    backup_handlers_ = std::make_unique<BackupHandlers>(*writer_, *catalog_, *secrets_, *presenter_,
                                                        tokens_, plane_->authority(), clock_, *exporter_);
    backup_policy_handlers_ = std::make_unique<BackupPolicyHandlers>(*writer_, *catalog_);
    host_handlers_ = std::make_unique<HostHandlers>(
        *writer_, *catalog_, *presenter_, tokens_, random_, clock_,
        JoinTerms{.servers = {"127.0.0.1:1"}, .authority = plane_->authority().certificate()});
    operation_handlers_ = std::make_unique<OperationHandlers>(
        *writer_, *catalog_, *barrier_, *secrets_, *presenter_, tokens_, operation_watcher_, clock_);
    lookup_handlers_ = std::make_unique<LookupHandlers>(*index_, hub_, *recorder_, clock_);
    checker_ = std::make_unique<FleetChecker>(*catalog_, inventories_, clock_, findings_);
    copies_ = std::make_unique<server::CatalogCopies>(*catalog_, folder_.path() + "/copies", clock_);
    admin_handlers_ =
        std::make_unique<AdminHandlers>(*writer_, *catalog_, *secrets_, *checker_, findings_, *copies_,
                                        "0.0.1", absl::Now(), [this] { return attention; });
    access_handlers_ = std::make_unique<AccessHandlers>(*writer_, *catalog_, plane_->authority(), tokens_,
                                                        random_, clock_);
    audit_handlers_ = std::make_unique<AuditHandlers>(
        *catalog_, tokens_,
        [](absl::string_view, absl::string_view signature) { return signature == "signed"; });
    event_handlers_ = std::make_unique<EventHandlers>(*catalog_, *barrier_, tokens_, event_hub_, clock_);
    usage_keeper_ = std::make_unique<usage::UsageKeeper>(
        folder_.path() + "/usage.db", clock_, usage::UsageKeeper::Limits{.pace = absl::Milliseconds(1)});
    usage_keeper_->Start();
    usage_handlers_ =
        std::make_unique<UsageHandlers>(*usage_keeper_, *catalog_, statements_, tokens_, clock_);
    plane_->Listen({tenant_handlers_->service(), backup_handlers_->service(), host_handlers_->service(),
                    operation_handlers_->service(), lookup_handlers_->service(), admin_handlers_->service(),
                    access_handlers_->service(), audit_handlers_->service(), event_handlers_->service(),
                    usage_handlers_->service(), backup_policy_handlers_->service()});
    const auto channel = plane_->AsAdmin();
    tenants_ = v1::TenantService::NewStub(channel);
    backups_ = v1::BackupService::NewStub(channel);
    backup_policies_ = v1::BackupPolicyService::NewStub(channel);
    hosts_ = v1::HostService::NewStub(channel);
    operations_ = v1::OperationService::NewStub(channel);
    lookups_ = v1::LookupService::NewStub(channel);
    admin_ = v1::AdminService::NewStub(channel);
    access_ = v1::AccessService::NewStub(channel);
    audit_ = v1::AuditService::NewStub(channel);
    events_ = v1::EventService::NewStub(channel);
    usage_ = v1::UsageService::NewStub(channel);
  }

  std::unique_ptr<SecretMaker> secrets_;
  std::unique_ptr<Presenter> presenter_;
  const wire::PageTokens tokens_{std::string(32, 'k')};
  std::unique_ptr<TenantHandlers> tenant_handlers_;
  std::unique_ptr<BackupExporter> exporter_;
  std::unique_ptr<BackupHandlers> backup_handlers_;
  std::unique_ptr<BackupPolicyHandlers> backup_policy_handlers_;
  std::unique_ptr<HostHandlers> host_handlers_;
  std::unique_ptr<OperationHandlers> operation_handlers_;
  std::unique_ptr<LookupHandlers> lookup_handlers_;
  std::unique_ptr<server::CatalogCopies> copies_;
  std::unique_ptr<FleetChecker> checker_;
  std::unique_ptr<AdminHandlers> admin_handlers_;
  std::unique_ptr<AccessHandlers> access_handlers_;
  std::unique_ptr<AuditHandlers> audit_handlers_;
  std::unique_ptr<EventHandlers> event_handlers_;
  std::unique_ptr<UsageHandlers> usage_handlers_;
  std::unique_ptr<server::CatalogFacts> facts_;
};

}  // namespace croft::handlers
