#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/postgres/access.h"
#include "agent/postgres/timeout.h"
#include "common/random.h"
#include "common/subprocess.h"

// Running PostgreSQL's client programs as one login of one database, with no secret in an argument or in the
// environment.
namespace croft::agent {

// Who runs a program, and where its private files may lie.
struct ProgramPlace {
  std::optional<uint32_t> uid;  // nothing: this process's user
  std::optional<uint32_t> gid;
  // Made where it is missing; only this process can list it.
  std::string scratch_directory;
  // Begins the names of files there, so that those of a task that was cut can be found. Letters and digits.
  std::string scratch_prefix;
};

// A file that only the program's user can read. Removed with the object.
class PrivateFile {
 public:
  // With a name that is not guessed.
  static absl::StatusOr<PrivateFile> Make(const ProgramPlace& place, absl::string_view content,
                                          Random& random);
  PrivateFile(PrivateFile&& other) noexcept;
  PrivateFile& operator=(PrivateFile&& other) noexcept;
  ~PrivateFile();
  const std::string& path() const { return path_; }
  // What the program has written there.
  absl::StatusOr<std::string> Read() const;

 private:
  explicit PrivateFile(std::string path);
  std::string path_;
};

// Files that earlier tasks of the same prefix left behind when they were cut.
void RemoveAbandonedFiles(const ProgramPlace& place);

// `conninfo` has dbname, user and password. `password_file` keeps the password for as long as the program runs.
struct ProgramCall {
  Command command;
  PrivateFile password_file;
};
[[nodiscard]] absl::StatusOr<ProgramCall> PrepareProgram(const std::string& path,
                                                         std::vector<std::string> arguments,
                                                         const Conninfo& conninfo,
                                                         const ProgramPlace& place, Random& random);

// As PrepareProgram's, for a program that connects to nothing.
[[nodiscard]] Command LocalProgram(const std::string& path, std::vector<std::string> arguments,
                                   const ProgramPlace& place);

// OK when it ended well; else INTERNAL with `reason` and what the program said, at most 4 KB. A tenant can have written
// any of it, so nothing is read out of it: what failed, and whether the server is out, is found by other means.
[[nodiscard]] absl::Status CheckEnd(absl::string_view program, const CommandResult& result,
                                    const std::string& reason);

// Whether there is time left and nobody wants it to stop.
[[nodiscard]] absl::Status CheckTimeout(const Timeout& timeout);

// Calls that wait on a program for a moment at a time, asking `timeout` in between.
[[nodiscard]] absl::StatusOr<size_t> ReadInTime(PipedProcess& process, char* buffer, size_t size,
                                                const Timeout& timeout);
[[nodiscard]] absl::Status WriteInTime(PipedProcess& process, absl::string_view data,
                                       const Timeout& timeout);
[[nodiscard]] absl::StatusOr<CommandResult> FinishInTime(PipedProcess& process, const Timeout& timeout);

}  // namespace croft::agent
