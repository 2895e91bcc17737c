#pragma once

#include <cstddef>
#include <string>

// Random bytes, from the kernel or from a test.
namespace croft {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  // `count` bytes fit for keys.
  virtual std::string Bytes(size_t count) = 0;
};

// The kernel's generator. An entropy failure stops the process.
class SystemRandom final : public Random {
 public:
  std::string Bytes(size_t count) override;
};

}  // namespace croft
