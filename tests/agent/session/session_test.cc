#include "agent/session/session.h"

#include <thread>

#include <absl/strings/match.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "agent/session/join.h"
#include "common/errors.h"
#include "common/files.h"
#include "croft/v1/error.pb.h"
#include "tests/agent/session/gate.h"
#include "tests/agent/session/temporary_directory.h"
#include "tests/agent/session/test_control_plane.h"

namespace croft::agent {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

v1::Task CreateTask(const std::string& operation = "op-1", int64_t epoch = 1, int64_t order = 1) {
  v1::Task task;
  task.mutable_fencing()->set_epoch(epoch);
  task.mutable_fencing()->set_order(order);
  task.mutable_fencing()->set_operation(operation);
  task.mutable_fencing()->set_attempt(1);
  task.mutable_tenant()->set_uid("u1");
  task.mutable_tenant()->set_database("t_x_g1");
  task.mutable_tenant()->set_owner_role("t_x");
  task.mutable_create();
  return task;
}

// The status as a control plane sends it.
grpc::Status Superseded() {
  v1::ErrorInfo info;
  info.set_reason("SESSION_SUPERSEDED");
  info.set_domain("croft");
  v1::Status details;
  google::protobuf::Any& any = *details.add_details();
  any.set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  any.set_value(info.SerializeAsString());
  return {grpc::StatusCode::ABORTED, "a newer session of this host has begun", details.SerializeAsString()};
}

class SessionTest : public testing::Test {
 protected:
  void SetUp() override {
    auto files = IdentityFiles::Open(directory_.path(), true);
    ASSERT_TRUE(files.ok()) << files.status();
    files_.emplace(*std::move(files));
    auto journal = OpenJournal(directory_.path() + "/journal.db", clock_);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
  }
  void TearDown() override { Stop(); }

  absl::Status JoinWith(const std::string& token) {
    return Join(*files_, token, {}, absl::Now() + absl::Seconds(2));
  }

  // Joins, and runs a session on a thread of its own.
  void Start() {
    const absl::Status joined = JoinWith(control_plane_.JoinToken());
    ASSERT_TRUE(joined.ok()) << joined;
    Run();
  }

  void Run() {
    session_ = std::make_unique<Session>(*files_, **files_->Load(), *journal_, clock_, random_,
                                         Session::Sources{.report =
                                                              [] {
                                                                v1::HostReport report;
                                                                report.set_postgres_version("15.20");
                                                                return report;
                                                              },
                                                          .renewed = [this] { renewed_.Open(); }},
                                         SessionOptions{.agent_version = "1.2.3",
                                                        .first_delay = absl::Milliseconds(10),
                                                        .last_delay = absl::Milliseconds(50)});
    dispatcher_ = std::make_unique<Dispatcher>(
        [this](const Task& task, TaskContext& context) { return RunTask(task, context); }, *journal_,
        clock_,
        Dispatcher::Events{
            .send = [this](v1::ConnectRequest message) { session_->Send(std::move(message)); },
            .send_part = [this](v1::ConnectRequest message) { session_->SendPart(std::move(message)); },
            .fatal = [](const absl::Status& status) { ADD_FAILURE() << status; }});
    thread_ = std::thread([this] { ended_.Put(session_->Run(*dispatcher_)); });
  }

  absl::StatusOr<Outcome> RunTask(const Task&, TaskContext&) {
    ++runs_;
    started_.Open();
    if (hold_ && !go_on_.Await()) return absl::InternalError("nobody let it go on");
    return Done{"done"};
  }

  void Stop() {
    if (!thread_.joinable()) return;
    go_on_.Open();
    session_->Stop();
    thread_.join();
    dispatcher_->Stop();
  }

  TemporaryDirectory directory_;
  SystemClock clock_;
  SystemRandom random_;
  TestControlPlane control_plane_;
  std::optional<IdentityFiles> files_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::thread thread_;
  Mailbox<absl::Status> ended_;
  Gate renewed_;
  Gate started_;
  Gate go_on_;
  std::atomic<bool> hold_{false};
  std::atomic<int> runs_{0};
};

TEST_F(SessionTest, JoinKeepsKeyAndCertificatesForItselfAlone) {
  ASSERT_TRUE(JoinWith(control_plane_.JoinToken()).ok());
  const auto identity = files_->Load();
  ASSERT_TRUE(identity.ok()) << identity.status();
  ASSERT_TRUE(*identity);
  EXPECT_EQ((*identity)->host, "h1");
  EXPECT_EQ((*identity)->authority, control_plane_.authority());
  EXPECT_TRUE(crypto::CheckPair((*identity)->key, (*identity)->certificate_chain).ok());
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path() + "/identity")) {
    struct stat facts {};
    ASSERT_EQ(stat(entry.path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 8);
}

TEST_F(SessionTest, AnAuthorityOfItsOwnForServersIsKeptApartFromTheControlPlanes) {
  control_plane_.server_authority = "an authority of servers";
  ASSERT_TRUE(JoinWith(control_plane_.JoinToken()).ok());
  EXPECT_EQ((*files_->Load())->authority, control_plane_.authority());
  const auto kept = ReadPrivateFile(files_->server_certificate().authority, 1 << 20);
  EXPECT_EQ(*kept, "an authority of servers");
}

TEST_F(SessionTest, AnIdentityOfAnEarlierVersionTrustsItsServerAsBefore) {
  ASSERT_TRUE(JoinWith(control_plane_.JoinToken()).ok());
  const std::string file = files_->server_certificate().authority;
  ASSERT_EQ(*ReadPrivateFile(file, 1 << 20), control_plane_.authority())
      << "a control plane with one for all";
  std::filesystem::remove(file);
  ASSERT_TRUE(files_->Load().ok());
  EXPECT_EQ(*ReadPrivateFile(file, 1 << 20), control_plane_.authority());
}

TEST_F(SessionTest, ControlPlaneOfAnotherAuthorityIsNotJoined) {
  const TestControlPlane other;
  EXPECT_FALSE(JoinWith(control_plane_.JoinToken(other.authority())).ok());
  EXPECT_EQ(control_plane_.joins, 0);
  EXPECT_FALSE(files_->Load()->has_value());
}

TEST_F(SessionTest, MalformedTokenIsRefusedAndNotQuoted) {
  const absl::Status status = JoinWith("croft_join_c2VjcmV0");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("c2VjcmV0")));
}

TEST_F(SessionTest, HelloTellsVersionKindsAndReport) {
  Start();
  const auto connection = control_plane_.NextConnection();
  ASSERT_NE(connection, nullptr);
  EXPECT_EQ(connection->hello().agent_version(), "1.2.3");
  EXPECT_EQ(connection->hello().report().postgres_version(), "15.20");
  EXPECT_THAT(connection->hello().task_kinds(), Contains("create"));
  EXPECT_THAT(connection->hello().task_kinds(), Contains("delete_backup"));
  EXPECT_THAT(connection->peer_certificate(), HasSubstr("BEGIN CERTIFICATE"));
}

TEST_F(SessionTest, HeartbeatsComeByThemselves) {
  Start();
  const auto connection = control_plane_.NextConnection();
  ASSERT_NE(connection, nullptr);
  EXPECT_TRUE(connection->NextHeartbeat());
  EXPECT_EQ(connection->NextHeartbeat()->postgres_version(), "15.20");
}

TEST_F(SessionTest, TaskIsRunAndItsResultReported) {
  Start();
  const auto connection = control_plane_.NextConnection();
  ASSERT_NE(connection, nullptr);
  connection->SendTask(CreateTask());
  const auto result = connection->NextResult();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->done().message(), "done");
  EXPECT_EQ(result->fencing().operation(), "op-1");
}

TEST_F(SessionTest, TaskWithoutATenantIsRefused) {
  Start();
  const auto connection = control_plane_.NextConnection();
  ASSERT_NE(connection, nullptr);
  v1::Task task = CreateTask();
  task.clear_tenant();
  connection->SendTask(task);
  EXPECT_EQ(connection->NextResult()->error().reason(), "INVALID_FIELD");
  EXPECT_EQ(runs_, 0);
}

TEST_F(SessionTest, TaskOfAKindUnknownHereIsAnsweredSo) {
  Start();
  const auto connection = control_plane_.NextConnection();
  ASSERT_NE(connection, nullptr);
  v1::Task task = CreateTask();
  task.clear_create();
  connection->SendTask(task);
  EXPECT_EQ(connection->NextResult()->error().reason(), "UNKNOWN_TASK");
}

TEST_F(SessionTest, TaskGoesOnWithoutAStreamAndReportsOnTheNext) {
  hold_ = true;
  Start();
  const auto first = control_plane_.NextConnection();
  ASSERT_NE(first, nullptr);
  first->SendTask(CreateTask());
  ASSERT_TRUE(started_.Await());
  first->End({grpc::StatusCode::UNAVAILABLE, "restarting"});
  ASSERT_TRUE(first->AwaitEnd());
  go_on_.Open();
  const auto second = control_plane_.NextConnection();
  ASSERT_NE(second, nullptr);
  const auto result = second->NextResult();
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->has_done());
  EXPECT_EQ(runs_, 1);
}

TEST_F(SessionTest, ResultIsReportedOnEveryStreamUntilRecorded) {
  Start();
  auto connection = control_plane_.NextConnection();
  ASSERT_NE(connection, nullptr);
  connection->SendTask(CreateTask());
  ASSERT_TRUE(connection->NextResult());
  connection->End({grpc::StatusCode::UNAVAILABLE, "restarting"});
  connection = control_plane_.NextConnection();
  ASSERT_NE(connection, nullptr);
  const auto again = connection->NextResult();
  ASSERT_TRUE(again);
  connection->SendTaskRecorded(again->fencing());
  // A later task's answer shows that the record was taken note of.
  connection->SendTask(CreateTask("op-2"));
  EXPECT_EQ(connection->NextResult()->fencing().operation(), "op-2");
  connection->End({grpc::StatusCode::UNAVAILABLE, "restarting"});
  connection = control_plane_.NextConnection();
  ASSERT_NE(connection, nullptr);
  EXPECT_EQ(connection->NextResult()->fencing().operation(), "op-2");
}

TEST_F(SessionTest, ControlPlaneOfALowerEpochIsNotObeyed) {
  ASSERT_TRUE(journal_->RaiseEpoch(7).ok());
  control_plane_.epoch = 6;
  Start();
  const auto refused = control_plane_.NextConnection();
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->hello().highest_epoch(), 7);
  refused->SendTask(CreateTask("op-1", 6));
  ASSERT_TRUE(refused->AwaitEnd());
  control_plane_.epoch = 8;
  // Streams that were greeted under the old epoch may still stand in the queue.
  for (;;) {
    const auto connection = control_plane_.NextConnection();
    ASSERT_NE(connection, nullptr);
    if (connection->welcomed_epoch() != 8) continue;
    connection->SendTask(CreateTask("op-2", 8));
    EXPECT_EQ(connection->NextResult()->fencing().operation(), "op-2");
    break;
  }
  EXPECT_EQ(runs_, 1);
}

TEST_F(SessionTest, SupersededAgentEnds) {
  Start();
  const auto connection = control_plane_.NextConnection();
  ASSERT_NE(connection, nullptr);
  connection->End(Superseded());
  const auto ended = ended_.Take();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(ended->message()), HasSubstr("hosts/h1"));
  EXPECT_FALSE(control_plane_.has_connection());
}

TEST_F(SessionTest, WhyTheControlPlaneDoesNotGreetIsHeard) {
  control_plane_.refusal = Superseded();
  Start();
  const auto ended = ended_.Take();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code(), absl::StatusCode::kAborted);
}

TEST_F(SessionTest, CertificateIsRenewedAtTwoThirdsOfItsLifeAndUsed) {
  control_plane_.certificate_life_seconds = 3600;
  control_plane_.certificate_age_seconds = 2399;
  ASSERT_TRUE(JoinWith(control_plane_.JoinToken()).ok());
  const std::string old_certificate = (*files_->Load())->certificate_chain;
  control_plane_.certificate_age_seconds = 0;
  Run();
  auto connection = control_plane_.NextConnection();
  ASSERT_NE(connection, nullptr);
  ASSERT_TRUE(renewed_.Await());
  while (connection->peer_certificate() == old_certificate) {
    connection = control_plane_.NextConnection();
    ASSERT_NE(connection, nullptr);
  }
  EXPECT_EQ(control_plane_.renewals, 1);
  EXPECT_EQ(connection->peer_certificate(), (*files_->Load())->certificate_chain);
}

TEST_F(SessionTest, PartsOfAnInventoryWaitForAStreamThatIsSlow) {
  control_plane_.stops_reading_after_inventory = true;
  Start();
  const auto connection = control_plane_.NextConnection();
  ASSERT_NE(connection, nullptr);
  ASSERT_TRUE(connection->NextHeartbeat());
  constexpr int kParts = 100;
  std::atomic<int> sent{0};
  std::thread task([&] {
    v1::ConnectRequest part;
    part.mutable_inventory()->add_orphan_directories(std::string(1 << 20, 'x'));
    for (; sent < kParts; ++sent) session_->SendPart(part);
  });
  // What the stream itself buffers, and the few messages that may wait.
  int before = -1;
  for (int looks = 0; looks < 20; ++looks) {
    if (std::exchange(before, sent) != sent) looks = 0;
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_GT(sent, 0);
  EXPECT_LT(sent, kParts / 2);
  session_->Stop();
  task.join();
  EXPECT_EQ(sent, kParts) << "without a stream nobody waits";
}

TEST_F(SessionTest, StopEndsASessionThatCannotConnect) {
  Start();
  const auto connection = control_plane_.NextConnection();
  ASSERT_NE(connection, nullptr);
  session_->Stop();
  const auto ended = ended_.Take();
  ASSERT_TRUE(ended);
  EXPECT_TRUE(ended->ok()) << *ended;
}

TEST_F(SessionTest, DamagedIdentityIsNamed) {
  ASSERT_TRUE(JoinWith(control_plane_.JoinToken()).ok());
  std::filesystem::remove(directory_.path() + "/identity/agent.key");
  const auto identity = files_->Load();
  EXPECT_EQ(DetailsOf(identity.status()).reason, "IDENTITY_DAMAGED");
  EXPECT_THAT(std::string(identity.status().message()), HasSubstr("agent.key"));
}

}  // namespace
}  // namespace croft::agent
