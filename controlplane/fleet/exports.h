#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>

#include <absl/status/status.h>

#include "common/sync.h"
#include "croft/v1/agent.pb.h"

// The data of backups on its way from agents.
namespace croft::fleet {

struct NoPartYet {};  // `wake` will be called when there is one
struct EndOfExport {
  // OK: all of it was given.
  absl::Status status;
};
// The facts first, then the archive in parts, compressed by zstd.
using ExportPull = std::variant<NoPartYet, v1::ArchiveFacts, std::string, EndOfExport>;

// One export. Destroyed before its end, it has the agent stop. One thread at a time.
class ExportStream {
 public:
  virtual ~ExportStream() = default;
  // Does not wait. Nothing follows EndOfExport.
  virtual ExportPull Next() = 0;
};

// Who can be asked for the data of a backup.
class ExportSource {
 public:
  virtual ~ExportSource() = default;
  // Asks the agent of `host`; never null. It ends with UNAVAILABLE, HOST_UNREACHABLE, when the agent is away or goes,
  // UNIMPLEMENTED when it is too old, RESOURCE_EXHAUSTED when it, or this, has too many; or with the agent's own error.
  // `wake` is called on any thread, also after the stream is gone.
  virtual std::unique_ptr<ExportStream> Export(const std::string& host, const v1::BackupSource& source,
                                               std::function<void()> wake) = 0;
};

// Exports that are under way. What waits for a reader is kWindow parts for each, however slow it is: an agent sends no more
// than it was granted. Thread-safe.
class Exports {
 public:
  static constexpr size_t kMost = 16;
  static constexpr int32_t kWindow = 8;
  static constexpr size_t kLargestPart = 256 << 10;

  // Gets a message for the agent of `host`. Called without a lock.
  using Send = std::function<void(const std::string& host, const v1::ConnectResponse&)>;
  explicit Exports(Send send) : send_(std::move(send)) {}

  // Sends the query. `this` outlives the stream.
  std::unique_ptr<ExportStream> Begin(const std::string& host, const v1::BackupSource& source,
                                      std::function<void()> wake);
  void OnPart(const std::string& host, const v1::ExportPart& part);
  // What the host was asked will not be answered.
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

// An export that ended before it began.
[[nodiscard]] std::unique_ptr<ExportStream> FailedExport(const absl::Status& why);

// What an agent says of an archive, bounded and well-formed, whatever it is. Pure.
[[nodiscard]] v1::ArchiveFacts ReadFacts(const v1::ArchiveFacts& facts);

}  // namespace croft::fleet
