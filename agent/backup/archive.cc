// Writes and reads the archives of backups: a dump, compressed and then encrypted, as a stream of chunks.

#include "agent/backup/archive.h"

#include <zstd.h>

#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/backup/archive_chunks.h"
#include "common/compression/zstd.h"
#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

constexpr int kCompressionLevel = 3;
// What is compressed at a time, and so most of what is held.
constexpr int kJobBytes = 4 << 20;

absl::Status CompressionError(size_t code) {
  return absl::InternalError(absl::StrCat("compression failed: ", ZSTD_getErrorName(code)));
}

}  // namespace

absl::Status ArchiveDamaged(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss,
                   absl::StrCat("the archive is not the one that was made: ", what, "; use another backup"),
                   {.reason = "ARCHIVE_DAMAGED"});
}

struct ArchiveWriter::State {
  State(ObjectWriter& object_writer, absl::string_view key, const ArchiveIdentity& identity)
      : object(object_writer),
        sealer(key, ArchiveContext(identity)),
        compressor(ZSTD_createCStream(), ZSTD_freeCStream),
        compressed(ZSTD_CStreamOutSize(), '\0') {
    ZSTD_CCtx_setParameter(compressor.get(), ZSTD_c_compressionLevel, kCompressionLevel);
    ZSTD_CCtx_setParameter(compressor.get(), ZSTD_c_checksumFlag, 1);
    // Compressing takes most of a backup's time: a thread of its own, so that reading and sealing go on beside it.
    ZSTD_CCtx_setParameter(compressor.get(), ZSTD_c_nbWorkers, 1);
    ZSTD_CCtx_setParameter(compressor.get(), ZSTD_c_jobSize, kJobBytes);
    pending.reserve(crypto::kStreamChunkBytes);
  }

  absl::Status Store(absl::string_view bytes) {
    hash.Update(bytes);
    size_bytes += static_cast<int64_t>(bytes.size());
    return object.Append(bytes);
  }

  absl::Status Begin() {
    if (std::exchange(begun, true)) return absl::OkStatus();
    CROFT_RETURN_IF_ERROR(Store(kArchiveMagic));
    return Store(sealer.header());
  }

  // Compressed bytes on their way to chunks. A full chunk waits until more comes, since the last is marked.
  absl::Status Seal(absl::string_view bytes) {
    while (!bytes.empty()) {
      if (pending.size() == crypto::kStreamChunkBytes) {
        CROFT_RETURN_IF_ERROR(Store(sealer.Chunk(pending, false)));
        pending.clear();
      }
      const size_t taken = std::min(bytes.size(), crypto::kStreamChunkBytes - pending.size());
      pending.append(bytes.data(), taken);
      bytes.remove_prefix(taken);
    }
    return absl::OkStatus();
  }

  absl::Status Compress(absl::string_view data, ZSTD_EndDirective directive) {
    ZSTD_inBuffer in{data.data(), data.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{compressed.data(), compressed.size(), 0};
      const size_t left = ZSTD_compressStream2(compressor.get(), &out, &in, directive);
      if (ZSTD_isError(left) != 0) return CompressionError(left);
      CROFT_RETURN_IF_ERROR(Seal(absl::string_view(compressed.data(), out.pos)));
      if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size) return absl::OkStatus();
    }
  }

  ObjectWriter& object;
  crypto::StreamSealer sealer;
  crypto::Sha256Stream hash;
  std::unique_ptr<ZSTD_CStream, decltype(&ZSTD_freeCStream)> compressor;
  std::string compressed;
  std::string pending;
  int64_t size_bytes = 0;
  bool begun = false;
};

ArchiveWriter::ArchiveWriter(ObjectWriter& object, absl::string_view key, const ArchiveIdentity& identity)
    : state_(std::make_unique<State>(object, key, identity)) {}
ArchiveWriter::~ArchiveWriter() = default;

absl::Status ArchiveWriter::Append(absl::string_view data) {
  CROFT_RETURN_IF_ERROR(state_->Begin());
  return state_->Compress(data, ZSTD_e_continue);
}

absl::StatusOr<ArchiveDigest> ArchiveWriter::Finish() {
  CROFT_RETURN_IF_ERROR(state_->Begin());
  CROFT_RETURN_IF_ERROR(state_->Compress({}, ZSTD_e_end));
  CROFT_RETURN_IF_ERROR(state_->Store(state_->sealer.Chunk(state_->pending, true)));
  return ArchiveDigest{.size_bytes = state_->size_bytes, .sha256 = crypto::Hex(state_->hash.Finish())};
}

absl::StatusOr<ArchiveDigest> ReadArchive(ObjectReader& object, absl::string_view key,
                                          const ArchiveIdentity& identity,
                                          const std::function<absl::Status(absl::string_view)>& sink) {
  ZstdDecompressor decompressor(sink, ArchiveDamaged);
  CROFT_ASSIGN_OR_RETURN(ArchiveDigest digest,
                         ReadArchiveChunks(object, key, identity, [&](absl::string_view compressed) {
                           return decompressor.Add(compressed);
                         }));
  if (!decompressor.whole()) return ArchiveDamaged("the dump in it has no end");
  return digest;
}

absl::StatusOr<ArchiveDigest> CheckArchive(ObjectReader& object, absl::string_view key,
                                           const ArchiveIdentity& identity,
                                           const std::function<absl::Status()>& keep_going) {
  return ReadArchiveChunks(object, key, identity, [&](absl::string_view) { return keep_going(); });
}

}  // namespace croft::agent
