#include "controlplane/server/unary_call.h"

#include <atomic>
#include <string>
#include <vector>

#include <absl/time/clock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include "common/random.h"
#include "controlplane/access/token.h"
#include "tests/contract/catalog_samples.h"
#include "tests/controlplane/server/probe.h"
#include "tests/controlplane/server/support/plane.h"

namespace croft::server {
namespace {

using Bytes = grpc::ByteBuffer;

constexpr char kGet[] = "/croft.v1.TenantService/GetTenant";        // in the pool
constexpr char kCreate[] = "/croft.v1.TenantService/CreateTenant";  // inline
constexpr char kWatch[] = "/croft.v1.OperationService/WatchOperation";
const std::vector<std::string> kPaths = {kGet, kCreate, kWatch};

// A call of which only the headers are sent, until the test sends more. It is over when the object goes.
class HalfCall final : public grpc::ClientBidiReactor<Bytes, Bytes> {
 public:
  HalfCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
           const std::string& token = "")
      : stub_(channel) {
    if (!token.empty()) context_.AddMetadata("authorization", "Bearer " + token);
    stub_.PrepareBidiStreamingCall(&context_, path, {}, this);
    AddHold();
    StartRead(&response_);
    StartCall();
  }
  ~HalfCall() override {
    context_.TryCancel();
    (void)End();
  }
  HalfCall(const HalfCall&) = delete;
  HalfCall& operator=(const HalfCall&) = delete;

  void SendEmptyMessage() {
    const grpc::Slice slice("");
    request_ = Bytes(&slice, 1);
    StartWriteLast(&request_, {});
  }
  void SendNoMoreThanThat() { StartWritesDone(); }
  // Nothing more is sent.
  bool IsOver() {
    if (holding_) RemoveHold();
    holding_ = false;
    return over_;
  }
  const grpc::Status& End() {
    (void)IsOver();
    done_.Wait();
    return status_;
  }
  void OnDone(const grpc::Status& status) override {
    status_ = status;
    over_ = true;
    done_.Set();
  }

 private:
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  Bytes request_;
  Bytes response_;
  bool holding_ = true;
  grpc::Status status_;
  std::atomic<bool> over_ = false;
  Event done_;
};

class UnaryCallTest : public ::testing::Test {
 protected:
  UnaryCallTest() {
    probe_.watch = [](const Probe::Context&, const handlers::Wake&) { return std::make_unique<Ended>(); };
  }
  // What was sent on `channel` before has reached the server.
  static void CallBehind(const std::shared_ptr<grpc::Channel>& channel) {
    (void)CallRaw(channel, kGet, "");
  }

  Probe probe_;

 private:
  class Ended final : public handlers::Feed<v1::Operation> {
   public:
    handlers::Pulled<v1::Operation> Next() override { return handlers::EndOfStream{absl::OkStatus()}; }
  };
};

TEST_F(UnaryCallTest, CallWhoseRequestDoesNotComeIsEnded) {
  Plane plane({.request_timeout = absl::Milliseconds(1)});
  plane.Listen(probe_.services());
  const auto channel = plane.AsAdmin();
  for (const std::string& path : kPaths) {
    HalfCall half(channel, path);
    EXPECT_EQ(half.End().error_code(), grpc::DEADLINE_EXCEEDED) << path;
    EXPECT_EQ(ReasonOf(half.End()), "REQUEST_INCOMPLETE") << path;
  }
}

TEST_F(UnaryCallTest, RequestThatComesLaterIsAnswered) {
  Plane plane;
  plane.Listen(probe_.services());
  const auto channel = plane.AsAdmin();
  for (const std::string& path : kPaths) {
    HalfCall half(channel, path);
    CallBehind(channel);
    half.SendEmptyMessage();
    EXPECT_TRUE(half.End().ok()) << path << ": " << half.End().error_message();
  }
}

TEST_F(UnaryCallTest, CallThatEndsWithoutARequestIsRefused) {
  Plane plane;
  plane.Listen(probe_.services());
  const auto channel = plane.AsAdmin();
  for (const std::string& path : kPaths) {
    HalfCall half(channel, path);
    half.SendNoMoreThanThat();
    EXPECT_EQ(half.End().error_code(), grpc::INVALID_ARGUMENT) << path;
    EXPECT_EQ(ReasonOf(half.End()), "MALFORMED_REQUEST") << path;
  }
}

TEST_F(UnaryCallTest, StrangersAreRefusedBeforeTheySendARequest) {
  Plane plane;
  plane.Listen(probe_.services());
  const auto channel = plane.AsNobody();
  for (const std::string& path : kPaths) {
    HalfCall half(channel, path);
    EXPECT_EQ(half.End().error_code(), grpc::UNAUTHENTICATED) << path;
  }
}

TEST_F(UnaryCallTest, OneTooManyThatWaitsEndsTheOldestAndIsAnsweredItself) {
  Plane plane({.awaited_requests = 1});
  plane.Listen(probe_.services());
  const auto channel = plane.AsAdmin();
  HalfCall half(channel, kGet);
  // A call that the half one overtakes is the older of the two, and ends; the next one is answered.
  bool answered = false;
  do answered = CallRaw(channel, kGet, "").status.ok();
  while (!half.IsOver());
  EXPECT_TRUE(answered);
  EXPECT_EQ(half.End().error_code(), grpc::RESOURCE_EXHAUSTED);
}

TEST_F(UnaryCallTest, ServerThatStopsDoesNotWaitForRequests) {
  Plane plane;
  plane.Listen(probe_.services());
  const auto channel = plane.AsAdmin();
  HalfCall unary(channel, kGet);
  HalfCall stream(channel, kWatch);
  CallBehind(channel);
  plane.Stop();
  EXPECT_FALSE(unary.End().ok());
  EXPECT_FALSE(stream.End().ok());
}

TEST_F(UnaryCallTest, CallBegunBeforeItsTokenWasRevokedIsNotKeptForLater) {
  SystemRandom random;
  const access::IssuedToken token = access::MakeBearerToken(random);
  domain::User user = catalog::SampleUser("shop");
  user.bindings = {{domain::Role::kOperator, domain::AllTenants()}};
  user.tokens[0].hash = token.hash;
  user.tokens[0].expire_time.reset();
  bool created = false;
  probe_.create = [&](const Probe::Context&) {
    created = true;
    return v1::Operation();
  };
  Plane plane;
  plane.Listen(probe_.services());
  plane.principals().Apply({catalog::PutUser{user}}, {});
  const auto channel = plane.AsNobody();
  HalfCall half(channel, kCreate, token.text);
  const absl::Time begun = absl::Now();
  CallBehind(channel);
  plane.principals().Apply({catalog::DeleteUser{user.id}}, {});
  // A call of a moment is judged as it began.
  while (absl::Now() - begun < absl::Milliseconds(1100)) CallBehind(channel);
  half.SendEmptyMessage();
  EXPECT_EQ(half.End().error_code(), grpc::UNAUTHENTICATED);
  EXPECT_FALSE(created);
}

}  // namespace
}  // namespace croft::server
