#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/sync.h"
#include "controlplane/engine/event.h"
#include "croft/v1/agent.pb.h"

// Archives on their way to agents' stores.
namespace croft::fleet {

// One upload. Destroyed before it was kept, it has the agent remove what there is of it. Thread-safe.
class UploadStream {
 public:
  virtual ~UploadStream() = default;
  // Sends the next bytes, at most kLargestPart of Uploads. Waits until the agent takes more:
  // RESOURCE_EXHAUSTED, UPLOAD_WAITS, when that is not within `longest`. Any other error is the end of the upload.
  virtual absl::Status Append(const std::string& data, absl::Duration longest) = 0;
  // Says that all was sent, and waits until it is stored: RESOURCE_EXHAUSTED, UPLOAD_WAITS, as above, after which it is asked
  // again.
  virtual absl::StatusOr<engine::BackedUp> Finish(absl::Duration longest) = 0;
  // What was stored is somebody's.
  virtual void Keep() = 0;
  // Why it has ended, if it has.
  virtual absl::Status status() const = 0;
};

// Who takes uploads.
class UploadTarget {
 public:
  virtual ~UploadTarget() = default;
  // Opens an upload to the agent of `host`. UNAVAILABLE, HOST_UNREACHABLE, when it is away, UNIMPLEMENTED when it is too old.
  // It ends with UNAVAILABLE, HOST_UNREACHABLE, when the agent goes, and with the agent's own error.
  virtual absl::StatusOr<std::unique_ptr<UploadStream>> Upload(const std::string& host,
                                                               const v1::UploadBegin& begin) = 0;
};

// Uploads that are under way. An agent is sent no more than it has granted. Thread-safe.
class Uploads {
 public:
  static constexpr size_t kLargestPart = 256 << 10;

  // Gets a message for the agent of `host`. Called without a lock.
  using Send = std::function<void(const std::string& host, const v1::ConnectResponse&)>;
  explicit Uploads(Send send) : send_(std::move(send)) {}

  // `this` outlives the stream.
  std::unique_ptr<UploadStream> Begin(const std::string& host, const v1::UploadBegin& begin);
  void OnState(const std::string& host, const v1::UploadState& state);
  // The host's agent has gone.
  void Fail(const std::string& host, const absl::Status& why);

 private:
  class Entry;
  class Stream;

  void Remove(int64_t id);

  const Send send_;
  Mutex mutex_;
  int64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::fleet
