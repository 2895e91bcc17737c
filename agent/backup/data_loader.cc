// Loads rows and large objects during a restore, over one session that works beside the reader of the dump.

#include "agent/backup/data_loader.h"

#include <utility>

#include <absl/strings/match.h>

#include "common/errors.h"

namespace croft::agent {
namespace {

// pg_dump writes rows one by one, which is no way to send them. A multiple of the 2 KB that the server stores of a large
// object at a time.
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

DataLoader::DataLoader(ReplaySession& session, Begin begin, Loaded loaded)
    : session_(session), begin_(std::move(begin)), loaded_(std::move(loaded)) {}

absl::Status DataLoader::OnDataBegin(const TocEntry& entry) {
  loading_ = wanted_.count(entry.dump_id) > 0;
  in_pieces_ = false;
  all_rows_ = false;
  opening_ = {.copy = entry.copy_statement};
  size_ = 0;
  pending_.clear();
  if (frozen_.count(entry.dump_id) == 0) return absl::OkStatus();
  // Only rows of a table that the same transaction made or emptied may be written so.
  std::string frozen = FrozenCopy(entry.copy_statement);
  if (!frozen.empty()) opening_ = {.emptied = {entry.schema, entry.tag}, .copy = std::move(frozen)};
  return absl::OkStatus();
}

absl::Status DataLoader::OnTableBytes(const TocEntry& /*entry*/, absl::string_view bytes) {
  size_ += static_cast<int64_t>(bytes.size());
  if (!loading_ || all_rows_) return absl::OkStatus();
  pending_.append(bytes.data(), bytes.size());
  return pending_.size() < kPieceBytes ? absl::OkStatus() : SendRows();
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
  if (!in_pieces_) return pending_.empty() ? absl::OkStatus() : LoadAtOnce(entry);
  if (!pending_.empty()) CROFT_RETURN_IF_ERROR(SendRows());
  return PostEnd(entry);
}

// Whole rows, unless one is longer than a piece: the end of them all is told by a line of its own.
absl::Status DataLoader::SendRows() {
  const size_t end = pending_.rfind('\n');
  const size_t size = end == std::string::npos ? pending_.size() : end + 1;
  std::string rows = pending_.substr(0, size);
  pending_.erase(0, size);
  if (end != std::string::npos) all_rows_ = TakeOffEnd(rows);
  if (all_rows_) pending_.clear();
  return PostPiece([rows = std::move(rows)](Connection& connection) { return connection.CopyIn(rows); });
}

absl::Status DataLoader::SendObjectBytes(uint32_t oid, size_t size) {
  std::string piece = pending_.substr(0, size);
  pending_.erase(0, size);
  const int64_t at = std::exchange(offset_, offset_ + static_cast<int64_t>(size));
  return PostPiece([oid, at, piece = std::move(piece)](Connection& connection) {
    return connection.WriteLargeObject(oid, at, piece);
  });
}

// A table of one piece.
absl::Status DataLoader::LoadAtOnce(const TocEntry& entry) {
  // No row begins so: the table is empty, and whatever is in the way of a COPY loses nothing.
  if (absl::StartsWith(pending_, "\\.")) return absl::OkStatus();
  return worker_.Post([this, dump_id = entry.dump_id, size = size_, copy = entry.copy_statement,
                       rows = std::exchange(pending_, {})]() -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(ReplaySession::Attempt attempt,
                           session_.Try([&](Connection& connection) -> absl::Status {
                             CROFT_RETURN_IF_ERROR(connection.BeginCopyIn(copy));
                             CROFT_RETURN_IF_ERROR(connection.CopyIn(rows));
                             return connection.EndCopyIn();
                           }));
    Note(dump_id, size, std::move(attempt.entry));
    return absl::OkStatus();
  });
}

absl::Status DataLoader::PostPiece(Work work) {
  in_pieces_ = true;
  return worker_.Post([this, opening = opening_, work = std::move(work)] { return Send(opening, work); });
}

absl::Status DataLoader::Send(const Opening& opening, const Work& work) {
  // What follows of an entry that failed is passed over.
  if (!failure_.ok()) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(ReplaySession::Attempt attempt,
                         session_.Try([&](Connection& connection) -> absl::Status {
                           if (!std::exchange(open_, true))
                             CROFT_RETURN_IF_ERROR(Open(connection, opening));
                           return work(connection);
                         }));
  failure_ = std::move(attempt.entry);
  return absl::OkStatus();
}

absl::Status DataLoader::Open(Connection& connection, const Opening& opening) {
  CROFT_RETURN_IF_ERROR(connection.Execute("BEGIN"));
  if (!opening.emptied.name.empty()) {
    CROFT_RETURN_IF_ERROR(
        connection.Execute({"TRUNCATE ONLY %I.%I", {opening.emptied.schema, opening.emptied.name}}));
  }
  return opening.copy.empty() ? absl::OkStatus() : connection.BeginCopyIn(opening.copy);
}

absl::Status DataLoader::PostEnd(const TocEntry& entry) {
  return worker_.Post([this, dump_id = entry.dump_id, size = size_, rows = !opening_.copy.empty()] {
    return End(dump_id, size, rows);
  });
}

absl::Status DataLoader::End(int32_t dump_id, int64_t size, bool rows) {
  absl::Status loaded = std::exchange(failure_, absl::OkStatus());
  open_ = false;
  if (loaded.ok()) {
    CROFT_ASSIGN_OR_RETURN(ReplaySession::Attempt attempt,
                           session_.Try([&](Connection& connection) -> absl::Status {
                             if (rows) CROFT_RETURN_IF_ERROR(connection.EndCopyIn());
                             // What the tenant has put off to the end fails now, while nothing is committed.
                             return connection.Execute("SET CONSTRAINTS ALL IMMEDIATE");
                           }));
    loaded = std::move(attempt.entry);
  }
  if (loaded.ok()) {
    CROFT_ASSIGN_OR_RETURN(const ReplaySession::Attempt attempt, session_.Try([](Connection& connection) {
      return connection.Execute("COMMIT");
    }));
    // It may have been committed for all that: loading it again could double it.
    CROFT_RETURN_IF_ERROR(attempt.entry);
  } else {
    // Whatever it is at: the server rolls it back.
    session_.Close();
  }
  Note(dump_id, size, std::move(loaded));
  return absl::OkStatus();
}

void DataLoader::Note(int32_t dump_id, int64_t size, absl::Status loaded) {
  if (loaded.ok()) {
    loaded_(dump_id, size);
  } else {
    failures_[dump_id] = std::move(loaded);
  }
}

}  // namespace croft::agent
