// Copies a database while others write to it.

#include "common/sqlite/backup.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>

#include <absl/strings/str_cat.h>
#include <sys/stat.h>

#include "common/errors.h"
#include "common/sqlite/error.h"
#include "common/sqlite/files.h"
#include "common/sqlite/statement.h"

namespace croft::sqlite {
namespace {

absl::Status WriteCopy(Database& source, const std::string& path) {
  CROFT_RETURN_IF_ERROR(CreateFile(path));
  CROFT_RETURN_IF_ERROR(Statement(source, "VACUUM INTO ?").Execute(path));
  CROFT_RETURN_IF_ERROR(SyncFile(path));
  return CheckIntegrityOfFile(path);
}

}  // namespace

absl::Status BackUpTo(Database& source, absl::string_view path) {
  const std::string target(path);
  struct stat unused;
  if (stat(target.c_str(), &unused) == 0) {
    return MakeError(absl::StatusCode::kAlreadyExists,
                     absl::StrCat(target, " exists already; name a new file."),
                     {.reason = "FILE_EXISTS", .metadata = {{"file", target}}});
  }
  const std::string part = absl::StrCat(target, ".part");
  if (unlink(part.c_str()) != 0 && errno != ENOENT) return MakeFileError(errno, "remove it", part);
  absl::Status status = WriteCopy(source, part);
  if (status.ok() && rename(part.c_str(), target.c_str()) != 0) {
    status = MakeFileError(errno, "rename it", part);
  }
  if (!status.ok()) {
    unlink(part.c_str());
    return Annotate(status, absl::StrCat("cannot copy ", source.path()));
  }
  return SyncFolderOf(target);
}

absl::Status CheckIntegrity(Database& database) {
  Statement check(database, "PRAGMA integrity_check(1)");
  Rows rows = check.Query();
  if (!rows.Next()) return rows.status();
  if (const absl::string_view found = rows.Text(0); found != "ok")
    return CorruptError(database.path(), found);
  return absl::OkStatus();
}

absl::Status CheckIntegrityOfFile(absl::string_view path) {
  CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<Database> copy, Database::OpenCopy(path));
  return CheckIntegrity(*copy);
}

}  // namespace croft::sqlite
