// Connects handlers to gRPC: every call passes through here.

#include "controlplane/server/adapter.h"

#include <string>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/support/server_callback.h>

#include "common/crypto/hash.h"
#include "common/errors.h"
#include "common/log.h"
#include "controlplane/server/invalid_text.h"
#include "controlplane/server/status.h"
#include "controlplane/server/stream_call.h"
#include "controlplane/server/unary_call.h"

namespace croft::server {
namespace {

namespace protobuf = google::protobuf;
using handlers::Method;
using handlers::RequestContext;

absl::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

// What the transport shows of a caller, read anew for each call: what belongs to a connection may be shared by
// several callers, and a connection outlives the right to use it.
access::CallCredentials ReadCredentials(const grpc::CallbackServerContext& call, absl::string_view peer) {
  access::CallCredentials credentials;
  credentials.unix_socket = absl::StartsWith(peer, "unix:");
  const auto header = call.client_metadata().find("authorization");
  if (header != call.client_metadata().end()) credentials.authorization = std::string(View(header->second));
  if (const auto context = call.auth_context(); context && context->IsPeerAuthenticated()) {
    const auto certificates = context->FindPropertyValues("x509_pem_cert");
    if (!certificates.empty()) credentials.peer_certificate = std::string(View(certificates.front()));
  }
  return credentials;
}

absl::Status Malformed(const protobuf::Descriptor& descriptor, const grpc::ByteBuffer& bytes) {
  grpc::Slice whole;
  if (bytes.DumpToSingleSlice(&whole).ok()) {
    const absl::string_view view(reinterpret_cast<const char*>(whole.begin()), whole.size());
    if (const auto field = FindInvalidText(descriptor, view)) {
      return InvalidField(*field, "must be valid UTF-8");
    }
  }
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("the request is not a ", descriptor.full_name(), "; regenerate the client"),
                   {.reason = "MALFORMED_REQUEST", .metadata = {{"type", descriptor.full_name()}}});
}

bool IsUuid(absl::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !absl::ascii_isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}

// The same for equal messages, whatever order their maps were sent in.
std::string HashOf(const protobuf::Message& message) {
  std::string bytes;
  {
    protobuf::io::StringOutputStream stream(&bytes);
    protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return crypto::Hex(crypto::Sha256(bytes));
}

// Reads the fields that mean the same in every request.
absl::Status ReadCommonFields(const protobuf::Message& request, engine::Caller& caller) {
  const auto& descriptor = *request.GetDescriptor();
  const auto& reflection = *request.GetReflection();
  if (const auto* field = descriptor.FindFieldByName("validate_only")) {
    caller.validate_only = reflection.GetBool(request, field);
  }
  const auto* field = descriptor.FindFieldByName("request_id");
  if (field == nullptr) return absl::OkStatus();
  caller.request_id = absl::AsciiStrToLower(reflection.GetString(request, field));
  if (caller.request_id.empty()) return absl::OkStatus();
  if (!IsUuid(caller.request_id)) {
    return InvalidField("request_id", "must be a UUID, such as 4f7c1b0e-0d5a-4c3a-9a43-0a4f6b1f2c11");
  }
  const std::unique_ptr<protobuf::Message> payload(request.New());
  payload->CopyFrom(request);
  reflection.ClearField(payload.get(), field);
  caller.payload_hash = HashOf(*payload);
  return absl::OkStatus();
}

// A two-way stream that is refused before it begins.
class RefusedStream final : public handlers::BidiReactor {
 public:
  explicit RefusedStream(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace

absl::StatusOr<RequestContext> Identify(const Gate& gate, const protobuf::MethodDescriptor& method,
                                        const grpc::CallbackServerContext& call,
                                        access::CallCredentials& credentials) {
  RequestContext context;
  context.caller.peer = call.peer();
  context.caller.method = absl::StrCat(method.service()->name(), "/", method.name());
  context.deadline = absl::FromChrono(call.deadline());
  credentials = ReadCredentials(call, context.caller.peer);
  CROFT_RETURN_IF_ERROR(gate.Identify(credentials, method, context));
  return context;
}

absl::StatusOr<std::unique_ptr<protobuf::Message>> Admit(const Gate& gate, const Method& method,
                                                         const grpc::ByteBuffer& bytes,
                                                         RequestContext& context) {
  std::unique_ptr<protobuf::Message> request(method.request_prototype->New());
  grpc::ByteBuffer consumed(bytes);  // shares the bytes
  if (!grpc::SerializationTraits<protobuf::Message>::Deserialize(&consumed, request.get()).ok()) {
    return Malformed(*method.descriptor->input_type(), bytes);
  }
  CROFT_RETURN_IF_ERROR(gate.Permit(*method.descriptor, *request, context));
  CROFT_RETURN_IF_ERROR(ReadCommonFields(*request, context.caller));
  return request;
}

grpc::Status Conclude(const absl::Status& status, const protobuf::MethodDescriptor& method,
                      const RequestContext& context) {
  switch (status.code()) {
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
      log::Error("a call failed", {{"method", method.full_name()},
                                   {"caller", context.caller.name},
                                   {"request_id", context.caller.request_id},
                                   {"error", log::Text(status)}});
      break;
    default: break;
  }
  return ToGrpcStatus(status);
}

absl::Status Overloaded() {
  return MakeError(absl::StatusCode::kResourceExhausted, "too many calls wait to be worked on; ask again",
                   {.reason = "OVERLOADED", .retry_delay = absl::Seconds(1)});
}

Adapter::Adapter(handlers::Service service, AdapterParts parts)
    : service_(std::move(service)), parts_(parts) {
  for (const Method& method : service_.methods()) Register(method);
}

// gRPC holds back a call of a unary method until its request is there in whole, and nobody could end it before. So
// the methods are registered as ones of streams, which look the same on the wire: we see each call as it begins.
void Adapter::Register(const Method& method) {
  using grpc::internal::RpcMethod;
  using grpc::internal::RpcServiceMethod;
  using Bytes = grpc::ByteBuffer;
  const auto& descriptor = *method.descriptor;
  paths_.push_back(absl::StrCat("/", descriptor.service()->full_name(), "/", descriptor.name()));
  RpcMethod::RpcType type = RpcMethod::BIDI_STREAMING;
  grpc::internal::MethodHandler* handler = nullptr;
  const std::string name = absl::StrCat(descriptor.service()->name(), "/", descriptor.name());
  if (std::holds_alternative<handlers::ServerStreamMethod>(method.how)) {
    metrics::CallCounts::Method& counts = parts_.calls.Add(name, /*unary=*/false);
    handler = new grpc::internal::CallbackBidiHandler<Bytes, Bytes>(
        [this, &method, &counts](grpc::CallbackServerContext* call) {
          return StartStreamCall(parts_, method, counts, *call);
        });
  } else if (const auto* bidi = std::get_if<handlers::BidiMethod>(&method.how)) {
    handler = new grpc::internal::CallbackBidiHandler<Bytes, Bytes>(
        [this, &method, bidi](grpc::CallbackServerContext* call) -> handlers::BidiReactor* {
          access::CallCredentials credentials;
          auto context = Identify(parts_.gate, *method.descriptor, *call, credentials);
          absl::Status status = context.status();
          if (status.ok())
            status = parts_.gate.Permit(*method.descriptor, *method.request_prototype, *context);
          if (!status.ok()) return new RefusedStream(ToGrpcStatus(status));
          return bidi->open(*context, *call);
        });
  } else {
    type = RpcMethod::CLIENT_STREAMING;
    metrics::CallCounts::Method& counts = parts_.calls.Add(name, /*unary=*/true);
    handler = new grpc::internal::CallbackClientStreamingHandler<Bytes, Bytes>(
        [this, &method, &counts](grpc::CallbackServerContext* call, Bytes* response) {
          return StartUnaryCall(parts_, method, counts, *call, *response);
        });
  }
  AddMethod(new RpcServiceMethod(paths_.back().c_str(), type, nullptr));
  MarkMethodRawCallback(static_cast<int>(paths_.size()) - 1, handler);
}

}  // namespace croft::server
