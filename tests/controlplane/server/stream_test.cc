#include <deque>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "croft/v1/operation.grpc.pb.h"
#include "tests/controlplane/server/probe.h"
#include "tests/controlplane/server/support/plane.h"

namespace croft::server {
namespace {

using Context = Probe::Context;
using handlers::EndOfStream;
using handlers::Feed;
using handlers::NothingYet;
using handlers::Pulled;
using handlers::Wake;

// What a feed gives, from outside.
class Source {
 public:
  void Put(Pulled<v1::Operation> item) {
    Wake wake;
    {
      const MutexLock lock(mutex_);
      items_.push_back(std::move(item));
      wake = wake_;
    }
    if (wake) wake();
  }
  void PutName(const std::string& name) {
    v1::Operation operation;
    operation.set_name(name);
    Put(operation);
  }
  std::unique_ptr<Feed<v1::Operation>> Open(Wake wake) {
    const MutexLock lock(mutex_);
    wake_ = std::move(wake);
    return std::make_unique<Reader>(*this);
  }
  Event& closed() { return closed_; }

 private:
  class Reader final : public Feed<v1::Operation> {
   public:
    explicit Reader(Source& source) : source_(source) {}
    ~Reader() override { source_.closed_.Set(); }
    Pulled<v1::Operation> Next() override {
      const MutexLock lock(source_.mutex_);
      if (source_.items_.empty()) return NothingYet();
      Pulled<v1::Operation> item = std::move(source_.items_.front());
      source_.items_.pop_front();
      return item;
    }

   private:
    Source& source_;
  };

  Mutex mutex_;
  std::deque<Pulled<v1::Operation>> items_ ABSL_GUARDED_BY(mutex_);
  Wake wake_ ABSL_GUARDED_BY(mutex_);
  Event closed_;
};

class StreamTest : public ::testing::Test {
 protected:
  StreamTest() {
    probe_.watch = [this](const Context&, Wake wake) { return source_.Open(std::move(wake)); };
    plane_.Listen(probe_.services());
    stub_ = v1::OperationService::NewStub(plane_.AsAdmin());
    reader_ = stub_->WatchOperation(&context_, v1::WatchOperationRequest());
  }
  std::string Next() {
    v1::Operation operation;
    return reader_->Read(&operation) ? operation.name() : "(end)";
  }

  Probe probe_;
  Source source_;
  Plane plane_;
  std::unique_ptr<v1::OperationService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::Operation>> reader_;
};

TEST_F(StreamTest, SendsWhatComesInOrderAndEndsWithTheFeed) {
  for (int i = 0; i < 100; ++i) source_.PutName(std::to_string(i));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Next(), std::to_string(i));
  source_.PutName("later");
  EXPECT_EQ(Next(), "later");
  source_.Put(EndOfStream{absl::OkStatus()});
  EXPECT_EQ(Next(), "(end)");
  EXPECT_TRUE(reader_->Finish().ok());
  source_.closed().Wait();
}

TEST_F(StreamTest, EndsWithTheFeedsError) {
  source_.Put(EndOfStream{absl::OutOfRangeError("too old")});
  EXPECT_EQ(Next(), "(end)");
  EXPECT_EQ(reader_->Finish().error_code(), grpc::OUT_OF_RANGE);
}

TEST_F(StreamTest, ClientThatGoesClosesTheFeed) {
  source_.PutName("one");
  EXPECT_EQ(Next(), "one");
  context_.TryCancel();
  EXPECT_EQ(Next(), "(end)");
  EXPECT_EQ(reader_->Finish().error_code(), grpc::CANCELLED);
  source_.closed().Wait();
}

TEST_F(StreamTest, ServerThatStopsEndsItWithUnavailable) {
  source_.PutName("one");
  EXPECT_EQ(Next(), "one");
  plane_.Stop();
  EXPECT_EQ(Next(), "(end)");
  EXPECT_EQ(reader_->Finish().error_code(), grpc::UNAVAILABLE);
  source_.closed().Wait();
}

TEST_F(StreamTest, ServerThatStopsDoesNotWaitForAClientThatDoesNotRead) {
  v1::Operation large;
  large.set_progress(std::string(1 << 20, 'x'));
  for (int i = 0; i < 64; ++i) source_.Put(large);
  v1::Operation operation;
  ASSERT_TRUE(reader_->Read(&operation));
  plane_.Stop();
  source_.closed().Wait();
}

}  // namespace
}  // namespace croft::server
