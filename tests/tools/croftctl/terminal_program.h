#pragma once

#include <string>

#include <sys/types.h>

#include "common/subprocess.h"

namespace croft::ctl {

// A program on a terminal of its own.
class TerminalProgram {
 public:
  // The terminal is `columns` wide.
  explicit TerminalProgram(const Command& command, int columns = 200);
  // Kills what still runs.
  ~TerminalProgram();
  TerminalProgram(const TerminalProgram&) = delete;
  TerminalProgram& operator=(const TerminalProgram&) = delete;

  void Type(const std::string& text);
  void Signal(int signal);
  // Reads until the screen has shown `text`; false when the program ends, or half a minute passes, before that.
  bool ShowsEventually(const std::string& text);

  struct Ended {
    int exit_code = 0;  // 128 + signal when it was killed
    std::string screen;
  };
  Ended Finish();

 private:
  // False at the end of what the program writes, or when nothing came for half a minute.
  bool ReadMore();

  pid_t pid_ = 0;
  int terminal_ = -1;
  std::string screen_;
};

}  // namespace croft::ctl
