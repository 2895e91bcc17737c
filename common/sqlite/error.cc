// Converts SQLite's errors into statuses.

#include "common/sqlite/error.h"

#include <cerrno>
#include <cstring>

#include <absl/strings/str_cat.h>
#include <sqlite3.h>

#include "common/errors.h"

namespace croft::sqlite {
namespace {

absl::Status Error(absl::StatusCode code, absl::string_view reason, const std::string& message,
                   absl::string_view path) {
  return MakeError(code, message,
                   {.reason = std::string(reason), .metadata = {{"file", std::string(path)}}});
}

bool MeansDiskFull(int system_errno) {
  return system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG;
}

std::string SystemWords(int system_errno) {
  return system_errno == 0 ? std::string() : absl::StrCat(" (", std::strerror(system_errno), ")");
}

absl::Status DiskFull(absl::string_view path, int system_errno) {
  return Error(absl::StatusCode::kResourceExhausted, "DISK_FULL",
               absl::StrCat("no room is left for ", path, SystemWords(system_errno),
                            "; free some space there and start again. Nothing acknowledged is lost."),
               path);
}

}  // namespace

absl::Status CorruptError(absl::string_view path, absl::string_view found) {
  return Error(absl::StatusCode::kDataLoss, "DATABASE_CORRUPT",
               absl::StrCat(path, " is damaged or is no SQLite file (", found,
                            "); it was left as it is. Put a good copy of it in its place."),
               path);
}

absl::Status MakeSqliteError(int code, int system_errno, absl::string_view what, absl::string_view path) {
  switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return absl::OkStatus();
    case SQLITE_FULL: return DiskFull(path, system_errno);
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Error(
          absl::StatusCode::kFailedPrecondition, "DATABASE_READ_ONLY",
          absl::StrCat(path,
                       " cannot be written; give this user write access to the file and its folder, "
                       "and look whether the file system is mounted read-only."),
          path);
    case SQLITE_CANTOPEN:
      if (MeansDiskFull(system_errno)) return DiskFull(path, system_errno);
      return Error(absl::StatusCode::kFailedPrecondition, "DATABASE_UNOPENABLE",
                   absl::StrCat(path, " cannot be opened", SystemWords(system_errno),
                                "; look whether its folder exists and this user may read and write there."),
                   path);
    case SQLITE_IOERR:
      if (MeansDiskFull(system_errno)) return DiskFull(path, system_errno);
      return Error(absl::StatusCode::kInternal, "DATABASE_IO",
                   absl::StrCat("the disk failed under ", path, ": ", what, SystemWords(system_errno),
                                ". What it holds is not known; check the disk before starting again."),
                   path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return CorruptError(path, what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(absl::StatusCode::kUnavailable, "DATABASE_LOCKED",
                   absl::StrCat("another connection holds ", path,
                                " locked; close every other program that has it open."),
                   path);
    case SQLITE_CONSTRAINT:
      return Error(absl::StatusCode::kInternal, "DATABASE_CONSTRAINT",
                   absl::StrCat("a change that ", path, " must not hold was refused: ", what), path);
    default:
      return Error(absl::StatusCode::kInternal, "DATABASE_ERROR",
                   absl::StrCat("SQLite failed on ", path, ": ", what, " (code ", code, ")"), path);
  }
}

absl::Status MakeFileError(int system_errno, absl::string_view action, absl::string_view path) {
  if (MeansDiskFull(system_errno)) return DiskFull(path, system_errno);
  if (system_errno == EROFS || system_errno == EACCES || system_errno == EPERM) {
    return MakeSqliteError(system_errno == EROFS ? SQLITE_READONLY : SQLITE_CANTOPEN, system_errno, action,
                           path);
  }
  if (system_errno == ENOENT || system_errno == ENOTDIR || system_errno == EISDIR ||
      system_errno == ELOOP) {
    return MakeSqliteError(SQLITE_CANTOPEN, system_errno, action, path);
  }
  return MakeSqliteError(SQLITE_IOERR, system_errno, absl::StrCat("cannot ", action), path);
}

}  // namespace croft::sqlite
