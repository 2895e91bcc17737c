// Runs each target over the files of its folder in a corpus: what once broke something never does again. Then over
// as many inputs made from them by chance, always the same ones, as a poor man's fuzzer that needs no Clang.
//
//   fuzz_replay CORPUS [MUTATIONS]

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/targets.h"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> FilesIn(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string Contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// One to eight edits: a byte changed, put in or taken out, or a piece of another input put in.
std::string Mutated(std::string bytes, const std::string& other, std::mt19937& random) {
  for (unsigned edits = 1 + random() % 8; edits > 0; --edits) {
    const size_t at = bytes.empty() ? 0 : random() % bytes.size();
    switch (random() % 4) {
      case 0: bytes.insert(at, 1, static_cast<char>(random())); break;
      case 1: bytes.erase(at, random() % 9); break;
      case 2: {
        const size_t from = other.empty() ? 0 : random() % other.size();
        bytes.insert(at, other.substr(from, random() % 64));
        break;
      }
      default:
        if (!bytes.empty()) bytes[at] = static_cast<char>(random());
    }
  }
  return bytes;
}

void Mutate(const croft::fuzz::Target& target, const std::vector<std::string>& inputs, int mutations) {
  std::mt19937 random(1);
  for (int i = 0; i < mutations; ++i) {
    const std::string& base = inputs[random() % inputs.size()];
    target.run(Mutated(base, inputs[random() % inputs.size()], random));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::cerr << "usage: fuzz_replay CORPUS [MUTATIONS]\n";
    return 2;
  }
  const int mutations = argc == 3 ? std::atoi(argv[2]) : 0;
  bool complete = true;
  for (const croft::fuzz::Target& target : croft::fuzz::Targets()) {
    const std::vector<fs::path> files = FilesIn(fs::path(argv[1]) / std::string(target.name));
    std::cout << target.name << ": " << files.size() << " files\n";
    std::vector<std::string> inputs;
    for (const fs::path& file : files) {
      std::cout << "  " << file.filename().string() << std::endl;  // seen even when it ends the process
      target.run(inputs.emplace_back(Contents(file)));
    }
    if (inputs.empty()) {
      std::cerr << "there is nothing for " << target.name << " in " << argv[1] << "\n";
      complete = false;
      continue;
    }
    Mutate(target, inputs, mutations / target.cost);
  }
  return complete ? 0 : 1;
}
