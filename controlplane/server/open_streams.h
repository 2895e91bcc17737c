#pragma once

#include <cstddef>
#include <map>
#include <memory>

#include <absl/status/status.h>

#include "common/sync.h"

namespace croft::server {

// A server stream that can be ended from outside.
class Endable {
 public:
  virtual ~Endable() = default;
  // Thread-safe; harmless when it has ended.
  virtual void End(const absl::Status& status) = 0;
};

// The server streams that are open, so that they can be ended when the server is. Thread-safe.
class OpenStreams {
 public:
  explicit OpenStreams(size_t most) : most_(most) {}

  // False when too many are open, or all were ended.
  [[nodiscard]] bool Add(std::shared_ptr<Endable> stream);
  void Remove(Endable* stream);
  // Ends all that are open; no other can be added from now on.
  void EndAll(const absl::Status& status);

 private:
  const size_t most_;
  Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<Endable*, std::shared_ptr<Endable>> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::server
