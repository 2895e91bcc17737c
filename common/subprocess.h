#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

// Runs other programs without a shell.
namespace croft {

// A program to run without a shell. Nothing of this process's environment is passed on but PATH, LANG and TZ;
// no descriptor but 0, 1 and 2 is inherited. Secrets go by files or pipes, never by arguments or environment.
struct Command {
  std::vector<std::string> arguments;  // [0] is the program's path
  std::map<std::string, std::string> environment;
  std::optional<uint32_t> uid;  // run as this user (and `gid`), with no supplementary groups
  std::optional<uint32_t> gid;
  std::string directory;  // working directory; empty is "/"
};

struct CommandResult {
  int exit_code = 0;         // 128 + signal when it was killed
  std::string standard_out;  // at most 1 MiB, the end kept
  std::string standard_error;
};

// Runs to the end; kills the whole process group and answers DEADLINE_EXCEEDED at `deadline`.
// NOT_FOUND when the program cannot be started. Thread-safe; blocks.
[[nodiscard]] absl::StatusOr<CommandResult> Run(const Command& command, absl::Time deadline);

// A program whose standard output is read, or whose standard input is written, in pieces. Destroying it kills
// what still runs. One thread at a time.
class PipedProcess {
 public:
  enum class Direction { kReadOutput, kWriteInput };

  static absl::StatusOr<PipedProcess> Start(const Command& command, Direction direction);
  PipedProcess(PipedProcess&& other) noexcept;
  PipedProcess& operator=(PipedProcess&& other) noexcept;
  ~PipedProcess();

  // Up to `size` bytes; 0 at the end. DEADLINE_EXCEEDED when nothing came until `deadline`.
  absl::StatusOr<size_t> Read(char* buffer, size_t size, absl::Time deadline);
  // All of `data`, or an error; UNAVAILABLE when the program closed its input.
  absl::Status Write(const char* data, size_t size, absl::Time deadline);
  // As much of `data` as it takes now, at least one byte. DEADLINE_EXCEEDED when it took nothing until then.
  absl::StatusOr<size_t> WriteSome(const char* data, size_t size, absl::Time deadline);
  // Closes the pipe and waits; whether the program has ended by `until`. It is not killed when it has not.
  bool AwaitEnd(absl::Time until);
  // Closes the pipe, waits for the end, answers exit code and standard error (at most 64 KiB, the end kept).
  absl::StatusOr<CommandResult> Finish(absl::Time deadline);
  void Kill();

 private:
  struct State;
  explicit PipedProcess(State* state);
  State* state_;
};

}  // namespace croft
