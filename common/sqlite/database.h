#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/sqlite/schema.h"
#include "common/sqlite/sql.h"

struct sqlite3;

// SQLite, opened the one way that loses nothing: WAL, synchronous=FULL, foreign keys on, schema not
// trusted; each setting is read back.
//
// A file has one writing connection, which alone checkpoints; other connections only read. No other process
// may open the file while it is open here (the owner holds a lock of its own), and nothing in this process
// may open or close the file, its -wal or its -shm other than through SQLite: that would drop SQLite's
// locks.
//
// Errors carry these reasons:
//   DATABASE_CORRUPT    DATA_LOSS; damaged, cut short, or no SQLite file
//   DATABASE_FOREIGN    FAILED_PRECONDITION; another program's file, or another kind of ours
//   DATABASE_NEWER      FAILED_PRECONDITION; written by a newer version of Croft
//   DATABASE_READ_ONLY  FAILED_PRECONDITION; the file or its folder cannot be written
//   DATABASE_UNOPENABLE FAILED_PRECONDITION; the file or its folder is not there, or may not be read
//   DISK_FULL           RESOURCE_EXHAUSTED; also a quota or a file size limit
//   DATABASE_IO         INTERNAL; the disk failed. Nothing is known of the file's state: stop the process
//   DATABASE_LOCKED     UNAVAILABLE; another connection did not let go within busy_timeout
//   DATABASE_CONSTRAINT INTERNAL; a change that the schema forbids
//   DATABASE_ERROR      INTERNAL; anything else
namespace croft::sqlite {

class Database;

struct OpenOptions {
  // FAILED_PRECONDITION, DATABASE_UNOPENABLE, when the file is missing and this is not set.
  bool create = true;
  // Overwrites what is deleted with zeros.
  bool secure_delete = false;
  absl::Duration busy_timeout = absl::Seconds(5);
  int32_t cache_kibibytes = 8192;
  // Called before a file of an older schema is brought to the newest one, which then happens in one transaction. An error
  // of it is Open()'s, and the file stays at its schema.
  std::function<absl::Status(Database&)> before_upgrade = {};
};

// One connection. One thread at a time; destroy its statements first.
class Database {
 public:
  // The writing connection. Creates the file with mode 0600, brings it to the newest schema. A file that is
  // refused is left as it was.
  static absl::StatusOr<std::unique_ptr<Database>> Open(absl::string_view path, const Schema& schema,
                                                        const OpenOptions& options);
  // A connection that can only read and never checkpoints, on a file that Open() holds open in this
  // process.
  static absl::StatusOr<std::unique_ptr<Database>> OpenReader(absl::string_view path,
                                                              const OpenOptions& options);
  // A connection that can only read, on a file that nobody writes: a backup.
  static absl::StatusOr<std::unique_ptr<Database>> OpenCopy(absl::string_view path);
  // A new database with the tables of `schema` that only this connection sees. It stays in memory up to
  // `options.cache_kibibytes` and goes to an unnamed temporary file (in $TMPDIR, /var/tmp or /tmp) beyond. Nothing of
  // it outlives this object.
  static absl::StatusOr<std::unique_ptr<Database>> OpenTemporary(Sql schema, const OpenOptions& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::string& path() const { return path_; }

  // Runs statements that give no rows.
  absl::Status Execute(Sql script);
  // Rows changed by the last INSERT, UPDATE or DELETE.
  int64_t changes() const;
  int64_t last_insert_rowid() const;

 private:
  friend class Rows;
  friend class Statement;
  friend class Transaction;

  Database(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}

  static absl::StatusOr<std::unique_ptr<Database>> Connect(absl::string_view path, int flags,
                                                           const OpenOptions& options);
  // `name` as SQLite takes it.
  static absl::StatusOr<std::unique_ptr<Database>> ConnectTo(std::string name, int flags,
                                                             const OpenOptions& options);
  absl::Status PrepareToRead(const OpenOptions& options);
  absl::Status PrepareToWrite(const OpenOptions& options);
  absl::Status CheckKind(const Schema& schema);
  absl::Status Migrate(const Schema& schema, const OpenOptions& options);
  // What SQLite's result code `code`, the newest on this connection, means.
  absl::Status ErrorOf(int code) const;
  absl::Status ExecuteText(const std::string& script);
  absl::StatusOr<std::string> Pragma(const std::string& pragma);
  absl::Status RequirePragma(const std::string& name, const std::string& value,
                             const std::string& read_back);
  // Moves the WAL into the file once it has grown. An error is as grave as one of a commit.
  absl::Status CheckpointIfDue();

  std::string path_;
  sqlite3* handle_;
  int wal_frames_ = 0;
};

}  // namespace croft::sqlite
