#include <signal.h>

#include <atomic>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/sync.h"
#include "tests/tools/croftctl/control_plane.h"
#include "tests/tools/croftctl/terminal_program.h"

// How verbs wait for operations, and for how long.
namespace croft::ctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::ordered_json;

const v1::Operation kRunning = Running("op-1", "tenants/acme");

class Waiting : public ::testing::Test, protected Pair {
 protected:
  Waiting() { server.create_tenant.Answers(kRunning); }

  // A watch that says once that the operation runs and stays until it is cancelled.
  void WatchForever() {
    {
      MutexLock lock(mutex_);
      watched_ = false;
    }
    server.Watches([this](const auto& send, const auto& cancelled) {
      send(kRunning);
      {
        MutexLock lock(mutex_);
        watched_ = true;
      }
      changed_.NotifyAll();
      // gRPC tells a blocking handler of a cancel only when it asks.
      MutexLock lock(mutex_);
      while (!cancelled()) changed_.WaitFor(mutex_, absl::Milliseconds(20));
      return grpc::Status::CANCELLED;
    });
  }
  void AwaitWatch() {
    MutexLock lock(mutex_);
    while (!watched_) changed_.Wait(mutex_);
  }

  Ran Create(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"tenant", "create", "acme"});
    return desk.Run(std::move(more));
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool watched_ ABSL_GUARDED_BY(mutex_) = false;
};

TEST_F(Waiting, TheEndOfTheOperationIsPrinted) {
  server.Watches([](const auto& send, const auto&) {
    send(kRunning);
    send(Succeeded(kRunning));
    return grpc::Status::OK;
  });
  const Ran ran = Create({"-o", "json"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(Json::parse(ran.out)["state"], "STATE_SUCCEEDED");
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST_F(Waiting, TheNameIsThatOfWhatWasMade) {
  v1::Operation done = Succeeded(kRunning);
  server.create_backup.Answers(kRunning);
  done.set_result("tenants/acme/backups/b1");
  server.Watches([done](const auto& send, const auto&) {
    send(done);
    return grpc::Status::OK;
  });
  EXPECT_EQ(desk.Run({"backup", "create", "acme", "-o", "name"}).out, "tenants/acme/backups/b1\n");
  EXPECT_EQ(desk.Run({"backup", "create", "acme", "-o", "name", "--no-wait"}).out, "operations/op-1\n");
}

TEST_F(Waiting, PeopleSeeEveryStep) {
  v1::Operation done = Succeeded(kRunning);
  for (const char* task : {"fence", "drop"}) {
    v1::Step* step = done.add_steps();
    step->set_task(task);
    step->set_host("hosts/h1");
    step->set_state(v1::Step::STATE_DONE);
  }
  server.get_operation.Answers(done);
  EXPECT_THAT(desk.Run({"op", "get", "op-1"}).out,
              AllOf(HasSubstr("step 1  DONE fence on h1\n"), HasSubstr("step 2  DONE drop on h1\n")));
}

TEST_F(Waiting, NoWaitDoesNotWait) {
  const Ran ran = Create({"--no-wait", "-o", "json"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(Json::parse(ran.out)["state"], "STATE_RUNNING");
}

TEST_F(Waiting, AFailedOperationIsEightAndSaysWhatToDo) {
  const v1::Operation failed =
      Failed(kRunning, WireError(absl::StatusCode::kResourceExhausted, "the disk of hosts/h1 is full",
                                 {.reason = "DISK_FULL", .metadata = {{"host", "hosts/h1"}}}));
  server.Watches([failed](const auto& send, const auto&) {
    send(failed);
    return grpc::Status::OK;
  });
  const Ran ran = Create({"-o", "json"});
  EXPECT_EQ(ran.exit_code, 8);
  const Json said = Json::parse(ran.err)["error"];
  EXPECT_THAT(said["message"].get<std::string>(), HasSubstr("the disk of hosts/h1 is full"));
  EXPECT_EQ(said["reason"], "DISK_FULL");
  EXPECT_THAT(said["nextStep"].get<std::string>(), HasSubstr("make room"));
  EXPECT_EQ(said["operation"], "operations/op-1");
  const Json detail = Json::parse(ran.out)["error"]["details"][0];
  EXPECT_EQ(detail["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
  EXPECT_EQ(detail["reason"], "DISK_FULL");
}

TEST_F(Waiting, AnInterruptedWatchIsBegunAnew) {
  server.Watches([count = std::make_shared<std::atomic<int>>(0)](const auto& send, const auto&) {
    if (++*count < 3) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going down");
    send(Succeeded(kRunning));
    return grpc::Status::OK;
  });
  EXPECT_EQ(Create().exit_code, 0);
}

TEST_F(Waiting, WithoutStreamsItPolls) {
  server.wait_operation.Answers(Succeeded(kRunning));
  EXPECT_EQ(Create().exit_code, 0);
  EXPECT_EQ(server.wait_operation.asked().at(0).name(), "operations/op-1");
}

TEST_F(Waiting, AWaitThatTimesOutIsSevenAndLeavesTheOperation) {
  WatchForever();
  const Ran ran = Create({"--timeout", "5s"});
  EXPECT_EQ(ran.exit_code, 7) << ran.err;
  EXPECT_THAT(ran.err, AllOf(HasSubstr("goes on"), HasSubstr("croftctl op wait op-1")));
}

TEST_F(Waiting, AnInterruptIs130AndSaysHowToGoOn) {
  for (const int signal : {SIGINT, SIGTERM}) {
    WatchForever();
    TerminalProgram program(desk.CommandFor({"tenant", "create", "acme"}));
    AwaitWatch();
    program.Signal(signal);
    const TerminalProgram::Ended ended = program.Finish();
    EXPECT_EQ(ended.exit_code, 130);
    EXPECT_THAT(ended.screen, HasSubstr("croftctl op wait op-1"));
  }
}

TEST_F(Waiting, ATerminalShowsProgress) {
  WatchForever();
  TerminalProgram program(desk.CommandFor({"tenant", "create", "acme"}));
  EXPECT_TRUE(program.ShowsEventually("CREATE tenants/acme"));
  program.Signal(SIGINT);
  EXPECT_EQ(program.Finish().exit_code, 130);
}

TEST_F(Waiting, WatchPrintsEveryChangeAsALine) {
  server.get_operation.Answers(kRunning);
  server.Watches([](const auto& send, const auto&) {
    send(kRunning);
    send(Succeeded(kRunning));
    return grpc::Status::OK;
  });
  const Ran ran = desk.Run({"op", "watch", "op-1", "-o", "json"});
  EXPECT_EQ(ran.exit_code, 0);
  const size_t end = ran.out.find('\n');
  EXPECT_EQ(Json::parse(ran.out.substr(0, end))["state"], "STATE_RUNNING");
  EXPECT_EQ(Json::parse(ran.out.substr(end))["state"], "STATE_SUCCEEDED");
}

TEST_F(Waiting, ACancelThatCameTooLateIsAConflict) {
  server.cancel_operation.Answers(kRunning);
  server.Watches([](const auto& send, const auto&) {
    send(Succeeded(kRunning));
    return grpc::Status::OK;
  });
  EXPECT_EQ(desk.Run({"op", "cancel", "op-1"}).exit_code, 5);
  v1::Operation cancelled = Failed(kRunning, WireError(absl::StatusCode::kCancelled, "cancelled", {}));
  cancelled.set_state(v1::Operation::STATE_CANCELLED);
  server.Watches([cancelled](const auto& send, const auto&) {
    send(cancelled);
    return grpc::Status::OK;
  });
  EXPECT_EQ(desk.Run({"op", "cancel", "op-1"}).exit_code, 0);
}

TEST_F(Waiting, PurgeGoesOnWhenTheNameIsTyped) {
  server.purge_tenant.Answers(Succeeded(kRunning));
  TerminalProgram wrong(desk.CommandFor({"tenant", "purge", "acme"}));
  ASSERT_TRUE(wrong.ShowsEventually("Type acme to go on"));
  wrong.Type("globex\n");
  EXPECT_EQ(wrong.Finish().exit_code, 2);
  EXPECT_THAT(server.purge_tenant.asked(), IsEmpty());
  TerminalProgram right(desk.CommandFor({"tenant", "purge", "acme"}));
  ASSERT_TRUE(right.ShowsEventually("Type acme to go on"));
  right.Type("acme\n");
  EXPECT_EQ(right.Finish().exit_code, 0);
  EXPECT_EQ(server.purge_tenant.asked().at(0).name(), "tenants/acme");
}

}  // namespace
}  // namespace croft::ctl
