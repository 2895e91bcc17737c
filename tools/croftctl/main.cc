// The program croftctl.

#include <stdlib.h>
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include <sys/ioctl.h>

#include "tools/croftctl/run.h"

namespace {

// Columns of the terminal; 0 where it is none, or does not say.
size_t WidthOf(int terminal) {
  winsize size{};
  return isatty(terminal) == 1 && ioctl(terminal, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

}  // namespace

int main(int argc, char** argv) {
  // gRPC writes to standard error on its own; what it has to say is in the errors.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  croft::ctl::World world{
      .environment = croft::ctl::Environment::OfThisProcess(),
      .in = std::cin,
      .out = std::cout,
      .err = std::cerr,
      .terminals = {isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1, isatty(STDERR_FILENO) == 1,
                    WidthOf(STDOUT_FILENO), WidthOf(STDERR_FILENO)}};
  return croft::ctl::Run(std::vector<std::string>(argv + 1, argv + argc), world);
}
