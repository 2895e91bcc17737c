#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/backup/export.h"
#include "agent/store/store.h"
#include "common/sync.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {

// What is said of an archive and its database. Pure.
[[nodiscard]] v1::ArchiveFacts ToProto(const Manifest& manifest, const PlainDump& dump);

// Gives archives to the control plane, one at a time, and no faster than it takes them: what is in memory is one part.
// Thread-safe.
class Exporter {
 public:
  static constexpr size_t kPartBytes = 256 << 10;

  // Where the data comes from: ExportArchive, on one of the agent's stores.
  using Read = std::function<absl::Status(const v1::BackupSource&, const ExportSink&)>;
  // Called on any thread, under a lock: must not wait, nor call this. Nothing is sent of an export that was dropped: on the
  // next session its id may be another one's.
  using Send = std::function<void(v1::ExportPart)>;

  Exporter(Read read, Send send);
  // Stops.
  ~Exporter();

  // Refused with EXPORT_BUSY while another one is under way. Does not wait.
  void Begin(const v1::ExportQuery& query);
  void Control(const v1::ExportControl& control);
  // Ends what is under way: nobody takes it any more.
  void Drop();
  void Stop();

 private:
  struct Running {
    v1::ExportQuery query;
    int64_t granted = 0;  // parts that may still be sent
    bool dropped = false;
  };

  void Run();
  absl::Status ReadInParts(const v1::ExportQuery& query);
  absl::Status StillWanted() const;
  absl::Status SendFacts(int64_t id, v1::ArchiveFacts facts);
  // Waits until another part may be sent.
  absl::Status SendData(int64_t id, std::string data);
  void End(int64_t id, const absl::Status& status);

  const Read read_;
  const Send send_;

  mutable Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<Running> running_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// Reads from the store that `find` has for the store's id.
using FindStoreById = std::function<absl::StatusOr<Store*>(absl::string_view id)>;
[[nodiscard]] Exporter::Read ReadFrom(FindStoreById find);

}  // namespace croft::agent
