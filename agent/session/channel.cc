// Opens gRPC channels to control planes.

#include "agent/session/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

namespace croft::agent {
namespace {

constexpr int kKeepaliveTimeMs = 20'000;
constexpr int kKeepaliveTimeoutMs = 10'000;

}  // namespace

std::shared_ptr<grpc::Channel> NewChannel(const std::string& address, const std::string& authority,
                                          const std::string& key, const std::string& certificate_chain) {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = authority;
  tls.pem_private_key = key;
  tls.pem_cert_chain = certificate_chain;
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // The session paces its attempts itself: no state is shared with the attempt before.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(tls), arguments);
}

}  // namespace croft::agent
