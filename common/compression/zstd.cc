// Compresses and decompresses by zstd.

#include "common/compression/zstd.h"

#include <zstd.h>

#include <utility>

#include <absl/strings/str_cat.h>

namespace croft {
namespace {

constexpr int kLevel = 3;
constexpr int kMaxWindowLog = 23;

}  // namespace

absl::StatusOr<std::string> CompressZstd(absl::string_view plain) {
  std::string frame(ZSTD_compressBound(plain.size()), '\0');
  const size_t size = ZSTD_compress(frame.data(), frame.size(), plain.data(), plain.size(), kLevel);
  if (ZSTD_isError(size) != 0)
    return absl::InternalError(absl::StrCat("compression failed: ", ZSTD_getErrorName(size)));
  frame.resize(size);
  return frame;
}

struct ZstdDecompressor::State {
  State(Sink to, Damaged error)
      : sink(std::move(to)),
        damaged(std::move(error)),
        stream(ZSTD_createDStream(), ZSTD_freeDStream),
        plain(ZSTD_DStreamOutSize(), '\0') {
    ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
  }

  const Sink sink;
  const Damaged damaged;
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream;
  std::string plain;
  bool whole = false;
};

ZstdDecompressor::ZstdDecompressor(Sink sink, Damaged damaged)
    : state_(std::make_unique<State>(std::move(sink), std::move(damaged))) {}
ZstdDecompressor::~ZstdDecompressor() = default;

absl::Status ZstdDecompressor::Add(absl::string_view compressed) {
  ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
  bool full = false;
  while (in.pos < in.size || full) {
    ZSTD_outBuffer out{state_->plain.data(), state_->plain.size(), 0};
    const size_t left = ZSTD_decompressStream(state_->stream.get(), &out, &in);
    if (ZSTD_isError(left) != 0) return state_->damaged(ZSTD_getErrorName(left));
    state_->whole = left == 0;
    full = out.pos == out.size;
    if (out.pos == 0) continue;
    if (absl::Status status = state_->sink(absl::string_view(state_->plain.data(), out.pos)); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

bool ZstdDecompressor::whole() const { return state_->whole; }

}  // namespace croft
