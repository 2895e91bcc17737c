// Loads rows and large objects during a restore, a large entry over several sessions.

#include "agent/backup/data_loader.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <absl/strings/match.h>

#include "common/errors.h"

namespace croft::agent {
namespace {

// pg_dump writes rows one by one, which is no way to send them. A multiple of the 2 KB that the server stores of a large
// object at a time: no two sessions write the same of them.
constexpr size_t kPieceBytes = 256 << 10;

// Takes the mark behind the last row, and what follows it, off `rows`, which end with a line's end; whether it was there.
// No row begins so: a backslash in a value is written twice.
bool TakeOffEnd(std::string& rows) {
  const size_t last = rows.find_last_not_of('\n');
  if (last == std::string::npos || last == 0) return false;
  const bool whole_line = last == 1 || rows[last - 2] == '\n';
  if (!whole_line || rows[last] != '.' || rows[last - 1] != '\\') return false;
  rows.resize(last - 1);
  return true;
}

}  // namespace

DataLoader::DataLoader(std::vector<ReplaySession*> sessions, Begin begin)
    : begin_(std::move(begin)), workers_(sessions.size()) {
  for (ReplaySession* session : sessions) senders_.push_back({.session = session});
}

absl::Status DataLoader::OnDataBegin(const TocEntry& entry) {
  loading_ = wanted_.count(entry.dump_id) > 0;
  spread_ = false;
  row_ends_ = true;
  all_rows_ = false;
  size_ = 0;
  pending_.clear();
  return absl::OkStatus();
}

absl::Status DataLoader::OnTableBytes(const TocEntry& entry, absl::string_view bytes) {
  size_ += static_cast<int64_t>(bytes.size());
  if (!loading_ || all_rows_) return absl::OkStatus();
  pending_.append(bytes.data(), bytes.size());
  return pending_.size() < kPieceBytes ? absl::OkStatus() : SendRows(entry);
}

absl::Status DataLoader::OnLargeObjectBegin(const TocEntry& /*entry*/, uint32_t /*oid*/) {
  offset_ = 0;
  return absl::OkStatus();
}

absl::Status DataLoader::OnLargeObjectBytes(const TocEntry& /*entry*/, uint32_t oid,
                                            absl::string_view bytes) {
  if (!loading_ || passed_over_.count(oid) > 0) return absl::OkStatus();
  pending_.append(bytes.data(), bytes.size());
  while (pending_.size() >= kPieceBytes) CROFT_RETURN_IF_ERROR(SendObjectBytes(oid, kPieceBytes));
  return absl::OkStatus();
}

absl::Status DataLoader::OnLargeObjectEnd(const TocEntry& /*entry*/, uint32_t oid) {
  return pending_.empty() ? absl::OkStatus() : SendObjectBytes(oid, pending_.size());
}

absl::Status DataLoader::OnDataEnd(const TocEntry& entry) {
  sizes_[entry.dump_id] = size_;
  if (!loading_) return absl::OkStatus();
  if (!spread_) return pending_.empty() ? absl::OkStatus() : LoadAtOnce(entry);
  if (!pending_.empty()) CROFT_RETURN_IF_ERROR(SendRows(entry));
  return EndEntry(entry);
}

// Whole rows go to whoever has the least to do. A row that is longer than a piece stays where it began.
absl::Status DataLoader::SendRows(const TocEntry& entry) {
  const size_t end = pending_.rfind('\n');
  const size_t size = end == std::string::npos ? pending_.size() : end + 1;
  std::string rows = pending_.substr(0, size);
  pending_.erase(0, size);
  if (row_ends_) worker_ = workers_.LeastBusy();
  row_ends_ = end != std::string::npos;
  if (row_ends_) all_rows_ = TakeOffEnd(rows);
  if (all_rows_) pending_.clear();
  return Spread(worker_, entry.copy_statement,
                [rows = std::move(rows)](Connection& connection) { return connection.CopyIn(rows); });
}

absl::Status DataLoader::SendObjectBytes(uint32_t oid, size_t size) {
  std::string piece = pending_.substr(0, size);
  pending_.erase(0, size);
  const int64_t at = std::exchange(offset_, offset_ + static_cast<int64_t>(size));
  return Spread(workers_.LeastBusy(), "", [oid, at, piece = std::move(piece)](Connection& connection) {
    return connection.WriteLargeObject(oid, at, piece);
  });
}

// A table of one piece.
absl::Status DataLoader::LoadAtOnce(const TocEntry& entry) {
  // No row begins so: the table is empty, and whatever is in the way of a COPY loses nothing.
  if (absl::StartsWith(pending_, "\\.")) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(const ReplaySession::Attempt attempt,
                         senders_.front().session->Try([&](Connection& connection) -> absl::Status {
                           CROFT_RETURN_IF_ERROR(connection.BeginCopyIn(entry.copy_statement));
                           CROFT_RETURN_IF_ERROR(connection.CopyIn(pending_));
                           return connection.EndCopyIn();
                         }));
  if (!attempt.entry.ok()) failures_[entry.dump_id] = {.status = attempt.entry};
  return absl::OkStatus();
}

absl::Status DataLoader::Open(Connection& connection, Sender& sender,
                              const std::string& copy_statement) const {
  if (std::exchange(sender.open, true)) return absl::OkStatus();
  CROFT_RETURN_IF_ERROR(connection.Execute("BEGIN"));
  // Code of the tenant's may lock what the other session holds, which no deadlock detector sees: that one waits for us.
  if (senders_.size() > 1) CROFT_RETURN_IF_ERROR(connection.Execute("SET LOCAL lock_timeout = '5s'"));
  return copy_statement.empty() ? absl::OkStatus() : connection.BeginCopyIn(copy_statement);
}

absl::Status DataLoader::Spread(size_t worker, const std::string& copy_statement,
                                std::function<absl::Status(Connection&)> work) {
  spread_ = true;
  if (failed_) return absl::OkStatus();
  return workers_.Post(worker, [this, &sender = senders_[worker], copy_statement, work = std::move(work)] {
    return Send(sender, copy_statement, work);
  });
}

absl::Status DataLoader::Send(Sender& sender, const std::string& copy_statement,
                              const std::function<absl::Status(Connection&)>& work) {
  // What follows of an entry that failed is passed over.
  if (failed_) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(const ReplaySession::Attempt attempt,
                         sender.session->Try([&](Connection& connection) -> absl::Status {
                           CROFT_RETURN_IF_ERROR(Open(connection, sender, copy_statement));
                           return work(connection);
                         }));
  Fail(attempt.entry);
  return absl::OkStatus();
}

// Commits what all sessions have, or nothing.
absl::Status DataLoader::EndEntry(const TocEntry& entry) {
  CROFT_RETURN_IF_ERROR(workers_.Drain());
  const bool rows = !entry.copy_statement.empty();
  if (rows) CROFT_RETURN_IF_ERROR(OnAllOpen([](Connection& connection) { return connection.EndCopyIn(); }));
  // What the tenant has put off to the end fails now, while nothing is committed yet.
  CROFT_RETURN_IF_ERROR(OnAllOpen(
      [](Connection& connection) { return connection.Execute("SET CONSTRAINTS ALL IMMEDIATE"); }));
  if (failed_) {
    GiveUp(entry);
    return absl::OkStatus();
  }
  for (Sender& sender : senders_) {
    if (!std::exchange(sender.open, false)) continue;
    CROFT_ASSIGN_OR_RETURN(
        const ReplaySession::Attempt attempt,
        sender.session->Try([](Connection& connection) { return connection.Execute("COMMIT"); }));
    // Another session may have committed: this is no entry's failure that the rest could go on without.
    CROFT_RETURN_IF_ERROR(attempt.entry);
  }
  return absl::OkStatus();
}

absl::Status DataLoader::OnAllOpen(const std::function<absl::Status(Connection&)>& work) {
  for (Sender& sender : senders_) {
    if (!sender.open || failed_) continue;
    CROFT_ASSIGN_OR_RETURN(const ReplaySession::Attempt attempt, sender.session->Try(work));
    Fail(attempt.entry);
  }
  return absl::OkStatus();
}

void DataLoader::GiveUp(const TocEntry& entry) {
  for (Sender& sender : senders_) {
    // Whatever it is at: the server takes it back.
    if (std::exchange(sender.open, false)) sender.session->Close();
  }
  MutexLock lock(mutex_);
  failures_[entry.dump_id] = {.status = std::exchange(failure_, absl::OkStatus()),
                              .spread = senders_.size() > 1};
  failed_ = false;
}

void DataLoader::Fail(const absl::Status& status) {
  if (status.ok()) return;
  MutexLock lock(mutex_);
  if (!failed_) failure_ = status;
  failed_ = true;
}

}  // namespace croft::agent
