#include <thread>

#include "tests/controlplane/handlers/control_plane.h"

namespace croft::handlers {
namespace {

using server::ReasonOf;
using Operations = v1::OperationService::Stub;

class OperationsTest : public ControlPlane {
 protected:
  OperationsTest() { JoinHost("h1"); }

  // A create that its agent does not get on with.
  std::string BeginHeld(const std::string& id) {
    fleet_->Hold(domain::TaskKind::kCreate);
    v1::Operation operation;
    EXPECT_TRUE(BeginCreate(id, operation).ok());
    return operation.name();
  }
  v1::Operation GetOperation(const std::string& name) {
    v1::GetOperationRequest request;
    request.set_name(name);
    v1::Operation operation;
    EXPECT_TRUE(Call(*operations_, &Operations::GetOperation, request, operation).ok());
    return operation;
  }
};

TEST_F(OperationsTest, WaitAnswersWhenTheOperationEnds) {
  const std::string name = BeginHeld("acme");
  v1::Operation ended;
  std::thread waiter([&] { ended = Await(name); });
  fleet_->Release();
  waiter.join();
  EXPECT_EQ(ended.state(), v1::Operation::STATE_SUCCEEDED);
  EXPECT_EQ(Await(name).name(), name) << "one that has ended is answered at once";
}

// Between a commit and the moment when lookups know it, an operation can be read as ended.
TEST_F(OperationsTest, OnesThatHaveEndedAreShownWhenLookupsKnowIt) {
  tell_late_millis_ = 200;
  const std::string got = BeginHeld("got");
  fleet_->Release();
  while (!GetOperation(got).done()) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_EQ(LookupReason("got"), "");
  v1::WatchOperationRequest request;
  request.set_name(BeginHeld("watched"));
  grpc::ClientContext context;
  const auto stream = operations_->WatchOperation(&context, request);
  fleet_->Release();
  v1::Operation operation;
  while (stream->Read(&operation) && !operation.done()) continue;
  EXPECT_EQ(LookupReason("watched"), "");
}

TEST_F(OperationsTest, WaitAnswersAtItsTimeoutWithoutAnEnd) {
  const std::string name = BeginHeld("acme");
  v1::WaitOperationRequest request;
  request.set_name(name);
  request.mutable_timeout()->set_nanos(1000000);
  v1::Operation operation;
  ASSERT_TRUE(Call(*operations_, &Operations::WaitOperation, request, operation).ok());
  EXPECT_FALSE(operation.done());
  EXPECT_EQ(operation.progress(), "step 1 of 1: create on hosts/h1");
}

TEST_F(OperationsTest, WaitAnswersBeforeTheCallersDeadline) {
  v1::WaitOperationRequest request;
  request.set_name(BeginHeld("acme"));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(2));
  v1::Operation operation;
  const grpc::Status status = operations_->WaitOperation(&context, request, &operation);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_FALSE(operation.done());
}

TEST_F(OperationsTest, ManyWaitWithoutHoldingWorkers) {
  const std::string name = BeginHeld("acme");
  std::vector<std::thread> waiters;
  for (int i = 0; i < 40; ++i) waiters.emplace_back([&] { EXPECT_TRUE(Await(name).done()); });
  // There are eight workers: this would be answered late if the forty above held them.
  EXPECT_EQ(GetOperation(name).done(), false);
  fleet_->Release();
  for (std::thread& waiter : waiters) waiter.join();
}

TEST_F(OperationsTest, UnknownOnesAreNotFound) {
  v1::WaitOperationRequest wait;
  wait.set_name("operations/op-nobody");
  v1::Operation operation;
  EXPECT_EQ(ReasonOf(Call(*operations_, &Operations::WaitOperation, wait, operation)),
            "OPERATION_NOT_FOUND");
  v1::WatchOperationRequest watch;
  watch.set_name("operations/op-nobody");
  grpc::ClientContext context;
  auto stream = operations_->WatchOperation(&context, watch);
  EXPECT_FALSE(stream->Read(&operation));
  EXPECT_EQ(ReasonOf(stream->Finish()), "OPERATION_NOT_FOUND");
}

TEST_F(OperationsTest, WatchSendsEachStateUntilTheEnd) {
  const std::string name = BeginHeld("acme");
  v1::WatchOperationRequest request;
  request.set_name(name);
  grpc::ClientContext context;
  auto stream = operations_->WatchOperation(&context, request);
  v1::Operation operation;
  ASSERT_TRUE(stream->Read(&operation));
  EXPECT_FALSE(operation.done());

  Lose("h1");
  ASSERT_TRUE(stream->Read(&operation)) << "a change of the host it waits for counts too";
  EXPECT_THAT(operation.progress(), testing::StartsWith("waiting for hosts/h1, away since"));

  Connect("h1");
  fleet_->Release();
  bool done = false;
  while (stream->Read(&operation)) done = operation.done();
  EXPECT_TRUE(done);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(OperationsTest, CancelUndoes) {
  Lose("h1");
  JoinHost("h2");
  const std::string name = BeginHeld("acme");
  v1::CancelOperationRequest request;
  request.set_name(name);
  v1::Operation operation;
  ASSERT_TRUE(Call(*operations_, &Operations::CancelOperation, request, operation).ok());
  fleet_->Release();
  const v1::Operation ended = Await(name);
  EXPECT_TRUE(ended.state() == v1::Operation::STATE_CANCELLED ||
              ended.state() == v1::Operation::STATE_SUCCEEDED)
      << ended.DebugString();
}

TEST_F(OperationsTest, ListIsFilteredAndPaged) {
  for (const char* id : {"a", "b", "c"}) Create(id);
  v1::ListOperationsRequest request;
  request.set_filter("target = tenants/b AND done = true");
  v1::ListOperationsResponse response;
  ASSERT_TRUE(Call(*operations_, &Operations::ListOperations, request, response).ok());
  ASSERT_EQ(response.operations_size(), 1);
  EXPECT_EQ(response.operations(0).target(), "tenants/b");

  request.set_filter("kind = CREATE AND target != tenants/b");
  request.set_page_size(1);
  std::vector<std::string> targets;
  do {
    ASSERT_TRUE(Call(*operations_, &Operations::ListOperations, request, response).ok());
    for (const v1::Operation& operation : response.operations()) targets.push_back(operation.target());
    request.set_page_token(response.next_page_token());
  } while (!response.next_page_token().empty());
  EXPECT_THAT(targets, testing::ElementsAre("tenants/c", "tenants/a"));
}

TEST_F(OperationsTest, ACampaignThatIsOnlyValidatedSaysWhichTenantsItWouldTake) {
  for (const char* id : {"a", "b", "c"}) Create(id);
  v1::StartCampaignRequest request;
  request.set_kind(v1::Operation::KIND_BACK_UP);
  request.set_filter("id != b");
  request.set_validate_only(true);
  v1::Operation operation;
  const grpc::Status planned = Call(*operations_, &Operations::StartCampaign, request, operation);
  ASSERT_TRUE(planned.ok()) << planned.error_message();
  EXPECT_EQ(operation.name(), "");
  EXPECT_EQ(operation.target(), "fleet");
  EXPECT_EQ(operation.campaign().total(), 2);
  EXPECT_THAT(operation.campaign().tenants(), testing::ElementsAre("tenants/a", "tenants/c"));

  request.set_validate_only(false);
  ASSERT_TRUE(Call(*operations_, &Operations::StartCampaign, request, operation).ok());
  EXPECT_EQ(operation.kind(), v1::Operation::KIND_CAMPAIGN);
  EXPECT_EQ(operation.campaign().not_begun(), 2);
  EXPECT_EQ(operation.campaign().tenants_size(), 0);
  EXPECT_EQ(operation.progress(), "0 of 2 succeeded, 0 running, 0 failed, 2 not begun");
  v1::CancelOperationRequest cancel;
  cancel.set_name(operation.name());
  ASSERT_TRUE(Call(*operations_, &Operations::CancelOperation, cancel, operation).ok());
  EXPECT_EQ(operation.state(), v1::Operation::STATE_CANCELLED);
  EXPECT_EQ(operation.progress(), "cancelled by request; 2 were not begun");
}

}  // namespace
}  // namespace croft::handlers
