#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "agent/backup/replay_session.h"
#include "agent/backup/session_worker.h"
#include "agent/dump_format/definition.h"
#include "agent/dump_format/reader.h"

// Loads the rows and large objects of a restore.
namespace croft::agent {

// Loads the rows and large objects of those entries of a dump that are wanted, one entry after another: a CHECK that
// reads another table finds there what it would find in any restore. The server writes them while the dump is read on.
// Each entry is loaded in a transaction of its own, whole or not at all.
class DataLoader final : public DumpVisitor {
 public:
  using Begin = std::function<absl::Status(const Toc&)>;
  // Called on another thread, with the dump id of an entry that was loaded and the bytes of its rows.
  using Loaded = std::function<void(int32_t, int64_t)>;

  // `session` outlives this, and is used by this alone until Finish. `begin` is called with the table of contents.
  DataLoader(
      ReplaySession& session, Begin begin, Loaded loaded = [](int32_t, int64_t) {});

  void Want(std::set<int32_t> dump_ids) { wanted_ = std::move(dump_ids); }
  // Large objects that are not there to be filled.
  void PassOver(std::set<uint32_t> large_objects) { passed_over_ = std::move(large_objects); }
  // Entries that fill a table which this restore made, and which holds no rows that must stay. Large ones are written
  // frozen: neither a reader nor VACUUM has to write their pages again.
  void Freeze(std::set<int32_t> dump_ids) { frozen_ = std::move(dump_ids); }

  // Waits until all that was read is loaded.
  absl::Status Finish() { return worker_.Drain(); }
  // By dump id: what could not be loaded, and why. Nothing of it is there. After Finish.
  std::map<int32_t, absl::Status> TakeFailures() { return std::exchange(failures_, {}); }
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
  using Work = std::function<absl::Status(Connection&)>;
  // How the transaction of an entry begins.
  struct Opening {
    QualifiedName emptied;  // first; no name: none
    std::string copy;       // empty: large objects
  };

  absl::Status SendRows();
  absl::Status SendObjectBytes(uint32_t oid, size_t size);
  absl::Status LoadAtOnce(const TocEntry& entry);
  absl::Status PostPiece(Work work);
  absl::Status PostEnd(const TocEntry& entry);
  // On the worker's thread.
  absl::Status Send(const Opening& opening, const Work& work);
  static absl::Status Open(Connection& connection, const Opening& opening);
  absl::Status End(int32_t dump_id, int64_t size, bool rows);
  void Note(int32_t dump_id, int64_t size, absl::Status loaded);

  ReplaySession& session_;
  Begin begin_;
  Loaded loaded_;
  std::set<int32_t> wanted_;
  std::set<uint32_t> passed_over_;
  std::set<int32_t> frozen_;
  std::map<int32_t, int64_t> sizes_;

  // Of the entry that is being read.
  bool loading_ = false;
  bool in_pieces_ = false;  // its first piece was sent, and there are more
  bool all_rows_ = false;   // the mark behind the last row was seen
  Opening opening_;
  int64_t size_ = 0;    // of its rows
  int64_t offset_ = 0;  // of what is pending, in its large object
  std::string pending_;

  // The worker's.
  bool open_ = false;     // in the transaction of the entry that is being loaded
  absl::Status failure_;  // of that entry
  std::map<int32_t, absl::Status> failures_;

  // Last, so that its thread ends before what it uses.
  SessionWorker worker_;
};

}  // namespace croft::agent
