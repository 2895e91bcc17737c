#include "controlplane/server/listener.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "common/crypto/x509.h"
#include "common/files.h"
#include "grpc/health/v1/health.pb.h"
#include "tests/controlplane/server/probe.h"
#include "tests/controlplane/server/support/plane.h"

namespace croft::server {
namespace {

grpc::health::v1::HealthCheckResponse::ServingStatus HealthOf(const std::shared_ptr<grpc::Channel>& channel,
                                                              const std::string& service = "") {
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  grpc::health::v1::HealthCheckResponse response;
  EXPECT_TRUE(response.ParseFromString(
      CallRaw(channel, "/grpc.health.v1.Health/Check", request.SerializeAsString()).bytes));
  return response.status();
}

TEST(ListenerTest, HealthFollowsTheServer) {
  Probe probe;
  Plane plane;
  plane.Listen(probe.services());
  const auto channel = plane.AsNobody();
  EXPECT_EQ(HealthOf(channel), grpc::health::v1::HealthCheckResponse::SERVING);
  plane.listener().StopServing();
  EXPECT_EQ(HealthOf(channel), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
}

TEST(ListenerTest, EachServiceHasAHealthOfItsOwn) {
  using grpc::health::v1::HealthCheckResponse;
  Probe probe;
  Plane plane;
  plane.Listen(probe.services());
  const auto channel = plane.AsNobody();
  EXPECT_EQ(HealthOf(channel, "croft.v1.TenantService"), HealthCheckResponse::SERVING);
  EXPECT_EQ(HealthOf(channel, "croft.v1.OperationService"), HealthCheckResponse::SERVING);
  grpc::health::v1::HealthCheckRequest unknown;
  unknown.set_service("croft.v1.NoService");
  EXPECT_EQ(
      CallRaw(channel, "/grpc.health.v1.Health/Check", unknown.SerializeAsString()).status.error_code(),
      grpc::StatusCode::NOT_FOUND);
  plane.listener().StopServing();
  EXPECT_EQ(HealthOf(channel, "croft.v1.TenantService"), HealthCheckResponse::NOT_SERVING);
}

TEST(ListenerTest, AddressInUseIsAClearError) {
  Probe probe;
  Plane plane;
  plane.Listen(probe.services());
  const access::TlsFiles tls(plane.state().tls);
  const std::string address = "127.0.0.1:" + std::to_string(plane.port());
  const auto second = Listener::Start(
      {.address = address, .identity_file = tls.server, .clients_file = tls.authority_certificate}, {});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().message().find(address), std::string::npos) << second.status();
}

TEST(ListenerTest, ClientThatSpeaksNoTlsIsNotServed) {
  Probe probe;
  Plane plane;
  plane.Listen(probe.services());
  const auto channel =
      grpc::CreateChannel("127.0.0.1:" + std::to_string(plane.port()), grpc::InsecureChannelCredentials());
  EXPECT_EQ(CallRaw(channel, "/croft.v1.TenantService/GetTenant", "").status.error_code(),
            grpc::UNAVAILABLE);
}

// Somebody who answers on a port with what he has got hold of.
class Impostor {
 public:
  explicit Impostor(const std::string& pem) {
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back({pem, pem});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port_);
    server_ = builder.BuildAndStart();
  }
  // How a call ends whose client trusts `authority` alone. A client that is fooled finds no such method.
  grpc::StatusCode CalledBy(const std::string& authority) const {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = authority;
    const auto channel =
        grpc::CreateChannel("127.0.0.1:" + std::to_string(port_), grpc::SslCredentials(tls));
    return CallRaw(channel, "/croft.v1.TenantService/GetTenant", "").status.error_code();
  }

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

TEST(ListenerTest, WhatLiesOnAHostCannotPoseAsTheControlPlane) {
  const Plane plane;
  const access::Authority& authority = plane.authority();
  const std::string key = crypto::NewPrivateKey();
  const std::string request = *crypto::NewCertificateRequest(key, "croftd");
  const std::vector<std::string> names = {"127.0.0.1", "localhost"};
  const std::string managed_server = *authority.SignManagedServer("h1", request, names, absl::Now());
  const std::string agent = *authority.SignAgent("h1", request, absl::Now());
  const std::string true_one = *ReadSmallFile(access::TlsFiles(plane.state().tls).server, 1 << 20);

  EXPECT_EQ(Impostor(true_one).CalledBy(authority.certificate()), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(Impostor(key + managed_server).CalledBy(authority.certificate()),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Impostor(key + agent).CalledBy(authority.certificate()), grpc::StatusCode::UNAVAILABLE);
}

TEST(ListenerTest, AManagedServersCertificateIsNoClient) {
  Probe probe;
  Plane plane;
  plane.Listen(probe.services());
  const std::string key = crypto::NewPrivateKey();
  const std::string request = *crypto::NewCertificateRequest(key, "admin");
  const std::string certificate = *plane.authority().SignManagedServer("h1", request, {"h1"}, absl::Now());
  const Reply reply = CallRaw(plane.AsHolderOf(key, certificate), "/croft.v1.TenantService/GetTenant", "");
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::UNAVAILABLE) << reply.status.error_message();
}

}  // namespace
}  // namespace croft::server
