#pragma once

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
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
    authority_ = *crypto::NewAuthority("test", now - absl::Hours(1), now + absl::Hours(1));
    key_ = crypto::NewPrivateKey();
    certificate_ = *crypto::SignRequest(authority_, *crypto::NewCertificateRequest(key_, "server"),
                                        {.common_name = "server",
                                         .server_names = {"127.0.0.1", "localhost"},
                                         .use = crypto::CertificateUse::kServer,
                                         .not_before = now - absl::Hours(1),
                                         .not_after = now + absl::Hours(1)});
    Write("ca.crt", authority_.certificate);
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
    tls.pem_root_certs = authority_.certificate;
    tls.pem_key_cert_pairs = {{key_, certificate_}};
    tls.client_certificate_request = GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
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
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }

  // A client's identity, in `client.crt` and `client.key`.
  void Certify(const std::string& name) {
    const absl::Time now = absl::Now();
    const std::string key = crypto::NewPrivateKey();
    Write("client.crt", *crypto::SignRequest(authority_, *crypto::NewCertificateRequest(key, name),
                                             {.common_name = name,
                                              .use = crypto::CertificateUse::kClient,
                                              .not_before = now - absl::Hours(1),
                                              .not_after = now + absl::Hours(1)}));
    Write("client.key", key);
  }

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
          SetTtl(placement);
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
  // Another catalog altogether, that holds nothing yet.
  void RestoreTo(int64_t epoch, int64_t revision) {
    {
      const std::lock_guard lock(mutex_);
      epoch_ = epoch;
      revision_ = revision;
      changes_.clear();
      ++life_;
    }
    changed_.notify_all();
  }
  void CutWatches() {
    {
      const std::lock_guard lock(mutex_);
      ++life_;
    }
    changed_.notify_all();
  }
  // How long answers hold from now on.
  void set_ttl(std::chrono::milliseconds ttl) {
    const std::lock_guard lock(mutex_);
    ttl_ = ttl;
  }
  // Lookups wait until they are let go, or given up.
  void Hold() {
    const std::lock_guard lock(mutex_);
    holding_ = true;
  }
  void LetGo() {
    {
      const std::lock_guard lock(mutex_);
      holding_ = false;
    }
    changed_.notify_all();
  }
  // What `garble` does to answers goes out; null for the truth.
  void GarbleLookups(std::function<void(croft::v1::LookupResponse&)> garble) {
    const std::lock_guard lock(mutex_);
    garble_lookup_ = std::move(garble);
  }
  void GarbleWatches(std::function<void(croft::v1::WatchPlacementsResponse&)> garble) {
    const std::lock_guard lock(mutex_);
    garble_watch_ = std::move(garble);
  }

  // --- What it was asked.

  int watches() const {
    const std::lock_guard lock(mutex_);
    return watches_;
  }
  croft::v1::LookupRequest last_lookup() const {
    const std::lock_guard lock(mutex_);
    return last_lookup_;
  }
  croft::v1::WatchPlacementsRequest last_watch() const {
    const std::lock_guard lock(mutex_);
    return last_watch_;
  }
  std::string last_authorization() const {
    const std::lock_guard lock(mutex_);
    return last_authorization_;
  }
  // The name in the certificate that was shown with the last lookup; empty for none.
  std::string last_certificate() const {
    const std::lock_guard lock(mutex_);
    return last_certificate_;
  }
  int lookups() const {
    const std::lock_guard lock(mutex_);
    return lookups_;
  }

 private:
  using Response = croft::v1::WatchPlacementsResponse;
  static constexpr std::chrono::milliseconds kLook{5};

  void SetTtl(croft::v1::LookupResponse& placement) const {
    placement.mutable_ttl()->set_seconds(ttl_.count() / 1000);
    placement.mutable_ttl()->set_nanos(static_cast<int32_t>(ttl_.count() % 1000) * 1'000'000);
  }

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

  grpc::Status Lookup(grpc::ServerContext* context, const croft::v1::LookupRequest* request,
                      croft::v1::LookupResponse* response) override {
    std::unique_lock lock(mutex_);
    ++lookups_;
    last_lookup_ = *request;
    const auto authorization = context->client_metadata().find("authorization");
    if (authorization != context->client_metadata().end()) {
      last_authorization_ = std::string(authorization->second.data(), authorization->second.size());
    }
    const auto names = context->auth_context()->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
    last_certificate_ = names.empty() ? "" : std::string(names[0].data(), names[0].size());
    while (holding_ && !ending_ && !context->IsCancelled()) changed_.wait_for(lock, kLook);
    const auto change = changes_.find(request->tenant());
    if (change == changes_.end() || change->second.removed()) {
      return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such tenant");
    }
    if (change->second.has_refused()) return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "retired");
    *response = change->second.placement();
    SetTtl(*response);
    if (garble_lookup_) garble_lookup_(*response);
    return grpc::Status::OK;
  }

  grpc::Status WatchPlacements(grpc::ServerContext*, const croft::v1::WatchPlacementsRequest* request,
                               grpc::ServerWriter<Response>* writer) override {
    std::unique_lock lock(mutex_);
    ++watches_;
    last_watch_ = *request;
    const int64_t epoch = epoch_;
    const int life = life_;
    if (request->has_since() &&
        (request->since().epoch() != epoch || request->since().revision() > revision_)) {
      return grpc::Status(grpc::StatusCode::OUT_OF_RANGE, "another history");
    }
    int64_t told = request->has_since() ? request->since().revision() : -1;
    while (!ending_ && epoch == epoch_ && life == life_) {
      Response response;
      for (const auto& [tenant, change] : changes_) {
        if (change.revision().revision() > told) *response.add_changes() = change;
      }
      told = revision_;
      response.mutable_revision()->set_epoch(epoch_);
      response.mutable_revision()->set_revision(revision_);
      if (garble_watch_) garble_watch_(response);
      lock.unlock();
      const bool alive = writer->Write(response);
      lock.lock();
      if (!alive) break;
      changed_.wait_for(lock, std::chrono::milliseconds(200),
                        [&] { return ending_ || life != life_ || revision_ > told; });
    }
    return grpc::Status::OK;
  }

  std::string folder_;
  crypto::KeyAndCertificate authority_;
  std::string key_;
  std::string certificate_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  int64_t epoch_ = 1;
  int64_t revision_ = 0;
  int life_ = 0;
  int lookups_ = 0;
  int watches_ = 0;
  bool holding_ = false;
  std::chrono::milliseconds ttl_{60'000};
  std::function<void(croft::v1::LookupResponse&)> garble_lookup_;
  std::function<void(Response&)> garble_watch_;
  croft::v1::LookupRequest last_lookup_;
  croft::v1::WatchPlacementsRequest last_watch_;
  std::string last_authorization_;
  std::string last_certificate_;
  std::map<std::string, Response::Change> changes_;
};

}  // namespace croft::client
