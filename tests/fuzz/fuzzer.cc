// libFuzzer's way in. Which target it drives is said by the environment, so that all of them are one program.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "tests/fuzz/targets.h"

namespace {

const croft::fuzz::Target& Chosen() {
  const char* name = std::getenv("CROFT_FUZZ_TARGET");
  for (const croft::fuzz::Target& target : croft::fuzz::Targets()) {
    if (name != nullptr && target.name == name) return target;
  }
  std::cerr << "CROFT_FUZZ_TARGET must be one of:";
  for (const croft::fuzz::Target& target : croft::fuzz::Targets()) std::cerr << " " << target.name;
  std::cerr << "\n";
  std::exit(2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const croft::fuzz::Target& target = Chosen();
  target.run(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
