#include <stdlib.h>
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "tools/croftctl/run.h"

int main(int argc, char** argv) {
  // gRPC writes to standard error on its own; what it has to say is in the errors.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  croft::ctl::World world{
      .environment = croft::ctl::Environment::OfThisProcess(),
      .in = std::cin,
      .out = std::cout,
      .err = std::cerr,
      .terminals = {isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1, isatty(STDERR_FILENO) == 1}};
  return croft::ctl::Run(std::vector<std::string>(argv + 1, argv + argc), world);
}
