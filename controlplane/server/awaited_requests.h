#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <thread>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/sync.h"

// Ends calls whose request does not arrive in time.
namespace croft::server {

// A call whose request has not come in whole yet.
class AwaitsRequest {
 public:
  virtual ~AwaitsRequest() = default;
  // The request is late: the call ends with `status`. Once at most; never blocks.
  virtual void GiveUp(const absl::Status& status) = 0;
};

// The calls that wait for their request. Those that wait too long are given up: half a request, and then nothing,
// would hold its call for as long as its connection lives. When there are too many, so is the one that waits
// longest: honest requests are there within moments. A call costs two steps in a map here, no timer. Thread-safe.
class AwaitedRequests {
 public:
  // How often it looks: a call is given up that much later than `timeout` at most.
  static constexpr absl::Duration kLook = absl::Seconds(1);

  // At most `most` wait, each for `timeout`. `clock` outlives it.
  AwaitedRequests(absl::Duration timeout, size_t most, const Clock& clock)
      : timeout_(timeout), most_(most), clock_(clock) {}
  ~AwaitedRequests();
  AwaitedRequests(const AwaitedRequests&) = delete;
  AwaitedRequests& operator=(const AwaitedRequests&) = delete;

  void Start();
  void Stop();

  // A number for Arrived.
  [[nodiscard]] uint64_t Add(std::shared_ptr<AwaitsRequest> call);
  // Once for each that was added, whether its request came or will never come. False when the call is given up:
  // then it is not to be answered in another way.
  [[nodiscard]] bool Arrived(uint64_t number);

  // One look. Not while started.
  void GiveUpLate();

 private:
  struct Waiting {
    std::shared_ptr<AwaitsRequest> call;
    absl::Time since;
  };
  void Run();
  std::shared_ptr<AwaitsRequest> TakeFirst() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const absl::Duration timeout_;
  const size_t most_;
  const Clock& clock_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Waiting> waiting_ ABSL_GUARDED_BY(mutex_);  // in the order in which they began
  std::thread thread_;
};

}  // namespace croft::server
