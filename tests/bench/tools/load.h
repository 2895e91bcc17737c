#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

namespace croft::bench {

// One unary request, sent over and over, `depth` at a time on each of some channels.
class Load {
 public:
  using Clock = std::chrono::steady_clock;

  Load(std::string method, const std::string& request) : method_(std::move(method)), request_(request) {}

  // Blocks until every answer is there. The channels may go as soon as the Load has.
  void Run(std::vector<std::shared_ptr<grpc::Channel>> channels, int depth,
           std::chrono::milliseconds duration) {
    for (const auto& channel : channels) {
      stubs_.push_back(std::make_unique<grpc::GenericStub>(channel));
      channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10));
    }
    begin_ = Clock::now();
    end_ = begin_ + duration;
    running_ = static_cast<int>(stubs_.size()) * depth;
    for (const auto& stub : stubs_) {
      for (int i = 0; i < depth; ++i) (new Lane(*this, *stub))->Send();
    }
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return running_ == 0; });
  }

  void Print(std::ostream& out) {
    const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    std::sort(micros_.begin(), micros_.end());
    const auto at = [&](double share) {
      return micros_.empty()
                 ? 0
                 : micros_[static_cast<size_t>(share * static_cast<double>(micros_.size() - 1))];
    };
    out << "{\"requests\": " << micros_.size() << ", \"seconds\": " << seconds
        << ", \"errors\": " << errors_ << ", \"p50_us\": " << at(0.5) << ", \"p99_us\": " << at(0.99)
        << ", \"error\": \"" << first_error_ << "\", \"answer_bytes\": " << answer_bytes_ << "}"
        << std::endl;
  }

 private:
  // One request at a time, again and again.
  class Lane {
   public:
    Lane(Load& load, grpc::GenericStub& stub) : load_(load), stub_(stub) {}

    void Send() {
      context_ = std::make_unique<grpc::ClientContext>();
      context_->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
      answer_.Clear();
      sent_ = Clock::now();
      grpc::ByteBuffer request(&load_.request_, 1);
      request_.Swap(&request);
      stub_.UnaryCall(context_.get(), load_.method_, grpc::StubOptions(), &request_, &answer_,
                      [this](const grpc::Status& status) { OnAnswer(status); });
    }

   private:
    void OnAnswer(const grpc::Status& status) {
      const Clock::time_point now = Clock::now();
      if (status.ok()) {
        micros_.push_back(std::chrono::duration_cast<std::chrono::microseconds>(now - sent_).count());
      } else {
        ++errors_;
        error_ = status.error_message();
      }
      if (now < load_.end_ && errors_ < 100) return Send();
      End();
    }

    // The context holds the channel, and whoever lets go of the last channel waits for gRPC's threads: on one of them,
    // for itself. So the lane is gone before the main thread hears that it may destroy the channels.
    void End() {
      Load& load = load_;
      const std::vector<int64_t> micros = std::move(micros_);
      const int64_t errors = errors_;
      const std::string error = std::move(error_);
      const size_t answer_bytes = answer_.Length();
      delete this;
      load.Collect(micros, errors, error, answer_bytes);
    }

    Load& load_;
    grpc::GenericStub& stub_;
    std::unique_ptr<grpc::ClientContext> context_;
    grpc::ByteBuffer request_;
    grpc::ByteBuffer answer_;
    Clock::time_point sent_;
    std::vector<int64_t> micros_;
    int64_t errors_ = 0;
    std::string error_;
  };

  void Collect(const std::vector<int64_t>& micros, int64_t errors, const std::string& error,
               size_t answer_bytes) {
    const std::lock_guard lock(mutex_);
    micros_.insert(micros_.end(), micros.begin(), micros.end());
    errors_ += errors;
    answer_bytes_ = std::max(answer_bytes_, answer_bytes);
    if (first_error_.empty()) first_error_ = error;
    if (--running_ == 0) done_.notify_all();
  }

  const std::string method_;
  const grpc::Slice request_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  Clock::time_point begin_;
  Clock::time_point end_;

  std::mutex mutex_;
  std::condition_variable done_;
  int running_ = 0;
  std::vector<int64_t> micros_;
  int64_t errors_ = 0;
  std::string first_error_;
  size_t answer_bytes_ = 0;
};

}  // namespace croft::bench
