// Encrypts and authenticates texts and streams.

#include "common/crypto/seal.h"

#include <sodium.h>

#include <cstdlib>

#include "common/errors.h"

namespace croft::crypto {
namespace {

static_assert(kKeyBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(kKeyBytes == crypto_secretstream_xchacha20poly1305_KEYBYTES);
static_assert(kStreamHeaderBytes == crypto_secretstream_xchacha20poly1305_HEADERBYTES);
static_assert(kStreamChunkOverhead == crypto_secretstream_xchacha20poly1305_ABYTES);

constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;

// A caller that breaks a promise of the header, such as a key of the wrong length, would make data nobody
// can read or nobody needs a key for.
void Require(bool ok) {
  if (!ok) std::abort();
}

void StartSodium() {
  static const bool started = sodium_init() >= 0;  // picks the random source and the fastest code, once
  Require(started);
}

const unsigned char* In(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* Out(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

absl::Status Damaged(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, what, {.reason = "SEAL_BROKEN"});
}

}  // namespace

std::string Seal(absl::string_view key, absl::string_view plaintext, absl::string_view context) {
  StartSodium();
  Require(key.size() == kKeyBytes);
  std::string sealed(kNonceBytes + plaintext.size() + kTagBytes, '\0');
  randombytes_buf(sealed.data(), kNonceBytes);
  Require(crypto_aead_xchacha20poly1305_ietf_encrypt(Out(sealed) + kNonceBytes, nullptr, In(plaintext),
                                                     plaintext.size(), In(context), context.size(), nullptr,
                                                     Out(sealed), In(key)) == 0);
  return sealed;
}

absl::StatusOr<std::string> Open(absl::string_view key, absl::string_view sealed,
                                 absl::string_view context) {
  StartSodium();
  Require(key.size() == kKeyBytes);
  if (sealed.size() < kNonceBytes + kTagBytes) return Damaged("sealed data is too short; it was cut");
  const absl::string_view nonce = sealed.substr(0, kNonceBytes);
  const absl::string_view box = sealed.substr(kNonceBytes);
  std::string plaintext(box.size() - kTagBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(Out(plaintext), nullptr, nullptr, In(box), box.size(),
                                                 In(context), context.size(), In(nonce), In(key)) != 0) {
    return Damaged("sealed data does not open: it was changed, or belongs to another key or resource");
  }
  return plaintext;
}

struct StreamSealer::State {
  crypto_secretstream_xchacha20poly1305_state stream;
  std::string context;
  std::string header = std::string(kStreamHeaderBytes, '\0');
  bool finished = false;

  ~State() { sodium_memzero(&stream, sizeof(stream)); }
};

StreamSealer::StreamSealer(absl::string_view key, absl::string_view context)
    : state_(std::make_unique<State>()) {
  StartSodium();
  Require(key.size() == kKeyBytes);
  state_->context = std::string(context);
  Require(crypto_secretstream_xchacha20poly1305_init_push(&state_->stream, Out(state_->header), In(key)) ==
          0);
}

StreamSealer::~StreamSealer() = default;

const std::string& StreamSealer::header() const { return state_->header; }

std::string StreamSealer::Chunk(absl::string_view plaintext, bool last) {
  Require(!state_->finished && plaintext.size() <= kStreamChunkBytes);
  state_->finished = last;
  std::string sealed(plaintext.size() + kStreamChunkOverhead, '\0');
  const unsigned char tag = last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                                 : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
  Require(crypto_secretstream_xchacha20poly1305_push(&state_->stream, Out(sealed), nullptr, In(plaintext),
                                                     plaintext.size(), In(state_->context),
                                                     state_->context.size(), tag) == 0);
  return sealed;
}

struct StreamOpener::State {
  crypto_secretstream_xchacha20poly1305_state stream;
  std::string context;
  enum { kOpen, kFinished, kBroken } progress = kOpen;

  ~State() { sodium_memzero(&stream, sizeof(stream)); }
};

StreamOpener::StreamOpener(absl::string_view key, absl::string_view context, absl::string_view header)
    : state_(std::make_unique<State>()) {
  StartSodium();
  Require(key.size() == kKeyBytes);
  state_->context = std::string(context);
  // The header comes from a file, so its length is not trusted: every chunk of such a stream is refused.
  if (header.size() != kStreamHeaderBytes ||
      crypto_secretstream_xchacha20poly1305_init_pull(&state_->stream, In(header), In(key)) != 0) {
    state_->progress = State::kBroken;
  }
}

StreamOpener::~StreamOpener() = default;

absl::StatusOr<std::string> StreamOpener::Chunk(absl::string_view sealed) {
  if (state_->progress == State::kFinished) {
    state_->progress = State::kBroken;
    return Damaged("data follows the end of the sealed stream");
  }
  unsigned char tag = 0;
  std::string plaintext(sealed.size() < kStreamChunkOverhead ? 0 : sealed.size() - kStreamChunkOverhead,
                        '\0');
  if (state_->progress == State::kBroken || sealed.size() < kStreamChunkOverhead ||
      sealed.size() > kStreamChunkBytes + kStreamChunkOverhead ||
      crypto_secretstream_xchacha20poly1305_pull(&state_->stream, Out(plaintext), nullptr, &tag, In(sealed),
                                                 sealed.size(), In(state_->context),
                                                 state_->context.size()) != 0) {
    state_->progress = State::kBroken;
    return Damaged("the sealed stream was changed or cut, or belongs to another key or resource");
  }
  if (tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL) state_->progress = State::kFinished;
  return plaintext;
}

bool StreamOpener::finished() const { return state_->progress == State::kFinished; }

}  // namespace croft::crypto
