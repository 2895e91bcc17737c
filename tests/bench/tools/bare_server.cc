// The peer of Lookup: the least that a gRPC server can do. Answers every method with the bytes of one file,
// over TLS, by the callback API.
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include "tests/bench/tools/files.h"

namespace croft::bench {
namespace {

class Answer final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Answer(const grpc::ByteBuffer& answer) : answer_(answer) { StartRead(&request_); }
  void OnReadDone(bool ok) override {
    if (ok) {
      StartWriteAndFinish(&answer_, grpc::WriteOptions(), grpc::Status::OK);
    } else {
      Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no request"));
    }
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer request_;
  grpc::ByteBuffer answer_;
};

class Unary final : public grpc::CallbackGenericService {
 public:
  explicit Unary(std::string answer) : slice_(answer) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    return new Answer(grpc::ByteBuffer(&slice_, 1));
  }

 private:
  const grpc::Slice slice_;
};

}  // namespace
}  // namespace croft::bench

int main(int argc, char** argv) {
  std::string certificate, key, authority, answer;
  CLI::App app("Answers every call with the bytes of a file");
  app.add_option("--cert", certificate)->required();
  app.add_option("--key", key)->required();
  app.add_option("--ca", authority)->required();
  app.add_option("--answer", answer)->required();
  CLI11_PARSE(app, argc, argv);

  using croft::bench::ReadFile;
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = ReadFile(authority);
  tls.pem_key_cert_pairs = {{ReadFile(key), ReadFile(certificate)}};
  croft::bench::Unary service(ReadFile(answer));
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port);
  builder.RegisterCallbackGenericService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  std::cout << port << std::endl;
  std::cin.get();  // until the benchmark closes the pipe
  server->Shutdown(std::chrono::system_clock::now());
}
