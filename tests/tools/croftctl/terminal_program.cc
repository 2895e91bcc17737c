#include "tests/tools/croftctl/terminal_program.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <unistd.h>

#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>

namespace croft::ctl {
namespace {

constexpr int kTimeoutMilliseconds = 30000;

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

TerminalProgram::TerminalProgram(const Command& command, int columns) {
  int program_side = -1;
  winsize size{};
  size.ws_row = 50;
  size.ws_col = static_cast<unsigned short>(columns);
  if (openpty(&terminal_, &program_side, nullptr, nullptr, &size) != 0) abort();
  fcntl(terminal_, F_SETFD, FD_CLOEXEC);
  std::vector<std::string> arguments = command.arguments;
  std::vector<std::string> environment = {"TERM=xterm"};
  for (const auto& [name, value] : command.environment) environment.push_back(name + "=" + value);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_adddup2(&actions, program_side, fd);
  }
  posix_spawn_file_actions_addclose(&actions, program_side);
  const int error = posix_spawn(&pid_, arguments[0].c_str(), &actions, nullptr, Pointers(arguments).data(),
                                Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  close(program_side);
  if (error != 0) abort();
}

TerminalProgram::~TerminalProgram() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(terminal_);
}

void TerminalProgram::Type(const std::string& text) {
  EXPECT_EQ(write(terminal_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

void TerminalProgram::Signal(int signal) { kill(pid_, signal); }

bool TerminalProgram::ReadMore() {
  pollfd ready = {terminal_, POLLIN, 0};
  if (poll(&ready, 1, kTimeoutMilliseconds) <= 0) return false;
  char buffer[4096];
  const ssize_t size = read(terminal_, buffer, sizeof buffer);
  if (size <= 0) return false;
  screen_.append(buffer, static_cast<size_t>(size));
  return true;
}

bool TerminalProgram::ShowsEventually(const std::string& text) {
  while (screen_.find(text) == std::string::npos) {
    if (!ReadMore()) return false;
  }
  return true;
}

TerminalProgram::Ended TerminalProgram::Finish() {
  while (ReadMore()) {
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = 0;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), screen_};
}

}  // namespace croft::ctl
