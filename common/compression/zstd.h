#pragma once

#include <functional>
#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

// Compression by zstd.
namespace croft {

// One frame. Frames that follow each other decompress to what they hold, one after the other.
[[nodiscard]] absl::StatusOr<std::string> CompressZstd(absl::string_view plain);

// Decompresses frames that come in pieces, in constant memory. One thread at a time.
class ZstdDecompressor {
 public:
  using Sink = std::function<absl::Status(absl::string_view)>;
  // The error for what is no such frames, or asks for a window of more than 8 MiB.
  using Damaged = std::function<absl::Status(absl::string_view what)>;

  ZstdDecompressor(Sink sink, Damaged damaged);
  ~ZstdDecompressor();
  ZstdDecompressor(const ZstdDecompressor&) = delete;
  ZstdDecompressor& operator=(const ZstdDecompressor&) = delete;

  // The first error of `sink` is the answer.
  absl::Status Add(absl::string_view compressed);
  // Whether the end of the last frame was seen.
  bool whole() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace croft
