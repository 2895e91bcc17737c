#pragma once

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <absl/time/clock.h>
#include <grpcpp/grpcpp.h>

#include "common/crypto/x509.h"
#include "croft/locator.h"
#include "croft/v1/lookup.grpc.pb.h"

namespace croft::client {

// LookupService over TLS whose answers a test writes. Only what a real control plane says over the wire; the
// same clients meet the real one in tests/client/python and tests/bench.
class ScriptedControlPlane final : public croft::v1::LookupService::Service {
 public:
  ScriptedControlPlane() {
    char folder[] = "/tmp/croft-client-XXXXXX";
    folder_ = mkdtemp(folder);
    const absl::Time now = absl::Now();
    const auto authority = *crypto::NewAuthority("test", now - absl::Hours(1), now + absl::Hours(1));
    key_ = crypto::NewPrivateKey();
    certificate_ = *crypto::SignRequest(authority, *crypto::NewCertificateRequest(key_, "server"),
                                        {.common_name = "server",
                                         .server_names = {"127.0.0.1", "localhost"},
                                         .use = crypto::CertificateUse::kServer,
                                         .not_before = now - absl::Hours(1),
                                         .not_after = now + absl::Hours(1)});
    Write("ca.crt", authority.certificate);
    Write("token", "croft_test");
    Start();
  }
  ~ScriptedControlPlane() override {
    Stop();
    std::filesystem::remove_all(folder_);
  }
  ScriptedControlPlane(const ScriptedControlPlane&) = delete;
  ScriptedControlPlane& operator=(const ScriptedControlPlane&) = delete;

  void Start() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = false;
    }
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs = {{key_, certificate_}};
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port_), grpc::SslServerCredentials(tls), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  void Stop() {
    if (!server_) return;
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_.reset();
  }

  Locator::Options Options() const {
    Locator::Options options;
    options.endpoints = {"127.0.0.1:" + std::to_string(port_)};
    options.authority_file = folder_ + "/ca.crt";
    options.token_file = folder_ + "/token";
    options.timeout = std::chrono::milliseconds(2000);
    return options;
  }
  const std::string& folder() const { return folder_; }

  // --- The script. Each raises the revision by one.

  void Place(const std::string& tenant, int64_t generation) {
    Change(
        [&](croft::v1::WatchPlacementsResponse::Change& change) {
          croft::v1::LookupResponse& placement = *change.mutable_placement();
          placement.set_tenant("tenants/" + tenant);
          placement.set_uid("uid-" + tenant);
          placement.set_placement_generation(generation);
          croft::v1::Endpoint& endpoint = *placement.add_endpoints();
          endpoint.set_host("localhost");
          endpoint.set_port(7500);
          endpoint.set_database("d" + std::to_string(generation));
          placement.set_conninfo("dbname=d" + std::to_string(generation));
          placement.mutable_ttl()->set_seconds(60);
        },
        tenant, generation);
  }
  void Refuse(const std::string& tenant, int64_t generation) {
    Change(
        [](croft::v1::WatchPlacementsResponse::Change& change) {
          change.mutable_refused()->set_code(grpc::StatusCode::FAILED_PRECONDITION);
          change.mutable_refused()->set_message("retired");
        },
        tenant, generation);
  }
  void Remove(const std::string& tenant) {
    Change([](croft::v1::WatchPlacementsResponse::Change& change) { change.set_removed(true); }, tenant, 0);
  }
  // A catalog was restored: another epoch, whose history begins with what there is.
  void NextEpoch() {
    const std::lock_guard lock(mutex_);
    ++epoch_;
  }
  int lookups() const {
    const std::lock_guard lock(mutex_);
    return lookups_;
  }

 private:
  using Response = croft::v1::WatchPlacementsResponse;

  template <typename Fill>
  void Change(Fill fill, const std::string& tenant, int64_t generation) {
    {
      const std::lock_guard lock(mutex_);
      Response::Change change;
      change.set_tenant("tenants/" + tenant);
      change.set_placement_generation(generation);
      ++revision_;
      change.mutable_revision()->set_epoch(epoch_);
      change.mutable_revision()->set_revision(revision_);
      fill(change);
      if (change.has_placement()) *change.mutable_placement()->mutable_revision() = change.revision();
      changes_[tenant] = change;
    }
    changed_.notify_all();
  }

  grpc::Status Lookup(grpc::ServerContext*, const croft::v1::LookupRequest* request,
                      croft::v1::LookupResponse* response) override {
    const std::lock_guard lock(mutex_);
    ++lookups_;
    const auto change = changes_.find(request->tenant());
    if (change == changes_.end() || change->second.removed()) {
      return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such tenant");
    }
    if (change->second.has_refused()) return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "retired");
    *response = change->second.placement();
    return grpc::Status::OK;
  }

  grpc::Status WatchPlacements(grpc::ServerContext*, const croft::v1::WatchPlacementsRequest* request,
                               grpc::ServerWriter<Response>* writer) override {
    std::unique_lock lock(mutex_);
    const int64_t epoch = epoch_;
    if (request->has_since() && request->since().epoch() != epoch) {
      return grpc::Status(grpc::StatusCode::OUT_OF_RANGE, "another epoch");
    }
    int64_t told = request->has_since() ? request->since().revision() : -1;
    while (!ending_ && epoch == epoch_) {
      Response response;
      for (const auto& [tenant, change] : changes_) {
        if (change.revision().revision() > told) *response.add_changes() = change;
      }
      told = revision_;
      response.mutable_revision()->set_epoch(epoch_);
      response.mutable_revision()->set_revision(revision_);
      lock.unlock();
      const bool alive = writer->Write(response);
      lock.lock();
      if (!alive) break;
      changed_.wait_for(lock, std::chrono::milliseconds(200), [&] { return ending_ || revision_ > told; });
    }
    return grpc::Status::OK;
  }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }

  std::string folder_;
  std::string key_;
  std::string certificate_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  int64_t epoch_ = 1;
  int64_t revision_ = 0;
  int lookups_ = 0;
  std::map<std::string, Response::Change> changes_;
};

}  // namespace croft::client
