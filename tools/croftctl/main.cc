#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "tools/croftctl/run.h"

int main(int argc, char** argv) {
  croft::ctl::World world{
      .environment = croft::ctl::Environment::OfThisProcess(),
      .in = std::cin,
      .out = std::cout,
      .err = std::cerr,
      .terminals = {isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1, isatty(STDERR_FILENO) == 1}};
  return croft::ctl::Run(std::vector<std::string>(argv + 1, argv + argc), world);
}
