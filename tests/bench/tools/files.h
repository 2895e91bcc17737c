#pragma once

#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

namespace croft::bench {

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::cerr << "cannot read " << path << "\n";
    std::exit(2);
  }
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace croft::bench
