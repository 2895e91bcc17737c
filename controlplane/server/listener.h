#pragma once

#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <grpcpp/server.h>

#include "controlplane/server/adapter.h"
#include "controlplane/server/reflection.h"

// The gRPC server.
namespace croft::server {

struct ListenOptions {
  std::string address;        // `host:port`; port 0 takes a free one
  std::string identity_file;  // PEM with key and chain; watched for changes
  std::string clients_file;   // PEM of the authority that signs clients' certificates; watched too
  std::string unix_socket;    // path; empty for none
};

// gRPC's server with TLS, health (of the whole server and of each service) and reflection (v1 and v1alpha). Clients may
// show a certificate and need not.
class Listener {
 public:
  // The services outlive it. UNAVAILABLE, ADDRESS_UNUSABLE, when the address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<Listener>> Start(const ListenOptions& options,
                                                         const std::vector<Adapter*>& services);

  int port() const { return port_; }
  // Health checks answer NOT_SERVING from now on.
  void StopServing();
  // Takes no new calls, gives those that run `timeout` to end, then cuts them off. Open streams should be
  // ended first: they would take all of it.
  void Shutdown(absl::Duration timeout);

 private:
  Listener() = default;

  std::unique_ptr<Reflection> reflection_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace croft::server
