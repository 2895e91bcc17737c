#include "controlplane/server/listener.h"

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include "grpc/health/v1/health.pb.h"
#include "tests/controlplane/server/probe.h"
#include "tests/controlplane/server/support/plane.h"

namespace croft::server {
namespace {

grpc::health::v1::HealthCheckResponse::ServingStatus HealthOf(
    const std::shared_ptr<grpc::Channel>& channel) {
  grpc::health::v1::HealthCheckResponse response;
  EXPECT_TRUE(response.ParseFromString(CallRaw(channel, "/grpc.health.v1.Health/Check", "").bytes));
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

}  // namespace
}  // namespace croft::server
