#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "tools/croftctl/environment.h"
#include "tools/croftctl/terminal.h"

// Runs one command line.
namespace croft::ctl {

// What the program is given.
struct World {
  Environment environment;
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  Terminal::Facts terminals;
};

// Runs one command line, without the program's name; answers the exit code. Call it before making threads, for it
// takes SIGINT and SIGTERM over.
[[nodiscard]] int Run(const std::vector<std::string>& arguments, World& world);

}  // namespace croft::ctl
