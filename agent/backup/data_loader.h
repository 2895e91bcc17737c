#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "agent/backup/replay_session.h"
#include "agent/backup/session_workers.h"
#include "agent/dump_format/reader.h"
#include "common/sync.h"

// Loads the rows and large objects of a restore.
namespace croft::agent {

// Loads the rows and large objects of those entries of a dump that are wanted, one entry after another: a CHECK that
// reads another table finds there what it would find in any restore. A large entry is spread over all sessions, each with
// its part of the rows in a transaction of its own; all of them commit, or none does.
class DataLoader final : public DumpVisitor {
 public:
  using Begin = std::function<absl::Status(const Toc&)>;

  // `sessions`, at least one, are used by this alone while a dump is read. `begin` is called with the table of contents.
  DataLoader(std::vector<ReplaySession*> sessions, Begin begin);

  void Want(std::set<int32_t> dump_ids) { wanted_ = std::move(dump_ids); }
  // Large objects that are not there to be filled.
  void PassOver(std::set<uint32_t> large_objects) { passed_over_ = std::move(large_objects); }

  struct Failure {
    absl::Status status;
    bool spread = false;  // over several sessions, which may have been in each other's way
  };
  // By dump id: what could not be loaded, and why. Nothing of it is there.
  std::map<int32_t, Failure> TakeFailures() { return std::exchange(failures_, {}); }
  // Bytes of rows that were seen, by dump id.
  const std::map<int32_t, int64_t>& sizes() const { return sizes_; }

  absl::Status OnToc(const Toc& toc) override { return begin_(toc); }
  absl::Status OnDataBegin(const TocEntry& entry) override;
  absl::Status OnTableBytes(const TocEntry& entry, absl::string_view bytes) override;
  absl::Status OnLargeObjectBegin(const TocEntry& entry, uint32_t oid) override;
  absl::Status OnLargeObjectBytes(const TocEntry& entry, uint32_t oid, absl::string_view bytes) override;
  absl::Status OnLargeObjectEnd(const TocEntry& entry, uint32_t oid) override;
  absl::Status OnDataEnd(const TocEntry& entry) override;

 private:
  struct Sender {
    ReplaySession* session;
    bool open = false;  // in the transaction of the entry that is being loaded
  };

  absl::Status SendRows(const TocEntry& entry);
  absl::Status SendObjectBytes(uint32_t oid, size_t size);
  absl::Status LoadAtOnce(const TocEntry& entry);
  absl::Status Open(Connection& connection, Sender& sender, const std::string& copy_statement) const;
  // `work` on the sender's session, in the entry's transaction, which begins with `copy_statement` unless that is empty.
  absl::Status Send(Sender& sender, const std::string& copy_statement,
                    const std::function<absl::Status(Connection&)>& work);
  absl::Status Spread(size_t worker, const std::string& copy_statement,
                      std::function<absl::Status(Connection&)> work);
  absl::Status EndEntry(const TocEntry& entry);
  absl::Status OnAllOpen(const std::function<absl::Status(Connection&)>& work);
  void GiveUp(const TocEntry& entry);
  void Fail(const absl::Status& status);

  std::vector<Sender> senders_;
  Begin begin_;
  std::set<int32_t> wanted_;
  std::set<uint32_t> passed_over_;
  std::map<int32_t, Failure> failures_;
  std::map<int32_t, int64_t> sizes_;

  // Of the entry that is being read.
  bool loading_ = false;
  bool spread_ = false;    // its first piece was sent, and there are more
  bool row_ends_ = false;  // the last piece that was sent ended with a row
  bool all_rows_ = false;  // the mark behind the last row was seen
  size_t worker_ = 0;      // that has the last piece
  int64_t size_ = 0;       // of its rows
  int64_t offset_ = 0;     // of what is pending, in its large object
  std::string pending_;
  std::atomic<bool> failed_{false};
  Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);  // the first

  // Last, so that its threads end before what they use.
  SessionWorkers workers_;
};

}  // namespace croft::agent
