// Registers the methods of a service.

#include "controlplane/handlers/service.h"

#include <cstdlib>

#include <grpcpp/impl/codegen/proto_utils.h>

#include "common/log.h"

namespace croft::handlers {
namespace {

[[noreturn]] void Stop(absl::string_view message, absl::string_view name) {
  log::Error(message, {{"name", std::string(name)}});
  std::abort();
}

bool ShapeFits(const google::protobuf::MethodDescriptor& descriptor, const Method& method) {
  const bool client_streams = std::holds_alternative<BidiMethod>(method.how);
  const bool server_streams = !std::holds_alternative<UnaryMethod>(method.how);
  return descriptor.client_streaming() == client_streams && descriptor.server_streaming() == server_streams;
}

}  // namespace

grpc::ByteBuffer Serialize(const google::protobuf::Message& message) {
  grpc::ByteBuffer bytes;
  bool own = false;
  const grpc::Status status =
      grpc::SerializationTraits<google::protobuf::Message>::Serialize(message, &bytes, &own);
  if (!status.ok()) Stop("a reply could not be serialised", message.GetTypeName());
  return bytes;
}

Service::Service(absl::string_view full_name)
    : descriptor_(
          google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(std::string(full_name))) {
  if (descriptor_ == nullptr) Stop("no such service", full_name);
}

void Service::AddMethod(absl::string_view name, const google::protobuf::Descriptor* response,
                        Method method) {
  const auto* descriptor = descriptor_->FindMethodByName(std::string(name));
  if (descriptor == nullptr) Stop("no such method", name);
  if (descriptor->input_type() != method.request_prototype->GetDescriptor() ||
      (response != nullptr && descriptor->output_type() != response) || !ShapeFits(*descriptor, method)) {
    Stop("a handler's types are not its method's", name);
  }
  method.descriptor = descriptor;
  methods_.push_back(std::move(method));
}

}  // namespace croft::handlers
