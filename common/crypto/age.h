#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

// Files encrypted to a passphrase, in the format of age (age-encryption.org/v1): scrypt makes a key of the passphrase, and
// ChaCha20-Poly1305 encrypts in chunks that cannot be changed, dropped, reordered or cut off. `age -d` opens them.
namespace croft::crypto {

inline constexpr size_t kAgeChunkBytes = 64 * 1024;  // plaintext; only the last is shorter

// Encrypts one file. One thread at a time.
class AgeSealer {
 public:
  // 2 to this is how much scrypt works: for one try, as much memory in KiB.
  static constexpr int kWorkFactor = 18;

  // Takes about a second. RESOURCE_EXHAUSTED where there is too little memory. A lower `work_factor` is for tests.
  static absl::StatusOr<std::unique_ptr<AgeSealer>> New(absl::string_view passphrase,
                                                        int work_factor = kWorkFactor);
  ~AgeSealer();
  AgeSealer(const AgeSealer&) = delete;
  AgeSealer& operator=(const AgeSealer&) = delete;

  // To be written before the first chunk.
  const std::string& header() const;
  // Each but the last has kAgeChunkBytes; the last is empty only where there is no other.
  std::string Chunk(absl::string_view plaintext, bool last);

 private:
  struct State;
  explicit AgeSealer(std::unique_ptr<State> state);

  const std::unique_ptr<State> state_;
};

inline constexpr absl::string_view kAgeIntro = "age-encryption.org/v1\n";
inline constexpr size_t kAgeSealedChunkBytes = kAgeChunkBytes + 16;

// How long the header is of the file that begins so, up to its first chunk; nullopt: it goes on behind this. DATA_LOSS for
// what is no such header.
[[nodiscard]] absl::StatusOr<std::optional<size_t>> AgeHeaderBytes(absl::string_view begun);

// Decrypts one file. One thread at a time.
class AgeOpener {
 public:
  // The most work that a header may ask for.
  static constexpr int kMostWork = 22;

  // `header` is all of it. DATA_LOSS where it is not as the format says or was altered; INVALID_ARGUMENT where the passphrase is
  // another one, or the file is not encrypted to a passphrase; RESOURCE_EXHAUSTED where there is too little memory.
  static absl::StatusOr<std::unique_ptr<AgeOpener>> New(absl::string_view header,
                                                        absl::string_view passphrase);
  ~AgeOpener();
  AgeOpener(const AgeOpener&) = delete;
  AgeOpener& operator=(const AgeOpener&) = delete;

  // Each but the last has kAgeSealedChunkBytes. DATA_LOSS where it is another chunk than the one that was there.
  absl::StatusOr<std::string> Chunk(absl::string_view sealed, bool last);

 private:
  struct State;
  explicit AgeOpener(std::unique_ptr<State> state);

  const std::unique_ptr<State> state_;
};

}  // namespace croft::crypto
