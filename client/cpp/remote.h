#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "client/cpp/cache.h"
#include "croft/locator.h"

// The control plane as the library calls it.
namespace croft::client {

// How far a watch has come.
struct Cursor {
  int64_t epoch = 0;
  int64_t revision = 0;
};

// One tenant as a watch tells it.
struct WatchedChange {
  std::string tenant;
  std::vector<std::string> aliases;
  bool removed = false;
  Knowledge knowledge;
  std::chrono::milliseconds ttl{0};  // 0 where there is none
};

struct WatchedBatch {
  std::vector<WatchedChange> changes;
  // Set when everything up to it was told.
  std::optional<Cursor> cursor;
};

// The control plane over gRPC: one channel an endpoint, the next one tried when one is away. The only part of
// the library that knows the wire. Thread-safe.
class Remote {
 public:
  static absl::StatusOr<std::unique_ptr<Remote>> Open(const Locator::Options& options);
  ~Remote();

  // A refusal of the control plane is an OK answer that carries it; an error means that none could be asked, or
  // none made sense.
  struct Answer {
    std::string tenant;  // id; empty with a refusal
    Knowledge knowledge;
    std::chrono::milliseconds ttl{0};
  };
  // `accept` says whether an answer is good enough; the next endpoint is asked where it is not.
  absl::StatusOr<Answer> Lookup(const std::string& name,
                                const std::function<absl::Status(const Answer&)>& accept);

  // Watches from `since`, or from nothing, until the stream ends or `tell` has enough, and answers why.
  // OUT_OF_RANGE: start from nothing. Stop() ends it. What makes no sense is not told, and ends the stream.
  absl::Status Watch(const std::optional<Cursor>& since,
                     const std::function<absl::Status(WatchedBatch)>& tell);

  // Calls under way and all later ones answer CANCELLED.
  void Stop();

 private:
  struct State;
  explicit Remote(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace croft::client
