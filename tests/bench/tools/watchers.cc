// Many watchers of one thing: how long from sending a write to each of them hearing of it. Speaks any gRPC service
// whose watch is a stream that one request opens, such as Croft's and etcd's. Prints JSON.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "tests/bench/tools/files.h"

namespace croft::bench {
namespace {

using Clock = std::chrono::steady_clock;

// One write at a time; what each watcher heard of it and when.
class Round {
 public:
  explicit Round(size_t watchers) : watchers_(watchers) {}

  void Begin() {
    const std::lock_guard lock(mutex_);
    sent_ = Clock::now();
    heard_ = 0;
    ++number_;
  }
  uint64_t number() const { return number_; }
  void Hear(Clock::time_point at) {
    const std::lock_guard lock(mutex_);
    micros_.push_back(std::chrono::duration_cast<std::chrono::microseconds>(at - sent_).count());
    if (++heard_ == watchers_) all_.notify_all();
  }
  bool WaitForAll() {
    std::unique_lock lock(mutex_);
    return all_.wait_for(lock, std::chrono::seconds(30), [this] { return heard_ >= watchers_; });
  }
  std::vector<int64_t> Take() {
    const std::lock_guard lock(mutex_);
    std::sort(micros_.begin(), micros_.end());
    return std::move(micros_);
  }

 private:
  const size_t watchers_;
  std::mutex mutex_;
  std::condition_variable all_;
  Clock::time_point sent_;
  size_t heard_ = 0;
  std::atomic<uint64_t> number_{0};
  std::vector<int64_t> micros_;
};

class Watcher final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  // What is shorter than `least` bytes is a bookmark or the like, not news.
  Watcher(Round& round, size_t least) : round_(round), least_(least) {}

  void Start(grpc::GenericStub& stub, const std::string& method, const grpc::Slice& request,
             bool half_close) {
    stub.PrepareBidiStreamingCall(&context_, method, grpc::StubOptions(), this);
    request_ = grpc::ByteBuffer(&request, 1);
    StartRead(&message_);
    if (half_close) {
      StartWriteLast(&request_, grpc::WriteOptions());
    } else {
      StartWrite(&request_);
    }
    StartCall();
  }
  bool opened() const { return opened_; }
  void End() { context_.TryCancel(); }
  void WaitUntilDone() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return done_; });
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    const Clock::time_point now = Clock::now();
    opened_ = true;
    const uint64_t number = round_.number();
    if (number > heard_ && message_.Length() >= least_) {
      heard_ = number;
      round_.Hear(now);
    }
    message_.Clear();
    StartRead(&message_);
  }
  void OnDone(const grpc::Status& status) override {
    const std::lock_guard lock(mutex_);
    if (status.error_code() != grpc::StatusCode::CANCELLED) std::cerr << status.error_message() << "\n";
    done_ = true;
    ended_.notify_all();
  }

 private:
  Round& round_;
  const size_t least_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer message_;
  std::atomic<bool> opened_{false};
  uint64_t heard_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
};

struct Arguments {
  std::string target, authority, certificate, key, watch_method, watch_request, write_method;
  std::vector<std::string> write_requests;
  int watchers = 1000, writes = 30;
  size_t least = 200;
  bool half_close = false;
};

std::shared_ptr<grpc::Channel> Connect(const Arguments& arguments) {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = ReadFile(arguments.authority);
  if (!arguments.certificate.empty()) {
    tls.pem_cert_chain = ReadFile(arguments.certificate);
    tls.pem_private_key = ReadFile(arguments.key);
  }
  grpc::ChannelArguments channel;
  channel.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection each
  return grpc::CreateCustomChannel(arguments.target, grpc::SslCredentials(tls), channel);
}

grpc::Status Write(grpc::GenericStub& stub, const std::string& method, const std::string& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  const grpc::Slice slice(request);
  grpc::ByteBuffer bytes(&slice, 1);
  grpc::ByteBuffer answer;
  std::mutex mutex;
  std::condition_variable answered;
  bool done = false;
  grpc::Status result;
  stub.UnaryCall(&context, method, grpc::StubOptions(), &bytes, &answer, [&](const grpc::Status& status) {
    const std::lock_guard lock(mutex);
    result = status;
    done = true;
    answered.notify_all();
  });
  std::unique_lock lock(mutex);
  answered.wait(lock, [&] { return done; });
  return result;
}

int Run(const Arguments& arguments) {
  Round round(static_cast<size_t>(arguments.watchers));
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
  std::vector<std::unique_ptr<Watcher>> watchers;
  const grpc::Slice request(ReadFile(arguments.watch_request));
  for (int i = 0; i < arguments.watchers; ++i) {
    stubs.push_back(std::make_unique<grpc::GenericStub>(Connect(arguments)));
    watchers.push_back(std::make_unique<Watcher>(round, arguments.least));
    watchers.back()->Start(*stubs.back(), arguments.watch_method, request, arguments.half_close);
    // One after the other: handshakes at once would only time out.
    for (const auto deadline = Clock::now() + std::chrono::seconds(20); !watchers.back()->opened();) {
      if (Clock::now() > deadline) {
        std::cerr << "watcher " << i << " heard nothing\n";
        std::_Exit(1);
      }
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  grpc::GenericStub writer(Connect(arguments));
  std::vector<int64_t> acknowledged;
  for (int i = 0; i < arguments.writes; ++i) {
    const std::string& write = arguments.write_requests[i % arguments.write_requests.size()];
    round.Begin();
    const Clock::time_point sent = Clock::now();
    const grpc::Status status = Write(writer, arguments.write_method, ReadFile(write));
    acknowledged.push_back(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - sent).count());
    if (!status.ok() || !round.WaitForAll()) {
      std::cerr << "write " << i << ": " << status.error_message() << "\n";
      std::_Exit(1);
    }
  }
  for (const auto& watcher : watchers) watcher->End();
  for (const auto& watcher : watchers) watcher->WaitUntilDone();
  const std::vector<int64_t> micros = round.Take();
  std::sort(acknowledged.begin(), acknowledged.end());
  const auto at = [&](double share) {
    return micros[static_cast<size_t>(share * static_cast<double>(micros.size() - 1))];
  };
  std::cout << "{\"events\": " << micros.size() << ", \"p50_us\": " << at(0.5)
            << ", \"p99_us\": " << at(0.99) << ", \"max_us\": " << micros.back()
            << ", \"write_p50_us\": " << acknowledged[acknowledged.size() / 2] << "}" << std::endl;
  return 0;
}

}  // namespace
}  // namespace croft::bench

int main(int argc, char** argv) {
  croft::bench::Arguments arguments;
  CLI::App app("Measures how soon watchers hear of a write");
  app.add_option("--target", arguments.target)->required();
  app.add_option("--ca", arguments.authority)->required();
  app.add_option("--cert", arguments.certificate);
  app.add_option("--key", arguments.key);
  app.add_option("--watch-method", arguments.watch_method)->required();
  app.add_option("--watch-request", arguments.watch_request)->required();
  app.add_option("--write-method", arguments.write_method)->required();
  app.add_option("--write-request", arguments.write_requests, "used in turn")->required();
  app.add_option("--watchers", arguments.watchers);
  app.add_option("--writes", arguments.writes);
  app.add_option("--least-bytes", arguments.least);
  app.add_flag("--half-close", arguments.half_close);
  CLI11_PARSE(app, argc, argv);
  return croft::bench::Run(arguments);
}
