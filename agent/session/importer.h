#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "agent/backup/upload.h"
#include "agent/session/exporter.h"
#include "agent/session/upload_notes.h"
#include "agent/store/store.h"
#include "common/clock.h"
#include "common/sync.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {

// What an upload is to be in its store. INVALID_ARGUMENT where a field cannot be. Pure.
[[nodiscard]] absl::StatusOr<UploadedBackup> FromProto(const v1::UploadBegin& begin);

// Takes archives from the control plane into a store, one at a time. It is sent no more than kWindow parts ahead of what the
// store has taken. Thread-safe.
class Importer {
 public:
  static constexpr int kWindow = 8;
  static constexpr size_t kMostPartBytes = 256 << 10;
  // How long it waits for the next part, and for the word whether what was stored is somebody's. A control plane decides
  // sooner than the second, or not at all.
  static constexpr absl::Duration kLongestSilence = absl::Minutes(2);
  static constexpr absl::Duration kLongestDoubt = absl::Minutes(10);

  // Called on any thread, under a lock: must not wait, nor call this.
  using Send = std::function<void(v1::UploadState)>;

  // `clock` and what `find` gives outlive it. Removes first what an earlier process was killed over, by `notes`.
  Importer(FindStoreById find, const Clock& clock, UploadNotes notes, Send send);
  // Stops.
  ~Importer();

  // Does not wait. An upload that begins while another one is under way is refused with UPLOAD_BUSY.
  void Take(const v1::Upload& message);
  // The session has ended. What was not stored is removed; what was may be somebody's already, and stays.
  void Drop();
  void Stop();

 private:
  struct Running {
    int64_t id = 0;
    v1::UploadBegin begin;
    std::deque<std::string> parts;
    bool whole = false;    // no more parts come
    bool dropped = false;  // it is not wanted
    bool cut = false;      // the session is over: nothing more is sent of it
    bool kept = false;
  };

  void Run();
  // One upload from its first part to the word that it is kept, or its removal.
  void Serve(int64_t id, const v1::UploadBegin& begin);
  absl::StatusOr<Manifest> Store(const v1::UploadBegin& begin);
  absl::StatusOr<std::optional<std::string>> NextPart();
  // Nothing of the tenant's is in the store; where that fails, the next start tries again.
  void Remove(const std::string& store, const std::string& uid);
  // Whether it is somebody's.
  bool AwaitVerdict();
  void Grant(int parts);
  void Tell(v1::UploadState state);

  const FindStoreById find_;
  const Clock& clock_;
  const Send send_;
  UploadNotes notes_;  // of the thread alone

  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<Running> running_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace croft::agent
