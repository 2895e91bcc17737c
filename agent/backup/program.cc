// Runs PostgreSQL's client programs as one login, with passwords in a private file.

#include "agent/backup/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>
#include <sys/stat.h>

#include "agent/postgres/sql_error.h"
#include "common/errors.h"
#include "common/files.h"
#include "common/ids.h"
#include "common/work_scope.h"

namespace croft::agent {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kSlice = absl::Milliseconds(200);

// Conninfo keywords that are not a secret and say how to reach the server, with their variables.
constexpr std::pair<const char*, const char*> kVariables[] = {{"host", "PGHOST"},
                                                              {"hostaddr", "PGHOSTADDR"},
                                                              {"port", "PGPORT"},
                                                              {"user", "PGUSER"},
                                                              {"sslmode", "PGSSLMODE"},
                                                              {"sslrootcert", "PGSSLROOTCERT"},
                                                              {"gssencmode", "PGGSSENCMODE"},
                                                              {"channel_binding", "PGCHANNELBINDING"},
                                                              {"connect_timeout", "PGCONNECT_TIMEOUT"},
                                                              {"options", "PGOPTIONS"}};

absl::Status ScratchError(const std::string& path) {
  const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  return MakeError(full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("cannot write ", path, ": ", std::strerror(errno)),
                   {.reason = full ? "DISK_FULL" : "STATE_UNUSABLE", .metadata = {{"path", path}}});
}

// `:` and `\` part the fields of a password file.
std::string PasswordField(const std::string& text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {":", "\\:"}});
}

std::string ConninfoValue(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

std::string ValueOf(const Conninfo& conninfo, const char* keyword) {
  const auto found = conninfo.find(keyword);
  return found == conninfo.end() ? "" : found->second;
}

// What a client program said, without what it only tells of its own doing: the SQL that it sent.
std::string Said(absl::string_view standard_error) {
  std::string said;
  for (const absl::string_view line : absl::StrSplit(standard_error, '\n', absl::SkipWhitespace())) {
    if (absl::StartsWith(line, "Command was: ") || absl::StrContains(line, "detail: Query was: ") ||
        absl::StrContains(line, "detail: Command was: ")) {
      continue;
    }
    absl::StrAppend(&said, said.empty() ? "" : "\n", line);
  }
  return said.empty() ? "it did not say why" : CutMessage(said);
}

}  // namespace

absl::StatusOr<PrivateFile> PrivateFile::Make(const ProgramPlace& place, absl::string_view content,
                                              Random& random) {
  if (mkdir(place.scratch_directory.c_str(), 0711) != 0 && errno != EEXIST) {
    return ScratchError(place.scratch_directory);
  }
  std::string path =
      absl::StrCat(place.scratch_directory, "/", place.scratch_prefix, "-", UidFrom(random.Bytes(16)));
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return ScratchError(path);
  PrivateFile file(path);
  absl::Status status;
  if (write(fd, content.data(), content.size()) != static_cast<ssize_t>(content.size())) {
    status = ScratchError(path);
  } else if (place.uid && fchown(fd, *place.uid, place.gid.value_or(static_cast<gid_t>(-1))) != 0) {
    status = ScratchError(path);
  }
  close(fd);
  CROFT_RETURN_IF_ERROR(status);
  return file;
}

PrivateFile::PrivateFile(std::string path) : path_(std::move(path)) {}
PrivateFile::PrivateFile(PrivateFile&& other) noexcept : path_(std::exchange(other.path_, "")) {}
PrivateFile& PrivateFile::operator=(PrivateFile&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}
PrivateFile::~PrivateFile() {
  if (!path_.empty()) unlink(path_.c_str());
}

absl::StatusOr<std::string> PrivateFile::Read() const {
  std::error_code error;
  const uintmax_t size = fs::file_size(path_, error);
  if (error) return ScratchError(path_);
  return ReadSmallFile(path_, size);
}

void RemoveAbandonedFiles(const ProgramPlace& place) {
  std::error_code error;
  for (fs::directory_iterator it(place.scratch_directory, error), end; !error && it != end;
       it.increment(error)) {
    if (absl::StartsWith(it->path().filename().string(), place.scratch_prefix + "-"))
      unlink(it->path().c_str());
  }
}

Command LocalProgram(const std::string& path, std::vector<std::string> arguments,
                     const ProgramPlace& place) {
  Command command{
      .arguments = {path}, .environment = {{"LC_ALL", "C"}}, .uid = place.uid, .gid = place.gid};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  return command;
}

absl::StatusOr<ProgramCall> PrepareProgram(const std::string& path, std::vector<std::string> arguments,
                                           const Conninfo& conninfo, const ProgramPlace& place,
                                           Random& random) {
  arguments.push_back("--no-password");
  arguments.push_back(absl::StrCat("--dbname=dbname=", ConninfoValue(ValueOf(conninfo, "dbname"))));
  const std::string password_line = absl::StrCat("*:*:*:", PasswordField(ValueOf(conninfo, "user")), ":",
                                                 PasswordField(ValueOf(conninfo, "password")), "\n");
  CROFT_ASSIGN_OR_RETURN(PrivateFile password_file, PrivateFile::Make(place, password_line, random));
  Command command = LocalProgram(path, std::move(arguments), place);
  for (const auto& [keyword, variable] : kVariables) {
    if (std::string value = ValueOf(conninfo, keyword); !value.empty())
      command.environment[variable] = value;
  }
  command.environment["PGPASSFILE"] = password_file.path();
  // Every login of the server can read it: the operation's id and nothing else.
  const std::string& operation = CurrentWork().operation;
  command.environment["PGAPPNAME"] =
      operation.empty() ? "croft-agent" : absl::StrCat("croft-agent ", operation);
  return ProgramCall{std::move(command), std::move(password_file)};
}

absl::Status CheckEnd(absl::string_view program, const CommandResult& result, const std::string& reason) {
  if (result.exit_code == 0) return absl::OkStatus();
  const std::string said = Said(result.standard_error);
  return WithPostgresMessage(
      MakeError(absl::StatusCode::kInternal, absl::StrCat(program, " failed: ", said), {.reason = reason}),
      said);
}

absl::Status CheckTimeout(const Timeout& timeout) {
  if (absl::Now() >= timeout.deadline) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, "the task's time is up",
                     {.reason = "DEADLINE_EXCEEDED"});
  }
  return timeout.keep_going ? timeout.keep_going() : absl::OkStatus();
}

absl::StatusOr<size_t> ReadInTime(PipedProcess& process, char* buffer, size_t size,
                                  const Timeout& timeout) {
  for (;;) {
    const absl::StatusOr<size_t> got = process.Read(buffer, size, absl::Now() + kSlice);
    if (!absl::IsDeadlineExceeded(got.status())) return got;
    CROFT_RETURN_IF_ERROR(CheckTimeout(timeout));
  }
}

absl::Status WriteInTime(PipedProcess& process, absl::string_view data, const Timeout& timeout) {
  while (!data.empty()) {
    const absl::StatusOr<size_t> written =
        process.WriteSome(data.data(), data.size(), absl::Now() + kSlice);
    if (written.ok()) {
      data.remove_prefix(*written);
    } else if (absl::IsDeadlineExceeded(written.status())) {
      CROFT_RETURN_IF_ERROR(CheckTimeout(timeout));
    } else {
      return written.status();
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<CommandResult> FinishInTime(PipedProcess& process, const Timeout& timeout) {
  while (!process.AwaitEnd(absl::Now() + kSlice)) CROFT_RETURN_IF_ERROR(CheckTimeout(timeout));
  return process.Finish(absl::Now());
}

}  // namespace croft::agent
