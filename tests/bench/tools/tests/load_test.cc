#include "tests/bench/tools/load.h"

#include <atomic>
#include <sstream>
#include <thread>

#include <absl/strings/match.h>
#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <gtest/gtest.h>

namespace croft::bench {
namespace {

// Answers every call with what it was sent, and refuses those of a method `Refuse`.
class Echo final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return new Call(absl::EndsWith(context->method(), "Refuse"));
  }

 private:
  class Call final : public grpc::ServerGenericBidiReactor {
   public:
    explicit Call(bool refused) {
      if (refused) {
        Finish(grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "refused"));
      } else {
        StartRead(&message_);
      }
    }
    void OnReadDone(bool ok) override {
      if (ok) StartWriteAndFinish(&message_, grpc::WriteOptions(), grpc::Status::OK);
    }
    void OnDone() override { delete this; }

   private:
    grpc::ByteBuffer message_;
  };
};

// Contexts that take their time to go, so that whoever counts a call as ended before its context is gone is caught.
std::atomic<int> contexts_alive{0};

class SlowContexts final : public grpc::ClientContext::GlobalCallbacks {
 public:
  void DefaultConstructor(grpc::ClientContext*) override { ++contexts_alive; }
  void Destructor(grpc::ClientContext*) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    --contexts_alive;
  }
};

class LoadTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    static SlowContexts contexts;
    grpc::ClientContext::SetGlobalCallbacks(&contexts);
  }

  LoadTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterCallbackGenericService(&echo_);
    server_ = builder.BuildAndStart();
  }

  std::shared_ptr<grpc::Channel> Connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port_),
                                     grpc::InsecureChannelCredentials(), arguments);
  }

  Echo echo_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// Whoever lets go of the last channel waits for gRPC's threads; one of these would wait for itself.
TEST_F(LoadTest, NoCallHoldsAChannelOnceTheRunHasEnded) {
  for (int round = 0; round < 3; ++round) {
    std::weak_ptr<grpc::Channel> channel;
    {
      Load load("/echo.Echo/Echo", "hello");
      std::vector<std::shared_ptr<grpc::Channel>> channels = {Connect(), Connect()};
      channel = channels.front();
      load.Run(std::move(channels), 4, std::chrono::milliseconds(20));
      EXPECT_EQ(contexts_alive, 0);
    }
    EXPECT_TRUE(channel.expired()) << "something still holds a channel";
  }
}

TEST_F(LoadTest, WhatCameOfItIsCounted) {
  Load load("/echo.Echo/Echo", "hello");
  load.Run({Connect()}, 2, std::chrono::milliseconds(120));
  std::ostringstream out;
  load.Print(out);
  EXPECT_THAT(out.str(), testing::HasSubstr("\"errors\": 0"));
  EXPECT_THAT(out.str(), testing::HasSubstr("\"answer_bytes\": 5"));
}

TEST_F(LoadTest, RefusalsAreCountedAndTold) {
  Load load("/echo.Echo/Refuse", "hello");
  load.Run({Connect()}, 1, std::chrono::milliseconds(120));
  std::ostringstream out;
  load.Print(out);
  EXPECT_THAT(out.str(), testing::HasSubstr("\"requests\": 0"));
  EXPECT_THAT(out.str(), testing::Not(testing::HasSubstr("\"errors\": 0")));
  EXPECT_THAT(out.str(), testing::HasSubstr("\"error\": \"refused\""));
}

}  // namespace
}  // namespace croft::bench
