#pragma once

#include <memory>
#include <string>
#include <vector>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include "common/clock.h"
#include "controlplane/access/authenticator.h"
#include "controlplane/access/authority.h"
#include "controlplane/handlers/service.h"
#include "controlplane/metrics/call_counts.h"
#include "controlplane/server/access_gate.h"
#include "controlplane/server/adapter.h"
#include "controlplane/server/awaited_requests.h"
#include "controlplane/server/call_limits.h"
#include "controlplane/server/host_directory.h"
#include "controlplane/server/listener.h"
#include "controlplane/server/open_streams.h"
#include "controlplane/server/principal_directory.h"
#include "controlplane/server/state_directory.h"
#include "controlplane/server/worker_pool.h"
#include "croft/v1/error.pb.h"

namespace croft::server {

// A folder that is gone at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Records nothing, and lets everything out.
class QuietLog final : public handlers::CallLog {
 public:
  bool NoteReads(const handlers::RequestContext&, absl::Span<const absl::string_view>) override {
    return true;
  }
  void WhenRecorded(const handlers::RequestContext&,
                    std::function<void(const absl::Status&)> then) override {
    then(absl::OkStatus());
  }
  void NoteDenied(const handlers::RequestContext&, absl::string_view, const absl::Status&) override {}
};

class NoTenants final : public TenantFacts {
 public:
  std::optional<Known> Find(absl::string_view) const override { return std::nullopt; }
  absl::StatusOr<std::vector<std::string>> OfOperation(absl::string_view) const override {
    return std::vector<std::string>();
  }
};

// A listener on a free port with TLS, an authority of its own and the real path of a call, before services that
// a test brings.
class Plane {
 public:
  struct Limits {
    size_t workers = 4;
    size_t waiting_calls = 64;
    LimitOptions calls;
    absl::Duration request_timeout = absl::Hours(1);
    size_t awaited_requests = 100;
    // Instead of none and nobody, when set. They outlive the plane.
    const TenantFacts* facts = nullptr;
    handlers::CallLog* log = nullptr;
    catalog::CommitBarrier* commits = nullptr;
  };
  Plane() : Plane(Limits()) {}
  explicit Plane(Limits limits);
  ~Plane();

  // Once.
  void Listen(std::vector<handlers::Service> services);
  // Ends streams and calls as the real server does.
  void Stop();

  // Channels of their own, each.
  std::shared_ptr<grpc::Channel> AsAdmin() const;
  std::shared_ptr<grpc::Channel> AsNobody() const;
  std::shared_ptr<grpc::Channel> AsHolderOf(const std::string& key, const std::string& certificate) const;
  std::shared_ptr<grpc::Channel> OverUnixSocket() const;

  const StateDirectory& state() const { return state_; }
  const access::Authority& authority() const { return authority_; }
  HostDirectory& hosts() { return hosts_; }
  PrincipalDirectory& principals() { return principals_; }
  OpenStreams& streams() { return streams_; }
  const Clock& clock() const { return clock_; }
  Listener& listener() { return *listener_; }
  int port() const { return listener_->port(); }

 private:
  TemporaryFolder folder_;
  StateDirectory state_;
  access::Authority authority_;
  SystemClock clock_;
  HostDirectory hosts_;
  PrincipalDirectory principals_;
  NoTenants tenants_;
  CallLimits limits_;
  QuietLog log_;
  access::Authenticator authenticator_;
  AccessGate gate_;
  OpenStreams streams_{100};
  metrics::CallCounts calls_;
  AwaitedRequests awaited_;
  catalog::CommitBarrier* const commits_;
  std::unique_ptr<WorkerPool> pool_;
  std::vector<std::unique_ptr<Adapter>> adapters_;
  std::unique_ptr<Listener> listener_;
};

struct Reply {
  grpc::Status status;
  std::string bytes;
};
// One unary call of `path`, such as `/croft.v1.TenantService/GetTenant`, with these bytes.
Reply CallRaw(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
              const std::string& bytes, grpc::ClientContext& context);
Reply CallRaw(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
              const std::string& bytes);

// Croft's details of an error, decoded as a client would.
struct Details {
  std::vector<v1::ErrorInfo> infos;
  std::vector<std::string> fields;
  bool retry = false;
};
Details DetailsIn(const grpc::Status& status);
// The one reason; anything but one ErrorInfo of Croft's gives a text that equals no reason.
std::string ReasonOf(const grpc::Status& status);

}  // namespace croft::server
