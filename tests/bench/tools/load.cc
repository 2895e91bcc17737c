// Sends one unary request over and over, `depth` at a time on each of `channels` connections, for a time, and
// prints what came of it as JSON.
#include "tests/bench/tools/load.h"

#include <iostream>

#include <CLI/CLI.hpp>

#include "tests/bench/tools/files.h"

int main(int argc, char** argv) {
  std::string target, authority, certificate, key, method, request_file, server_name;
  int channels = 4, depth = 64, milliseconds = 3000;
  CLI::App app("Measures one unary method");
  app.add_option("--target", target)->required();
  app.add_option("--ca", authority)->required();
  app.add_option("--cert", certificate);
  app.add_option("--key", key);
  app.add_option("--method", method)->required();
  app.add_option("--request", request_file)->required();
  app.add_option("--channels", channels);
  app.add_option("--depth", depth);
  app.add_option("--milliseconds", milliseconds);
  CLI11_PARSE(app, argc, argv);

  using croft::bench::ReadFile;
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = ReadFile(authority);
  if (!certificate.empty()) {
    tls.pem_cert_chain = ReadFile(certificate);
    tls.pem_private_key = ReadFile(key);
  }
  std::vector<std::shared_ptr<grpc::Channel>> connections;
  for (int i = 0; i < channels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection each
    connections.push_back(grpc::CreateCustomChannel(target, grpc::SslCredentials(tls), arguments));
  }
  croft::bench::Load load(method, ReadFile(request_file));
  load.Run(std::move(connections), depth, std::chrono::milliseconds(milliseconds));
  load.Print(std::cout);
}
