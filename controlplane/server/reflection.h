#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <vector>

#include "grpc/reflection/v1/reflection.grpc.pb.h"

// gRPC reflection, v1 and v1alpha.
namespace croft::server {

// The answer to one request of grpc.reflection.v1: the files are those that are linked in. `services` are full names.
[[nodiscard]] grpc::reflection::v1::ServerReflectionResponse Reflect(
    const grpc::reflection::v1::ServerReflectionRequest& request, const std::vector<std::string>& services);

// grpc.reflection.v1, which Debian's gRPC does not have, beside its own v1alpha. Anybody may ask, as there; it holds no
// thread, and refuses a call over `most_calls` with RESOURCE_EXHAUSTED. It must outlive the server.
class Reflection final : public grpc::reflection::v1::ServerReflection::CallbackService {
 public:
  static constexpr size_t kMostCalls = 64;

  explicit Reflection(std::vector<std::string> services, size_t most_calls = kMostCalls)
      : services_(std::move(services)), most_calls_(most_calls) {}

  grpc::ServerBidiReactor<grpc::reflection::v1::ServerReflectionRequest,
                          grpc::reflection::v1::ServerReflectionResponse>*
  ServerReflectionInfo(grpc::CallbackServerContext* context) override;

 private:
  class Call;

  const std::vector<std::string> services_;
  const size_t most_calls_;
  std::atomic<size_t> calls_ = 0;
};

}  // namespace croft::server
