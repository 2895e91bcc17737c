// Opens SQLite files, checks that they are the right ones, and migrates them.

#include "common/sqlite/database.h"

#include <filesystem>
#include <system_error>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <sqlite3.h>

#include "common/errors.h"
#include "common/sqlite/error.h"
#include "common/sqlite/files.h"
#include "common/sqlite/statement.h"
#include "common/sqlite/transaction.h"

namespace croft::sqlite {
namespace {

// 4 MiB: large enough to spread a checkpoint's fsync over many commits, small enough to end in
// milliseconds.
constexpr int kCheckpointFrames = 1000;
constexpr char kWalLimit[] = "67108864";

absl::Status Refused(absl::string_view reason, absl::string_view path, const std::string& message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, message,
                   {.reason = std::string(reason), .metadata = {{"file", std::string(path)}}});
}

// What the system last said of the file or its WAL. SQLite itself does not pass on what made a COMMIT fail.
int SystemErrorOf(sqlite3* handle) {
  int error = sqlite3_system_errno(handle);
  for (const int which : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
    sqlite3_file* file = nullptr;
    if (error != 0 || sqlite3_file_control(handle, "main", which, &file) != SQLITE_OK) continue;
    if (file != nullptr && file->pMethods != nullptr) {
      file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
    }
  }
  return error;
}

// SQLite reads some names as URIs or as databases in memory, never absolute ones.
absl::StatusOr<std::string> AbsolutePath(absl::string_view path) {
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(std::string(path), error).string();
  if (path.empty() || error || path.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError("a database needs the path of a file");
  }
  return absolute;
}

// SQLite counts its memory under one lock for the whole process unless it is told not to before its first use.
void LeaveMemoryUncounted() {
  static const int told = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)told;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(absl::string_view path, const Schema& schema,
                                                         const OpenOptions& options) {
  if (options.create) CROFT_RETURN_IF_ERROR(CreateFile(path));
  CROFT_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Connect(path, SQLITE_OPEN_READWRITE, options));
  // Nothing is written, not even by closing, until the file is known to be ours.
  sqlite3_db_config(database->handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  CROFT_RETURN_IF_ERROR(database->CheckKind(schema));
  sqlite3_db_config(database->handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  if (sqlite3_db_readonly(database->handle_, "main") != 0) {
    return MakeSqliteError(SQLITE_READONLY, 0, "", database->path_);
  }
  CROFT_RETURN_IF_ERROR(database->PrepareToRead(options));
  CROFT_RETURN_IF_ERROR(database->PrepareToWrite(options));
  CROFT_RETURN_IF_ERROR(database->Migrate(schema, options));
  return database;
}

absl::StatusOr<std::unique_ptr<Database>> Database::OpenReader(absl::string_view path,
                                                               const OpenOptions& options) {
  CROFT_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Connect(path, SQLITE_OPEN_READONLY, options));
  sqlite3_db_config(database->handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  CROFT_RETURN_IF_ERROR(database->PrepareToRead(options));
  CROFT_ASSIGN_OR_RETURN(const std::string mode, database->Pragma("journal_mode"));
  if (mode != "wal")
    return absl::FailedPreconditionError(absl::StrCat(path, " is not open for writing here"));
  return database;
}

absl::StatusOr<std::unique_ptr<Database>> Database::OpenCopy(absl::string_view path) {
  const OpenOptions options;
  CROFT_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Connect(path, SQLITE_OPEN_READONLY, options));
  CROFT_RETURN_IF_ERROR(database->PrepareToRead(options));
  return database;
}

absl::StatusOr<std::unique_ptr<Database>> Database::OpenTemporary(Sql schema, const OpenOptions& options) {
  // SQLite makes a temporary file for the empty name.
  CROFT_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                         ConnectTo("", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, options));
  database->path_ = "a temporary file";
  CROFT_RETURN_IF_ERROR(database->PrepareToRead(options));
  CROFT_RETURN_IF_ERROR(database->RequirePragma("journal_mode", "MEMORY", "memory"));
  CROFT_RETURN_IF_ERROR(database->Execute(schema));
  return database;
}

absl::StatusOr<std::unique_ptr<Database>> Database::Connect(absl::string_view path, int flags,
                                                            const OpenOptions& options) {
  CROFT_ASSIGN_OR_RETURN(std::string absolute, AbsolutePath(path));
  return ConnectTo(std::move(absolute), flags, options);
}

absl::StatusOr<std::unique_ptr<Database>> Database::ConnectTo(std::string name, int flags,
                                                              const OpenOptions& options) {
  LeaveMemoryUncounted();
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(name.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (handle == nullptr) return absl::ResourceExhaustedError("no memory for a database connection");
  std::unique_ptr<Database> database(new Database(std::move(name), handle));
  if (code != SQLITE_OK) return database->ErrorOf(code);
  sqlite3_busy_timeout(handle, static_cast<int>(absl::ToInt64Milliseconds(options.busy_timeout)));
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return database;
}

Database::~Database() { sqlite3_close_v2(handle_); }

absl::Status Database::ErrorOf(int code) const {
  if (code == SQLITE_OK) return absl::OkStatus();
  return MakeSqliteError(code, SystemErrorOf(handle_), sqlite3_errmsg(handle_), path_);
}

absl::Status Database::Execute(Sql script) { return ExecuteText(std::string(script.text())); }

absl::Status Database::ExecuteText(const std::string& script) {
  return ErrorOf(sqlite3_exec(handle_, script.c_str(), nullptr, nullptr, nullptr));
}

int64_t Database::changes() const { return sqlite3_changes64(handle_); }

int64_t Database::last_insert_rowid() const { return sqlite3_last_insert_rowid(handle_); }

absl::StatusOr<std::string> Database::Pragma(const std::string& pragma) {
  sqlite3_stmt* statement = nullptr;
  std::string answer;
  int code = sqlite3_prepare_v2(handle_, absl::StrCat("PRAGMA ", pragma).c_str(), -1, &statement, nullptr);
  if (code == SQLITE_OK) {
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
      const unsigned char* text = sqlite3_column_text(statement, 0);
      if (text != nullptr) answer = reinterpret_cast<const char*>(text);
    }
  }
  const absl::Status status = code == SQLITE_ROW || code == SQLITE_DONE ? absl::OkStatus() : ErrorOf(code);
  sqlite3_finalize(statement);
  if (!status.ok()) return status;
  return answer;
}

absl::Status Database::RequirePragma(const std::string& name, const std::string& value,
                                     const std::string& read_back) {
  CROFT_RETURN_IF_ERROR(Pragma(absl::StrCat(name, "=", value)).status());
  CROFT_ASSIGN_OR_RETURN(const std::string answer, Pragma(name));
  if (answer == read_back) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(path_, " cannot be kept safely here: SQLite answers ", name, "=", answer,
                                " where ", value, " is needed. Put it on a local file system."),
                   {.reason = "DATABASE_UNSAFE", .metadata = {{"file", path_}, {"setting", name}}});
}

absl::Status Database::PrepareToRead(const OpenOptions& options) {
  CROFT_RETURN_IF_ERROR(RequirePragma("trusted_schema", "OFF", "0"));
  CROFT_RETURN_IF_ERROR(RequirePragma("foreign_keys", "ON", "1"));
  // Checkpoints are the writer's, made by CheckpointIfDue, which does not swallow their errors.
  CROFT_RETURN_IF_ERROR(RequirePragma("wal_autocheckpoint", "0", "0"));
  return Pragma(absl::StrCat("cache_size=-", options.cache_kibibytes)).status();
}

absl::Status Database::PrepareToWrite(const OpenOptions& options) {
  CROFT_RETURN_IF_ERROR(RequirePragma("journal_mode", "WAL", "wal"));
  CROFT_RETURN_IF_ERROR(RequirePragma("synchronous", "FULL", "2"));
  CROFT_RETURN_IF_ERROR(RequirePragma("secure_delete", options.secure_delete ? "ON" : "OFF",
                                      options.secure_delete ? "1" : "0"));
  CROFT_RETURN_IF_ERROR(RequirePragma("journal_size_limit", kWalLimit, kWalLimit));
  sqlite3_wal_hook(
      handle_,
      [](void* database, sqlite3*, const char*, int frames) {
        static_cast<Database*>(database)->wal_frames_ = frames;
        return SQLITE_OK;
      },
      this);
  return absl::OkStatus();
}

absl::Status Database::CheckKind(const Schema& schema) {
  CROFT_ASSIGN_OR_RETURN(const std::string application_id, Pragma("application_id"));
  CROFT_ASSIGN_OR_RETURN(const std::string version, Pragma("user_version"));
  CROFT_ASSIGN_OR_RETURN(const std::string schema_version, Pragma("schema_version"));
  const bool empty = application_id == "0" && version == "0" && schema_version == "0";
  if (empty) return absl::OkStatus();
  if (application_id != absl::StrCat(schema.application_id)) {
    return Refused(
        "DATABASE_FOREIGN", path_,
        absl::StrCat(
            path_, " is not a Croft ", schema.name,
            " but another program's file; it was left as it is. Name another path, or move it away."));
  }
  const int newest = schema.migrations.empty() ? 0 : schema.migrations.back().number;
  int found = 0;
  if (!absl::SimpleAtoi(version, &found) || found < 0)
    return CorruptError(path_, "impossible schema version");
  if (found > newest) {
    return Refused("DATABASE_NEWER", path_,
                   absl::StrCat("the ", schema.name, " ", path_, " has schema ", found,
                                ", this version of Croft knows up to ", newest,
                                "; it was left as it is. Start the newer version again."));
  }
  return absl::OkStatus();
}

absl::Status Database::Migrate(const Schema& schema, const OpenOptions& options) {
  CROFT_ASSIGN_OR_RETURN(const std::string version, Pragma("user_version"));
  int at = 0;
  if (!absl::SimpleAtoi(version, &at)) return CorruptError(path_, "impossible schema version");
  if (schema.migrations.empty() || at == schema.migrations.back().number) return absl::OkStatus();
  if (at > 0 && options.before_upgrade) CROFT_RETURN_IF_ERROR(options.before_upgrade(*this));
  CROFT_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*this));
  for (const Migration& migration : schema.migrations) {
    if (migration.number <= at) continue;
    if (migration.number != at + 1) {
      return absl::InternalError(absl::StrCat("the ", schema.name, "'s migrations skip number ", at + 1));
    }
    CROFT_RETURN_IF_ERROR(Execute(migration.script));
    at = migration.number;
  }
  CROFT_RETURN_IF_ERROR(Pragma(absl::StrCat("application_id=", schema.application_id)).status());
  CROFT_RETURN_IF_ERROR(Pragma(absl::StrCat("user_version=", at)).status());
  return transaction.Commit();
}

absl::Status Database::CheckpointIfDue() {
  if (wal_frames_ < kCheckpointFrames) return absl::OkStatus();
  const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  // A reader in the way is no error; the next commit tries again.
  return (code & 0xff) == SQLITE_BUSY ? absl::OkStatus() : ErrorOf(code);
}

}  // namespace croft::sqlite
