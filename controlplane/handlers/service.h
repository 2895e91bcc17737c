#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "controlplane/handlers/context.h"

// How methods are registered. A handler class has one member function for each method of its service and
// makes a Service of them:
//
//   Service TenantHandlers::service() {
//     Service service("croft.v1.TenantService");
//     service.Unary("GetTenant", *this, &TenantHandlers::GetTenant);
//     …
//     return service;
//   }
//
// Parsing, identity, permission, deadlines and the form of errors are the server's: a handler sees a
// request that is well-formed protobuf from somebody who may call the method on the resource it names, and
// answers with a message or an error of common/errors.h. Handlers are called on many threads at once.
namespace croft::handlers {

enum class Runs {
  kInPool,  // may block
  kInline,  // on gRPC's own thread: answers from memory, never waits
};

// What a stream gives when it is asked for its next message.
struct NothingYet {};  // `wake` will be called when there may be something
struct EndOfStream {
  absl::Status status;
};
template <typename Response>
using Pulled = std::variant<Response, NothingYet, EndOfStream>;

// The source of one server stream. The server pulls one message at a time, when the client can take it, so
// that a slow reader costs no memory. Calls do not overlap. Destroyed when the stream has ended; `wake` may
// still be called then, and does nothing.
template <typename Response>
class Feed {
 public:
  virtual ~Feed() = default;
  // May take a while, but must not wait for something to happen.
  virtual Pulled<Response> Next() = 0;
  // After Next gave a message: whether it may have another one without a wake in between. Called as Next is.
  virtual bool MayHaveMore() const { return true; }
};

// Tells the server that Next may have something. Thread-safe, cheap, never blocks, never calls Next on the
// caller's thread.
using Wake = std::function<void()>;
template <typename Response>
using Respond = std::function<void(absl::StatusOr<Response>)>;

// --- Methods without their types, as the server takes them.

struct UnaryMethod {
  Runs runs = Runs::kInPool;
  // Answers by `respond`, once, at once or later, from any thread.
  std::function<void(const RequestContext&, const google::protobuf::Message& request,
                     Respond<grpc::ByteBuffer> respond)>
      handle;
};

struct ServerStreamMethod {
  std::function<absl::StatusOr<std::unique_ptr<Feed<grpc::ByteBuffer>>>(
      const RequestContext&, const google::protobuf::Message& request, Wake wake)>
      open;
};

using BidiReactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;
struct BidiMethod {
  // The reactor deletes itself in OnDone. Never null. `call` lives until then.
  std::function<BidiReactor*(const RequestContext&, grpc::CallbackServerContext& call)> open;
};

struct Method {
  const google::protobuf::MethodDescriptor* descriptor = nullptr;
  const google::protobuf::Message* request_prototype = nullptr;
  std::variant<UnaryMethod, ServerStreamMethod, BidiMethod> how;
};

// The bytes of `message`, as they go over the wire.
grpc::ByteBuffer Serialize(const google::protobuf::Message& message);
inline grpc::ByteBuffer Serialize(grpc::ByteBuffer bytes) { return bytes; }

// The methods of one service. Registering a method that the descriptor does not have, or has with other
// types, stops the process: it is a mistake in the program.
class Service {
 public:
  explicit Service(absl::string_view full_name);

  const google::protobuf::ServiceDescriptor& descriptor() const { return *descriptor_; }
  const std::vector<Method>& methods() const { return methods_; }

  // `Response` may be grpc::ByteBuffer for a reply that is serialised already.
  template <typename Handler, typename Request, typename Response>
  void Unary(absl::string_view name, Handler& handler,
             absl::StatusOr<Response> (Handler::*method)(const RequestContext&, const Request&),
             Runs runs = Runs::kInPool) {
    Add<Request, Response>(
        name,
        UnaryMethod{runs, [&handler, method](const RequestContext& context,
                                             const google::protobuf::Message& request,
                                             Respond<grpc::ByteBuffer> respond) {
                      respond(Bytes((handler.*method)(context, static_cast<const Request&>(request))));
                    }});
  }

  // For methods that wait: `method` returns without waiting and answers by `respond` later. It must answer
  // in any case, soon after `context.cancellation` at the latest.
  template <typename Handler, typename Request, typename Response>
  void DeferredUnary(absl::string_view name, Handler& handler,
                     void (Handler::*method)(const RequestContext&, const Request&, Respond<Response>),
                     Runs runs = Runs::kInPool) {
    Add<Request, Response>(
        name, UnaryMethod{runs, [&handler, method](const RequestContext& context,
                                                   const google::protobuf::Message& request,
                                                   Respond<grpc::ByteBuffer> respond) {
                            (handler.*method)(
                                context, static_cast<const Request&>(request),
                                [respond = std::move(respond)](absl::StatusOr<Response> response) {
                                  respond(Bytes(std::move(response)));
                                });
                          }});
  }

  // `request` does not outlive the call of `method`; `context` may be copied.
  template <typename Handler, typename Request, typename Response>
  void ServerStream(absl::string_view name, Handler& handler,
                    absl::StatusOr<std::unique_ptr<Feed<Response>>> (Handler::*method)(
                        const RequestContext&, const Request&, Wake)) {
    Add<Request, Response>(
        name,
        ServerStreamMethod{
            [&handler, method](const RequestContext& context, const google::protobuf::Message& request,
                               Wake wake) -> absl::StatusOr<std::unique_ptr<Feed<grpc::ByteBuffer>>> {
              auto feed = (handler.*method)(context, static_cast<const Request&>(request), std::move(wake));
              if (!feed.ok()) return feed.status();
              return std::make_unique<SerializedFeed<Response>>(*std::move(feed));
            }});
  }

  template <typename Request, typename Response>
  void Bidi(absl::string_view name,
            std::function<BidiReactor*(const RequestContext&, grpc::CallbackServerContext&)> open) {
    Add<Request, Response>(name, BidiMethod{std::move(open)});
  }

 private:
  template <typename Response>
  class SerializedFeed final : public Feed<grpc::ByteBuffer> {
   public:
    explicit SerializedFeed(std::unique_ptr<Feed<Response>> feed) : feed_(std::move(feed)) {}
    Pulled<grpc::ByteBuffer> Next() override {
      Pulled<Response> pulled = feed_->Next();
      if (auto* response = std::get_if<Response>(&pulled)) return Serialize(std::move(*response));
      if (auto* end = std::get_if<EndOfStream>(&pulled)) return std::move(*end);
      return NothingYet();
    }
    bool MayHaveMore() const override { return feed_->MayHaveMore(); }

   private:
    std::unique_ptr<Feed<Response>> feed_;
  };

  template <typename Response>
  static absl::StatusOr<grpc::ByteBuffer> Bytes(absl::StatusOr<Response> response) {
    if (!response.ok()) return std::move(response).status();
    return Serialize(*std::move(response));
  }

  // nullptr for a response that is bytes already.
  template <typename Response>
  static const google::protobuf::Descriptor* DescriptorOf() {
    if constexpr (std::is_same_v<Response, grpc::ByteBuffer>) {
      return nullptr;
    } else {
      return Response::descriptor();
    }
  }

  template <typename Request, typename Response, typename How>
  void Add(absl::string_view name, How how) {
    AddMethod(name, DescriptorOf<Response>(),
              Method{.request_prototype = &Request::default_instance(), .how = std::move(how)});
  }
  void AddMethod(absl::string_view name, const google::protobuf::Descriptor* response, Method method);

  const google::protobuf::ServiceDescriptor* descriptor_;
  std::vector<Method> methods_;
};

}  // namespace croft::handlers
