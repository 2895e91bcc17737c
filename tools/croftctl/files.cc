// Reads files that flags name.

#include "tools/croftctl/files.h"

#include <cerrno>
#include <filesystem>

#include <absl/strings/str_cat.h>
#include <sys/stat.h>

#include "common/errors.h"
#include "common/files.h"
#include "tools/croftctl/exit_code.h"

namespace croft::ctl {
namespace {

// More than any certificate, token or list of contexts.
constexpr size_t kMaxBytes = 1 << 20;

absl::Status MakePrivateFolder(const std::filesystem::path& folder) {
  if (folder.empty() || std::filesystem::exists(folder)) return absl::OkStatus();
  CROFT_RETURN_IF_ERROR(MakePrivateFolder(folder.parent_path()));
  if (mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot make ", folder.string()));
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, absl::string_view what) {
  absl::StatusOr<std::string> contents = ReadSmallFile(path, kMaxBytes);
  if (!contents.ok()) return WithExitCode(Annotate(contents.status(), what), ExitCode::kUsage);
  return contents;
}

absl::Status WritePrivateFile(const std::string& path, absl::string_view contents) {
  if (!OpenToOthers(path)) {
    const auto present = ReadSmallFile(path, kMaxBytes);
    if (present.ok() && *present == contents) return absl::OkStatus();
  }
  CROFT_RETURN_IF_ERROR(MakePrivateFolder(std::filesystem::path(path).parent_path()));
  return WriteFileDurably(path, contents, 0600, IfFileExists::kReplace);
}

bool OpenToOthers(const std::string& path) {
  struct stat facts;
  return stat(path.c_str(), &facts) == 0 && (facts.st_mode & 077) != 0;
}

}  // namespace croft::ctl
