#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "agent/store/store.h"

namespace croft::agent {

// Objects in a string, for what reads and writes them.
class MemoryWriter final : public ObjectWriter {
 public:
  absl::Status Append(absl::string_view data) override {
    bytes.append(data.data(), data.size());
    return absl::OkStatus();
  }
  absl::Status Commit() override { return absl::OkStatus(); }

  std::string bytes;
};

class MemoryReader final : public ObjectReader {
 public:
  explicit MemoryReader(std::string bytes) : bytes_(std::move(bytes)) {}
  int64_t size_bytes() const override { return static_cast<int64_t>(bytes_.size()); }
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    // In odd pieces, as a network would.
    const size_t got = std::min({size, bytes_.size() - at_, size_t{10'007}});
    std::copy_n(bytes_.data() + at_, got, buffer);
    at_ += got;
    return got;
  }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

}  // namespace croft::agent
