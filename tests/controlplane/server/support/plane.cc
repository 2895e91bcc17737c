#include "tests/controlplane/server/support/plane.h"

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include "common/files.h"
#include "common/sync.h"

namespace croft::server {
namespace {

std::string Read(const std::string& path) { return *ReadSmallFile(path, 1 << 20); }

// The folder as croftd init makes it.
const StateDirectory& Initialised(const StateDirectory& state) {
  const absl::Status status = InitStateDirectory(state, {});
  EXPECT_TRUE(status.ok()) << status;
  return state;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  char path[] = "/tmp/croft-server-XXXXXX";
  path_ = mkdtemp(path);
}

TemporaryFolder::~TemporaryFolder() { std::filesystem::remove_all(path_); }

Plane::Plane(Limits limits)
    : state_(folder_.path() + "/state"),
      authority_(*access::Authority::Load(Initialised(state_).tls, absl::Now())),
      limits_(limits.calls, clock_),
      authenticator_(authority_.certificate(), hosts_, principals_, clock_),
      gate_(authenticator_, limits.facts ? *limits.facts : tenants_, limits_,
            limits.log ? *limits.log : log_, [](const std::string&, const std::string&) {}),
      awaited_(limits.request_timeout, limits.awaited_requests, clock_),
      commits_(limits.commits),
      pool_(std::make_unique<WorkerPool>(limits.workers, limits.waiting_calls)) {
  awaited_.Start();
}

Plane::~Plane() { Stop(); }

void Plane::Listen(std::vector<handlers::Service> services) {
  std::vector<Adapter*> registered;
  for (handlers::Service& service : services) {
    adapters_.push_back(std::make_unique<Adapter>(
        std::move(service), AdapterParts{gate_, *pool_, streams_, awaited_, calls_, commits_}));
    registered.push_back(adapters_.back().get());
  }
  const access::TlsFiles tls(state_.tls);
  auto listener = Listener::Start({.address = "127.0.0.1:0",
                                   .identity_file = tls.server,
                                   .clients_file = tls.authority_certificate,
                                   .unix_socket = state_.socket},
                                  registered);
  ASSERT_TRUE(listener.ok()) << listener.status();
  listener_ = *std::move(listener);
}

void Plane::Stop() {
  streams_.EndAll(absl::UnavailableError("ending"));
  if (listener_) listener_->Shutdown(absl::Milliseconds(100));
  listener_.reset();
  pool_.reset();
}

std::shared_ptr<grpc::Channel> Plane::AsHolderOf(const std::string& key,
                                                 const std::string& certificate) const {
  grpc::SslCredentialsOptions tls{authority_.certificate(), key, certificate};
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", listener_->port()), grpc::SslCredentials(tls),
                                   arguments);
}

std::shared_ptr<grpc::Channel> Plane::AsAdmin() const {
  const access::TlsFiles tls(state_.tls);
  return AsHolderOf(Read(tls.admin_key), Read(tls.admin_certificate));
}

std::shared_ptr<grpc::Channel> Plane::AsNobody() const { return AsHolderOf("", ""); }

std::shared_ptr<grpc::Channel> Plane::OverUnixSocket() const {
  return grpc::CreateChannel(absl::StrCat("unix:", state_.socket), grpc::InsecureChannelCredentials());
}

Reply CallRaw(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
              const std::string& bytes, grpc::ClientContext& context) {
  grpc::GenericStub stub(channel);
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  Reply reply;
  Mutex mutex;
  CondVar changed;
  bool done = false;
  stub.UnaryCall(&context, path, grpc::StubOptions(), &request, &response, [&](grpc::Status status) {
    const MutexLock lock(mutex);
    reply.status = std::move(status);
    done = true;
    changed.NotifyAll();
  });
  const MutexLock lock(mutex);
  while (!done) changed.Wait(mutex);
  grpc::Slice whole;
  if (reply.status.ok() && response.DumpToSingleSlice(&whole).ok()) {
    reply.bytes.assign(reinterpret_cast<const char*>(whole.begin()), whole.size());
  }
  return reply;
}

Reply CallRaw(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
              const std::string& bytes) {
  grpc::ClientContext context;
  return CallRaw(channel, path, bytes, context);
}

Details DetailsIn(const grpc::Status& status) {
  Details details;
  v1::Status message;
  EXPECT_TRUE(message.ParseFromString(status.error_details()));
  for (const auto& any : message.details()) {
    if (any.type_url() == "type.googleapis.com/google.rpc.ErrorInfo") {
      EXPECT_TRUE(details.infos.emplace_back().ParseFromString(any.value()));
    } else if (any.type_url() == "type.googleapis.com/google.rpc.BadRequest") {
      v1::BadRequest bad;
      EXPECT_TRUE(bad.ParseFromString(any.value()));
      for (const auto& violation : bad.field_violations()) details.fields.push_back(violation.field());
    } else if (any.type_url() == "type.googleapis.com/google.rpc.RetryInfo") {
      details.retry = true;
    }
  }
  return details;
}

std::string ReasonOf(const grpc::Status& status) {
  const Details details = DetailsIn(status);
  if (details.infos.size() != 1 || details.infos[0].domain() != "croft") {
    return absl::StrCat("(", details.infos.size(), " infos: ", status.error_message(), ")");
  }
  return details.infos[0].reason();
}

}  // namespace croft::server
