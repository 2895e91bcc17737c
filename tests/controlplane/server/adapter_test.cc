#include "controlplane/server/adapter.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <absl/strings/match.h>
#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/controlplane/server/probe.h"
#include "tests/controlplane/server/support/plane.h"

namespace croft::server {
namespace {

using ::testing::ElementsAre;
using Context = Probe::Context;

constexpr char kGet[] = "/croft.v1.TenantService/GetTenant";
constexpr char kCreate[] = "/croft.v1.TenantService/CreateTenant";
constexpr char kWait[] = "/croft.v1.OperationService/WaitOperation";

class AdapterTest : public ::testing::Test {
 protected:
  AdapterTest() { plane_.Listen(probe_.services()); }

  // The context that CreateTenant's handler sees.
  engine::Caller CallerOf(const v1::CreateTenantRequest& request) {
    engine::Caller seen;
    probe_.create = [&](const Context& context) {
      seen = context.caller;
      return v1::Operation();
    };
    const Reply reply = CallRaw(admin(), kCreate, request.SerializeAsString());
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    return seen;
  }
  const std::shared_ptr<grpc::Channel>& admin() {
    if (!admin_) admin_ = plane_.AsAdmin();
    return admin_;
  }

  Probe probe_;
  Plane plane_;
  std::shared_ptr<grpc::Channel> admin_;
};

TEST_F(AdapterTest, GarbageIsInvalidArgumentWithDetails) {
  const Reply reply = CallRaw(admin(), kGet, "\xff\xff\xff");
  EXPECT_EQ(reply.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(reply.status), "MALFORMED_REQUEST");
}

TEST_F(AdapterTest, TextThatIsNotUtf8IsRefusedByField) {
  v1::CreateTenantRequest request;
  request.mutable_tenant()->set_display_name("????");
  std::string bytes = request.SerializeAsString();
  bytes.replace(bytes.find("????"), 4, "a\xff\xfe\xff");
  const Reply reply = CallRaw(admin(), kCreate, bytes);
  EXPECT_EQ(reply.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(DetailsIn(reply.status).fields, ElementsAre("tenant.display_name"));
  EXPECT_EQ(ReasonOf(reply.status), "INVALID_FIELD");
}

TEST_F(AdapterTest, MapKeysThatAreNotUtf8AreRefusedByTheMapsName) {
  v1::CreateTenantRequest request;
  (*request.mutable_tenant()->mutable_labels())["????"] = "x";
  std::string bytes = request.SerializeAsString();
  bytes.replace(bytes.find("????"), 4, "a\xed\xa0\x80");  // a surrogate
  EXPECT_THAT(DetailsIn(CallRaw(admin(), kCreate, bytes).status).fields, ElementsAre("tenant.labels"));
}

TEST_F(AdapterTest, UnknownMethodIsUnimplemented) {
  EXPECT_EQ(CallRaw(admin(), "/croft.v1.TenantService/Paint", "").status.error_code(), grpc::UNIMPLEMENTED);
}

TEST_F(AdapterTest, MessagesOverFourMebibytesAreRefused) {
  EXPECT_EQ(CallRaw(admin(), kGet, std::string((4 << 20) + 1, 'a')).status.error_code(),
            grpc::RESOURCE_EXHAUSTED);
}

TEST_F(AdapterTest, HandlersErrorArrivesWithCodeMessageAndDetails) {
  probe_.get = [](const Context&) {
    return MakeError(absl::StatusCode::kAborted, "tenant acme is held",
                     {.reason = "TENANT_BUSY",
                      .metadata = {{"holder", "operations/op-1"}},
                      .violations = {{"name", "is held"}},
                      .retry_delay = absl::Seconds(2)});
  };
  const Reply reply = CallRaw(admin(), kGet, "");
  EXPECT_EQ(reply.status.error_code(), grpc::ABORTED);
  EXPECT_EQ(reply.status.error_message(), "tenant acme is held");
  const Details details = DetailsIn(reply.status);
  ASSERT_EQ(details.infos.size(), 1);
  EXPECT_EQ(details.infos[0].reason(), "TENANT_BUSY");
  EXPECT_EQ(details.infos[0].metadata().at("holder"), "operations/op-1");
  EXPECT_THAT(details.fields, ElementsAre("name"));
  EXPECT_TRUE(details.retry);
}

TEST_F(AdapterTest, HugeErrorStillArrivesWithItsReason) {
  probe_.get = [](const Context&) {
    std::vector<FieldViolation> violations(1000, {"tenant.labels", std::string(1000, 'x')});
    return InvalidFields(std::move(violations));
  };
  const Reply reply = CallRaw(admin(), kGet, "");
  EXPECT_EQ(reply.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(reply.status), "INVALID_FIELD");
  EXPECT_LE(reply.status.error_details().size(), 4096);
}

TEST_F(AdapterTest, DeadlineOfTheCallReachesTheHandlerAndEndsIt) {
  Event gone;
  absl::Time deadline;
  probe_.wait = [&](const Context& context, handlers::Respond<v1::Operation> respond) {
    deadline = context.deadline;
    context.cancellation->OnCancel([&gone, respond] {
      respond(absl::CancelledError());
      gone.Set();
    });
  };
  grpc::ClientContext context;
  const absl::Time wanted = absl::Now() + absl::Seconds(2);  // the handler is reached before it
  context.set_deadline(absl::ToChronoTime(wanted));
  EXPECT_EQ(CallRaw(admin(), kWait, "", context).status.error_code(), grpc::DEADLINE_EXCEEDED);
  gone.Wait();
  EXPECT_LT(absl::AbsDuration(deadline - wanted), absl::Seconds(1));
}

TEST_F(AdapterTest, CancelOfTheCallReachesTheHandler) {
  Event entered;
  Event gone;
  probe_.wait = [&](const Context& context, handlers::Respond<v1::Operation> respond) {
    context.cancellation->OnCancel([&gone, respond] {
      respond(absl::CancelledError());
      gone.Set();
    });
    entered.Set();
  };
  grpc::ClientContext context;
  std::thread canceller([&] {
    entered.Wait();
    context.TryCancel();
  });
  EXPECT_EQ(CallRaw(admin(), kWait, "", context).status.error_code(), grpc::CANCELLED);
  canceller.join();
  gone.Wait();
}

TEST_F(AdapterTest, WhatAHandlerLeftToBeCalledIsLetGoWithTheCall) {
  std::weak_ptr<int> left;
  probe_.wait = [&](const Context& context, const handlers::Respond<v1::Operation>& respond) {
    auto held = std::make_shared<int>();
    left = held;
    context.cancellation->OnCancel([held, respond] { respond(absl::CancelledError()); });
    respond(v1::Operation());
  };
  EXPECT_TRUE(CallRaw(admin(), kWait, "").status.ok());
  const absl::Time timeout = absl::Now() + absl::Seconds(20);
  while (!left.expired() && absl::Now() < timeout) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_TRUE(left.expired());
}

TEST_F(AdapterTest, SecondAnswerOfAHandlerIsPassedOver) {
  probe_.wait = [](const Context&, const handlers::Respond<v1::Operation>& respond) {
    v1::Operation first;
    first.set_name("operations/first");
    respond(first);
    respond(absl::InternalError("again"));
  };
  v1::Operation operation;
  ASSERT_TRUE(operation.ParseFromString(CallRaw(admin(), kWait, "").bytes));
  EXPECT_EQ(operation.name(), "operations/first");
}

TEST_F(AdapterTest, CallerIsWhoeverTheCertificateNames) {
  const engine::Caller caller = CallerOf({});
  EXPECT_EQ(caller.name, "admin");
  EXPECT_EQ(caller.method, "TenantService/CreateTenant");
  EXPECT_TRUE(absl::StartsWith(caller.peer, "ipv4:127.0.0.1:")) << caller.peer;
}

TEST_F(AdapterTest, NobodyIsUnauthenticated) {
  const Reply reply = CallRaw(plane_.AsNobody(), kGet, "");
  EXPECT_EQ(reply.status.error_code(), grpc::UNAUTHENTICATED);
  EXPECT_EQ(ReasonOf(reply.status), "IDENTITY_MISSING");
}

TEST_F(AdapterTest, BadTokenIsRefusedBesideAGoodCertificateAndIsNotRemembered) {
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer croft_nonsense");
  EXPECT_EQ(CallRaw(admin(), kGet, "", context).status.error_code(), grpc::UNAUTHENTICATED);
  EXPECT_TRUE(CallRaw(admin(), kGet, "").status.ok());
}

TEST_F(AdapterTest, LocalSocketIsTheAdministrators) {
  std::string name;
  probe_.get = [&](const Context& context) {
    name = context.caller.name;
    return v1::Tenant();
  };
  EXPECT_TRUE(CallRaw(plane_.OverUnixSocket(), kGet, "").status.ok());
  EXPECT_EQ(name, "admin");
}

TEST_F(AdapterTest, AgentMayNotManageTenants) {
  const std::string key = crypto::NewPrivateKey();
  const auto request = crypto::NewCertificateRequest(key, "hosts/h1");
  const auto certificate = plane_.authority().SignAgent("h1", *request, absl::Now());
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  const auto agent = plane_.AsHolderOf(key, *certificate);
  // Not one that the catalog knows, and then one that it does.
  EXPECT_EQ(ReasonOf(CallRaw(agent, kGet, "").status), "CERTIFICATE_NOT_CURRENT");
  domain::Host host{.id = "h1"};
  host.certificate_fingerprint = crypto::ReadCertificate(*certificate)->fingerprint;
  plane_.hosts().Apply(std::vector<catalog::Change>{catalog::PutHost{host}});
  EXPECT_EQ(CallRaw(agent, kGet, "").status.error_code(), grpc::PERMISSION_DENIED);
}

TEST_F(AdapterTest, RequestIdMustBeAUuid) {
  v1::CreateTenantRequest request;
  request.set_request_id("again");
  const Reply reply = CallRaw(admin(), kCreate, request.SerializeAsString());
  EXPECT_EQ(reply.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(DetailsIn(reply.status).fields, ElementsAre("request_id"));
}

TEST_F(AdapterTest, PayloadHashTellsPayloadsApartAndNotRequestIds) {
  v1::CreateTenantRequest request;
  request.set_tenant_id("acme");
  request.set_request_id("4F7C1B0E-0d5a-4c3a-9a43-0a4f6b1f2c11");
  for (int i = 0; i < 20; ++i) (*request.mutable_tenant()->mutable_labels())[std::to_string(i)] = "x";
  const engine::Caller first = CallerOf(request);
  EXPECT_EQ(first.request_id, "4f7c1b0e-0d5a-4c3a-9a43-0a4f6b1f2c11");
  EXPECT_EQ(first.payload_hash.size(), 64);

  v1::CreateTenantRequest other_order;
  for (int i = 20; i-- > 0;) (*other_order.mutable_tenant()->mutable_labels())[std::to_string(i)] = "x";
  other_order.set_request_id("00000000-0000-0000-0000-000000000000");
  other_order.set_tenant_id("acme");
  EXPECT_EQ(CallerOf(other_order).payload_hash, first.payload_hash);

  request.set_tenant_id("globex");
  EXPECT_NE(CallerOf(request).payload_hash, first.payload_hash);
}

TEST_F(AdapterTest, ValidateOnlyReachesTheHandler) {
  v1::CreateTenantRequest request;
  EXPECT_FALSE(CallerOf(request).validate_only);
  request.set_validate_only(true);
  EXPECT_TRUE(CallerOf(request).validate_only);
}

TEST(AdapterOverflowTest, CallsBeyondThePoolAreTurnedAwayWithARetryDelay) {
  Plane plane({.workers = 1, .waiting_calls = 1});
  Probe probe;
  Event entered;
  Event leave;
  std::atomic<bool> first = true;
  probe.get = [&](const Context&) {
    if (first.exchange(false)) {
      entered.Set();
      leave.Wait();
    }
    return v1::Tenant();
  };
  plane.Listen(probe.services());
  const auto channel = plane.AsAdmin();
  std::thread running([&] { EXPECT_TRUE(CallRaw(channel, kGet, "").status.ok()); });
  entered.Wait();
  // Of two more, one waits and the other is turned away; the one that waits is answered after `leave`.
  std::atomic<int> refused = 0;
  std::vector<std::thread> more;
  for (int i = 0; i < 2; ++i) {
    more.emplace_back([&] {
      const Reply reply = CallRaw(channel, kGet, "");
      if (reply.status.ok()) return;
      EXPECT_EQ(reply.status.error_code(), grpc::RESOURCE_EXHAUSTED);
      EXPECT_EQ(ReasonOf(reply.status), "OVERLOADED");
      EXPECT_TRUE(DetailsIn(reply.status).retry);
      ++refused;
      leave.Set();
    });
  }
  for (std::thread& thread : more) thread.join();
  running.join();
  EXPECT_EQ(refused, 1);
}

}  // namespace
}  // namespace croft::server
