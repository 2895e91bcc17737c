#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include <absl/status/status.h>

#include "common/sync.h"

// Ends streams whose callers have lost their rights.
namespace croft::server {

// A server stream that can be ended from outside.
class Endable {
 public:
  virtual ~Endable() = default;
  // Thread-safe; harmless when it has ended.
  virtual void End(const absl::Status& status) = 0;
  // Its caller's rights may be others now: it judges them again, soon, and ends if it must. Never blocks.
  virtual void JudgeAgain() = 0;
};

// The server streams that are open, so that they can be ended when the server is, or when their callers may not
// see them any more. Thread-safe.
class OpenStreams {
 public:
  explicit OpenStreams(size_t most) : most_(most) {}

  enum class Added { kYes, kTooMany, kTooManyOfOwner };
  // kTooMany also when all were ended. `owner`: the caller's name, who may hold `most_of_owner`.
  [[nodiscard]] Added Add(std::shared_ptr<Endable> stream, const std::string& owner, size_t most_of_owner);
  void Remove(Endable* stream);
  void JudgeAgain(const std::string& owner);
  // Ends all that are open; no other can be added from now on.
  void EndAll(const absl::Status& status);

 private:
  const size_t most_;
  Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  struct Open {
    std::shared_ptr<Endable> stream;
    std::string owner;
  };
  std::map<Endable*, Open> open_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, size_t> counts_ ABSL_GUARDED_BY(mutex_);  // by owner
};

}  // namespace croft::server
