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

  // A refusal of the control plane is an OK answer that carries it; an error means it could not be asked.
  struct Answer {
    std::string tenant;  // id; empty with a refusal
    Knowledge knowledge;
    std::chrono::milliseconds ttl{0};
  };
  absl::StatusOr<Answer> Lookup(const std::string& name);

  // Watches from `since`, or from nothing, until the stream ends, and answers why. OUT_OF_RANGE: start from
  // nothing. Stop() ends it.
  absl::Status Watch(const std::optional<Cursor>& since, const std::function<void(WatchedBatch)>& tell);

  // Calls under way and all later ones answer CANCELLED.
  void Stop();

 private:
  struct State;
  explicit Remote(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace croft::client
