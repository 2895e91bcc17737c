// Starts programs without a shell and exchanges data with them by pipes.

#include "common/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/errors.h"

namespace croft {
namespace {

constexpr size_t kMaxOutput = 1 << 20;
constexpr size_t kMaxPipedError = 64 << 10;
constexpr int kPipeBytes = 1 << 20;
constexpr const char* kInherited[] = {"PATH", "LANG", "TZ"};
// How long a wait lasts at most where the kernel gives no descriptor for a process.
constexpr absl::Duration kExitPoll = absl::Milliseconds(20);

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { Close(); }

  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

absl::Status SystemError(absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", std::strerror(errno)));
}

// Above 2, so that moving one onto 0, 1 or 2 in the child never overwrites another.
absl::StatusOr<Descriptor> AboveStandard(Descriptor fd) {
  if (fd.get() > 2) return fd;
  Descriptor moved(fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
  if (moved.get() < 0) return SystemError("cannot copy a descriptor");
  return moved;
}

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

absl::StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SystemError("cannot make a pipe");
  Descriptor read_end(ends[0]);
  Descriptor write_end(ends[1]);
  Pipe made;
  CROFT_ASSIGN_OR_RETURN(made.read_end, AboveStandard(std::move(read_end)));
  CROFT_ASSIGN_OR_RETURN(made.write_end, AboveStandard(std::move(write_end)));
  return made;
}

absl::StatusOr<Descriptor> OpenNull() {
  Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (null.get() < 0) return SystemError("cannot open /dev/null");
  return AboveStandard(std::move(null));
}

// Everything the child needs, laid out before it exists: between vfork and exec it may only make system
// calls.
struct Launch {
  char* const* arguments;
  char* const* environment;
  const char* directory;
  std::array<int, 3> standard;
  int error_pipe;
  bool change_user;
  uid_t uid;
  gid_t gid;
};

void CloseFrom(unsigned first) {
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  for (rlim_t fd = first; fd < limit.rlim_cur; ++fd) close(static_cast<int>(fd));
}

// Runs in the child, on the parent's memory. Returns the errno of what failed. The user is changed by bare
// system calls: the C library's functions would change it in every thread of the parent.
int PrepareAndExec(const Launch& launch) {
  if (setpgid(0, 0) != 0) return errno;
  for (int fd = 0; fd < 3; ++fd) {
    if (dup2(launch.standard[fd], fd) < 0) return errno;
  }
  if (launch.error_pipe != 3 && dup3(launch.error_pipe, 3, O_CLOEXEC) < 0) return errno;
  CloseFrom(4);
  if (launch.change_user) {
    if (syscall(SYS_setgroups, 0, nullptr) != 0 && errno != EPERM) return errno;
    if (syscall(SYS_setresgid, launch.gid, launch.gid, launch.gid) != 0) return errno;
    if (syscall(SYS_setresuid, launch.uid, launch.uid, launch.uid) != 0) return errno;
  }
  if (chdir(launch.directory) != 0) return errno;
  struct sigaction standard_action {};
  standard_action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &standard_action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(launch.arguments[0], launch.arguments, launch.environment);
  return errno;
}

// No other function may stand between vfork and exec, so this one is never inlined into its caller.
__attribute__((noinline)) pid_t Spawn(const Launch& launch) {
  const pid_t child = vfork();
  if (child != 0) return child;
  const int error = PrepareAndExec(launch);
  [[maybe_unused]] const ssize_t written = write(3, &error, sizeof error);
  _exit(127);
}

std::vector<std::string> EnvironmentFor(const Command& command) {
  std::map<std::string, std::string> variables;
  for (const char* name : kInherited) {
    if (const char* value = std::getenv(name)) variables[name] = value;
  }
  for (const auto& [name, value] : command.environment) variables[name] = value;
  std::vector<std::string> environment;
  for (const auto& [name, value] : variables) environment.push_back(absl::StrCat(name, "=", value));
  return environment;
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Runs the program; the descriptors become its 0, 1 and 2. Once this returns it runs, in a group of its
// own.
absl::StatusOr<pid_t> Start(const Command& command, std::array<int, 3> standard) {
  if (command.arguments.empty()) return absl::InvalidArgumentError("a command needs a program");
  const std::vector<std::string> environment = EnvironmentFor(command);
  const std::vector<char*> environment_pointers = Pointers(environment);
  const std::vector<char*> arguments = Pointers(command.arguments);
  const std::string directory = command.directory.empty() ? "/" : command.directory;
  CROFT_ASSIGN_OR_RETURN(Pipe errors, MakePipe());
  const Launch launch{.arguments = arguments.data(),
                      .environment = environment_pointers.data(),
                      .directory = directory.c_str(),
                      .standard = standard,
                      .error_pipe = errors.write_end.get(),
                      .change_user = command.uid.has_value() || command.gid.has_value(),
                      .uid = command.uid.value_or(getuid()),
                      .gid = command.gid.value_or(getgid())};
  // A handler of ours that ran in the child would run on our memory.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t child = Spawn(launch);
  const int spawn_error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) {
    errno = spawn_error;
    return SystemError("cannot start a process");
  }
  errors.write_end.Close();
  int error = 0;
  ssize_t got;
  do {
    got = read(errors.read_end.get(), &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  if (got != sizeof error) return child;
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return absl::NotFoundError(
      absl::StrCat("cannot start ", command.arguments[0], ": ", std::strerror(error)));
}

// A child that was started: its end is waited for exactly once.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid), handle_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { Kill(); }

  // Readable once the child has ended; -1 where the kernel has no such thing.
  int handle() const { return handle_.get(); }
  std::optional<int> exit_code() const { return exit_code_; }

  // Sees whether the child has ended.
  bool Ended() {
    if (!exit_code_) Wait(WNOHANG);
    return exit_code_.has_value();
  }

  // Ends the whole group; the child itself is gone afterwards. A child that ended may have left others.
  void Kill() {
    if (exit_code_) return;
    kill(-pid_, SIGKILL);
    Wait(0);
  }

 private:
  void Wait(int flags) {
    int status = 0;
    pid_t got;
    do {
      got = waitpid(pid_, &status, flags);
    } while (got < 0 && errno == EINTR);
    if (got == pid_) exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (got < 0) exit_code_ = 127;
  }

  pid_t pid_;
  Descriptor handle_;
  std::optional<int> exit_code_;
};

void SetNonBlocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

int PollTimeout(absl::Time deadline, bool exit_must_be_polled) {
  absl::Duration left = std::max(deadline - absl::Now(), absl::ZeroDuration());
  left = std::min(left, exit_must_be_polled ? kExitPoll : absl::Hours(1));
  return static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1))));
}

// The end of what comes out of a pipe.
class Tail {
 public:
  Tail(Descriptor source, size_t limit) : source_(std::move(source)), limit_(limit) {
    if (source_.get() >= 0) SetNonBlocking(source_.get());
  }

  int fd() const { return source_.get(); }
  void Close() { source_.Close(); }

  // Takes all that is there now; closes at the end of the stream.
  void Drain() {
    char buffer[16 << 10];
    while (source_.get() >= 0) {
      const ssize_t got = read(source_.get(), buffer, sizeof buffer);
      if (got > 0) {
        text_.append(buffer, static_cast<size_t>(got));
        if (text_.size() > 2 * limit_) text_.erase(0, text_.size() - limit_);
        continue;
      }
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      source_.Close();
    }
  }

  std::string Take() {
    if (text_.size() > limit_) text_.erase(0, text_.size() - limit_);
    return std::move(text_);
  }

 private:
  Descriptor source_;
  size_t limit_;
  std::string text_;
};

struct WriteOutcome {
  ssize_t written = 0;  // -1 where `error` says why
  int error = 0;
};

// A write to a closed pipe raises SIGPIPE in this thread; it is taken out of the queue here, so that no program
// that links this has to ignore the signal.
WriteOutcome WriteWithoutSignal(int fd, const char* data, size_t size) {
  sigset_t pipe_signal;
  sigset_t before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  WriteOutcome outcome;
  outcome.written = write(fd, data, size);
  outcome.error = errno;
  if (outcome.written < 0 && outcome.error == EPIPE) {
    const timespec at_once{};
    sigtimedwait(&pipe_signal, nullptr, &at_once);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return outcome;
}

absl::Status TimedOut(const std::string& program) {
  return absl::DeadlineExceededError(absl::StrCat(program, " did not end in time and was stopped"));
}

}  // namespace

absl::StatusOr<CommandResult> Run(const Command& command, absl::Time deadline) {
  CROFT_ASSIGN_OR_RETURN(const Descriptor null, OpenNull());
  CROFT_ASSIGN_OR_RETURN(Pipe out, MakePipe());
  CROFT_ASSIGN_OR_RETURN(Pipe error, MakePipe());
  CROFT_ASSIGN_OR_RETURN(const pid_t pid,
                         Start(command, {null.get(), out.write_end.get(), error.write_end.get()}));
  Child child(pid);
  out.write_end.Close();
  error.write_end.Close();
  Tail standard_out(std::move(out.read_end), kMaxOutput);
  Tail standard_error(std::move(error.read_end), kMaxOutput);
  // The program's end counts, not that of its output: a daemon it started may hold the pipes for ever.
  while (!child.Ended()) {
    if (absl::Now() >= deadline) {
      child.Kill();
      return TimedOut(command.arguments[0]);
    }
    pollfd waits[] = {
        {standard_out.fd(), POLLIN, 0}, {standard_error.fd(), POLLIN, 0}, {child.handle(), POLLIN, 0}};
    poll(waits, 3, PollTimeout(deadline, child.handle() < 0));
    standard_out.Drain();
    standard_error.Drain();
  }
  standard_out.Drain();
  standard_error.Drain();
  return CommandResult{.exit_code = *child.exit_code(),
                       .standard_out = standard_out.Take(),
                       .standard_error = standard_error.Take()};
}

struct PipedProcess::State {
  State(std::string program_path, pid_t pid, Descriptor data_end, Descriptor error_end)
      : program(std::move(program_path)),
        child(pid),
        data(std::move(data_end)),
        error(std::move(error_end), kMaxPipedError) {
    SetNonBlocking(data.get());
  }

  // Waits until the data pipe is ready for `events`, taking what comes on standard error meanwhile.
  absl::Status AwaitData(short events, absl::Time deadline) {
    for (;;) {
      pollfd waits[] = {{data.get(), events, 0}, {error.fd(), POLLIN, 0}};
      const int ready = poll(waits, 2, PollTimeout(deadline, false));
      error.Drain();
      if (ready > 0 && waits[0].revents != 0) return absl::OkStatus();
      if (absl::Now() >= deadline) {
        return absl::DeadlineExceededError(absl::StrCat(program, " neither gave nor took data in time"));
      }
    }
  }

  std::string program;
  Child child;
  Descriptor data;
  Tail error;
};

absl::StatusOr<PipedProcess> PipedProcess::Start(const Command& command, Direction direction) {
  CROFT_ASSIGN_OR_RETURN(const Descriptor null, OpenNull());
  CROFT_ASSIGN_OR_RETURN(Pipe data, MakePipe());
  CROFT_ASSIGN_OR_RETURN(Pipe error, MakePipe());
  // Where the user has no more of such memory the pipe stays as it is, and is slower.
  fcntl(data.read_end.get(), F_SETPIPE_SZ, kPipeBytes);
  const bool reads = direction == Direction::kReadOutput;
  const int in = reads ? null.get() : data.read_end.get();
  const int out = reads ? data.write_end.get() : null.get();
  CROFT_ASSIGN_OR_RETURN(const pid_t pid, croft::Start(command, {in, out, error.write_end.get()}));
  Descriptor ours = std::move(reads ? data.read_end : data.write_end);
  return PipedProcess(new State(command.arguments[0], pid, std::move(ours), std::move(error.read_end)));
}

PipedProcess::PipedProcess(State* state) : state_(state) {}
PipedProcess::PipedProcess(PipedProcess&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
PipedProcess& PipedProcess::operator=(PipedProcess&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
PipedProcess::~PipedProcess() { delete state_; }

absl::StatusOr<size_t> PipedProcess::Read(char* buffer, size_t size, absl::Time deadline) {
  for (;;) {
    const ssize_t got = read(state_->data.get(), buffer, size);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return SystemError(absl::StrCat("cannot read from ", state_->program));
    CROFT_RETURN_IF_ERROR(state_->AwaitData(POLLIN, deadline));
  }
}

absl::StatusOr<size_t> PipedProcess::WriteSome(const char* data, size_t size, absl::Time deadline) {
  for (;;) {
    const WriteOutcome outcome = WriteWithoutSignal(state_->data.get(), data, size);
    if (outcome.written >= 0) return static_cast<size_t>(outcome.written);
    if (outcome.error == EPIPE) return absl::UnavailableError(state_->program + " closed its input");
    if (outcome.error == EAGAIN) {
      CROFT_RETURN_IF_ERROR(state_->AwaitData(POLLOUT, deadline));
    } else if (outcome.error != EINTR) {
      errno = outcome.error;
      return SystemError(absl::StrCat("cannot write to ", state_->program));
    }
  }
}

absl::Status PipedProcess::Write(const char* data, size_t size, absl::Time deadline) {
  while (size > 0) {
    CROFT_ASSIGN_OR_RETURN(const size_t written, WriteSome(data, size, deadline));
    data += written;
    size -= written;
  }
  return absl::OkStatus();
}

bool PipedProcess::AwaitEnd(absl::Time until) {
  state_->data.Close();
  while (!state_->child.Ended()) {
    if (absl::Now() >= until) return false;
    pollfd waits[] = {{state_->error.fd(), POLLIN, 0}, {state_->child.handle(), POLLIN, 0}};
    poll(waits, 2, PollTimeout(until, state_->child.handle() < 0));
    state_->error.Drain();
  }
  state_->error.Drain();
  return true;
}

absl::StatusOr<CommandResult> PipedProcess::Finish(absl::Time deadline) {
  if (!AwaitEnd(deadline)) {
    state_->child.Kill();
    return TimedOut(state_->program);
  }
  return CommandResult{.exit_code = *state_->child.exit_code(), .standard_error = state_->error.Take()};
}

void PipedProcess::Kill() { state_->child.Kill(); }

}  // namespace croft
