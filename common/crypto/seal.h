#pragma once

#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

// Authenticated encryption by libsodium. Keys are kKeyBytes random bytes.
namespace croft::crypto {

inline constexpr size_t kKeyBytes = 32;

// XChaCha20-Poly1305 with a random nonce in front. `context` is bound to the result: Open needs the same.
[[nodiscard]] std::string Seal(absl::string_view key, absl::string_view plaintext,
                               absl::string_view context);
// DATA_LOSS when key or context are others or a bit was changed.
[[nodiscard]] absl::StatusOr<std::string> Open(absl::string_view key, absl::string_view sealed,
                                               absl::string_view context);

// A stream of chunks (secretstream): chunks cannot be changed, dropped, reordered or cut off at the end.
inline constexpr size_t kStreamChunkBytes = 64 * 1024;  // plaintext; the last may be shorter, or empty

class StreamSealer {
 public:
  StreamSealer(absl::string_view key, absl::string_view context);
  ~StreamSealer();
  StreamSealer(const StreamSealer&) = delete;
  StreamSealer& operator=(const StreamSealer&) = delete;

  // To be written before the first chunk.
  const std::string& header() const;
  std::string Chunk(absl::string_view plaintext, bool last);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

inline constexpr size_t kStreamHeaderBytes = 24;
inline constexpr size_t kStreamChunkOverhead = 17;

class StreamOpener {
 public:
  // `header` is kStreamHeaderBytes long.
  StreamOpener(absl::string_view key, absl::string_view context, absl::string_view header);
  ~StreamOpener();
  StreamOpener(const StreamOpener&) = delete;
  StreamOpener& operator=(const StreamOpener&) = delete;

  // One sealed chunk of at most kStreamChunkBytes + kStreamChunkOverhead. DATA_LOSS when it is not the next
  // one of this stream.
  absl::StatusOr<std::string> Chunk(absl::string_view sealed);
  // Whether the last chunk was seen; a stream that ends before that was cut.
  bool finished() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace croft::crypto
