#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "agent/backup/replay_session.h"
#include "agent/dump_format/toc.h"
#include "common/sync.h"

namespace croft::agent {

// Builds the indexes and keys of a restore on a session of its own, beside whatever else the restore does: one table
// after another, the largest first, so that no large one is left to the end.
class IndexBuilder {
 public:
  // Of one table, in the order of the archive.
  using Entries = std::vector<const TocEntry*>;
  // Builds one. Called on two threads, each with a session of its own.
  using Build = std::function<absl::StatusOr<ReplaySession::Attempt>(ReplaySession&, const TocEntry&)>;

  // `session` outlives this, and is used by this alone.
  IndexBuilder(ReplaySession& session, Build build);
  // Drops what waits, and waits for what is being built.
  ~IndexBuilder();
  IndexBuilder(const IndexBuilder&) = delete;
  IndexBuilder& operator=(const IndexBuilder&) = delete;

  // On any thread. `size` is that of the table. The entries outlive this.
  void Add(int64_t size, Entries entries);
  // Waits until nothing is being built; nothing is begun until Finish.
  void Pause();
  // Builds on `other`, too, until all is built. Returns what failed. Called once, after the last Add. An error: the server
  // is out, or nobody waits any longer.
  absl::StatusOr<Entries> Finish(ReplaySession& other);

 private:
  // Waits for it; nothing: there is none and none will come.
  std::optional<Entries> Next();
  void Work(ReplaySession& session);
  void BuildTable(ReplaySession& session, const Entries& entries);

  Build build_;

  Mutex mutex_;
  CondVar changed_;
  std::multimap<int64_t, Entries, std::greater<>> waiting_ ABSL_GUARDED_BY(mutex_);  // by size
  Entries failed_ ABSL_GUARDED_BY(mutex_);
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  int building_ ABSL_GUARDED_BY(mutex_) = 0;  // tables
  bool paused_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;  // when nothing waits any longer
  // Last, since it uses all of the above.
  std::thread thread_;
};

}  // namespace croft::agent
