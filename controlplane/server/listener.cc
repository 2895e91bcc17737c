// Runs the gRPC server with TLS, health and reflection.

#include "controlplane/server/listener.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/grpc_security_constants.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/server_builder.h>
#include <sys/un.h>

#include "common/errors.h"
#include "common/log.h"
#include "grpc/health/v1/health.pb.h"

namespace croft::server {
namespace {

constexpr int kMaxMessageBytes = 4 << 20;
constexpr int kMaxMetadataBytes = 16 << 10;
constexpr int kReloadSeconds = 10;
constexpr int kMostReflectionThreads = 4;
constexpr int kHandshakeTimeoutMs = 10'000;
// Agents and watching clients ping every 20 seconds; the floor leaves them room for jitter.
constexpr int kKeepaliveMs = 20'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
constexpr int kShortestPingIntervalMs = 5'000;

std::shared_ptr<grpc::ServerCredentials> Credentials(const ListenOptions& options) {
  const auto provider = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      options.identity_file, options.identity_file, options.clients_file, kReloadSeconds);
  grpc::experimental::TlsServerCredentialsOptions tls(provider);
  tls.watch_root_certs();
  tls.watch_identity_key_cert_pairs();
  tls.set_cert_request_type(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(tls);
}

void SetLimits(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument("grpc.server_handshake_timeout_ms", kHandshakeTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kShortestPingIntervalMs);
  // Two control planes on one port would share its calls between them.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Reflection is the only service with threads of its own; each open call to it holds one.
  grpc::ResourceQuota quota("croftd");
  quota.SetMaxThreads(kMostReflectionThreads);
  builder.SetResourceQuota(quota);
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
}

// What the libraries say goes to our log, in its form. Protobuf says nothing new: a bad request is answered.
void QuietLibraries() {
  google::protobuf::SetLogHandler(nullptr);
  gpr_set_log_function([](gpr_log_func_args* line) {
    log::Warning("from gRPC", {{"text", std::string(line->message)}});
  });
}

// All that is served, in order. Naming health's descriptor links it in, so that reflection describes it.
std::vector<std::string> NamesOf(const std::vector<Adapter*>& services) {
  std::vector<std::string> names = {
      grpc::health::v1::HealthCheckRequest::descriptor()->file()->service(0)->full_name(),
      grpc::reflection::v1::ServerReflection::service_full_name(),
      "grpc.reflection.v1alpha.ServerReflection"};
  for (const Adapter* service : services) names.push_back(service->full_name());
  std::sort(names.begin(), names.end());
  return names;
}

bool FitsSocketAddress(const std::string& path) { return path.size() < sizeof(sockaddr_un::sun_path); }

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Start(const ListenOptions& options,
                                                          const std::vector<Adapter*>& services) {
  QuietLibraries();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();

  grpc::ServerBuilder builder;
  SetLimits(builder);
  std::unique_ptr<Listener> listener(new Listener());
  builder.AddListeningPort(options.address, Credentials(options), &listener->port_);
  int socket_bound = 1;
  if (!options.unix_socket.empty() && FitsSocketAddress(options.unix_socket)) {
    builder.AddListeningPort(absl::StrCat("unix:", options.unix_socket), grpc::InsecureServerCredentials(),
                             &socket_bound);
  } else if (!options.unix_socket.empty()) {
    log::Warning("the path of the local socket is too long; there is none",
                 {{"path", options.unix_socket}});
  }
  for (Adapter* service : services) builder.RegisterService(service);
  listener->reflection_ = std::make_unique<Reflection>(NamesOf(services));
  builder.RegisterService(listener->reflection_.get());
  listener->server_ = builder.BuildAndStart();
  if (!listener->server_ || listener->port_ == 0 || socket_bound == 0) {
    const std::string what = socket_bound == 0 ? options.unix_socket : options.address;
    return MakeError(absl::StatusCode::kUnavailable,
                     absl::StrCat("cannot listen on ", what, "; is it in use, or not of this machine?"),
                     {.reason = "ADDRESS_UNUSABLE", .metadata = {{"address", what}}});
  }
  grpc::HealthCheckServiceInterface& health = *listener->server_->GetHealthCheckService();
  health.SetServingStatus(true);
  for (const Adapter* service : services) health.SetServingStatus(service->full_name(), true);
  return listener;
}

void Listener::StopServing() { server_->GetHealthCheckService()->SetServingStatus(false); }

void Listener::Shutdown(absl::Duration timeout) {
  server_->Shutdown(absl::ToChronoTime(absl::Now() + timeout));
  server_->Wait();
}

}  // namespace croft::server
