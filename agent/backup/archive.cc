// Writes and reads the archives of backups: a dump, compressed and then encrypted, as a stream of chunks.

#include "agent/backup/archive.h"

#include <zstd.h>

#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

// What a file of this kind, and of this version, begins with.
constexpr absl::string_view kMagic = "croft-archive 1\n";
constexpr int kCompressionLevel = 3;
// What is compressed at a time, and so most of what is held.
constexpr int kJobBytes = 4 << 20;
// Larger windows than the writer's are refused, so that a reader's memory is bounded too.
constexpr int kMaxWindowLog = 23;
constexpr size_t kSealedChunkBytes = crypto::kStreamChunkBytes + crypto::kStreamChunkOverhead;

std::string ContextOf(const ArchiveIdentity& identity) {
  return absl::StrCat("croft-archive/", identity.uid, "/", identity.generation, "/", identity.backup);
}

absl::Status CompressionError(size_t code) {
  return absl::InternalError(absl::StrCat("compression failed: ", ZSTD_getErrorName(code)));
}

// Fills `buffer` unless the object ends before.
absl::StatusOr<size_t> ReadFully(ObjectReader& object, char* buffer, size_t size) {
  size_t filled = 0;
  while (filled < size) {
    CROFT_ASSIGN_OR_RETURN(const size_t got, object.Read(buffer + filled, size - filled));
    if (got == 0) break;
    filled += got;
  }
  return filled;
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
        sealer(key, ContextOf(identity)),
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
    CROFT_RETURN_IF_ERROR(Store(kMagic));
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

namespace {

// What comes out of the chunks, made whole again.
class Decompressor {
 public:
  explicit Decompressor(const std::function<absl::Status(absl::string_view)>& sink)
      : sink_(sink), stream_(ZSTD_createDStream(), ZSTD_freeDStream), plain_(ZSTD_DStreamOutSize(), '\0') {
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
  }

  absl::Status Add(absl::string_view compressed) {
    ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
    bool full = false;
    while (in.pos < in.size || full) {
      ZSTD_outBuffer out{plain_.data(), plain_.size(), 0};
      const size_t left = ZSTD_decompressStream(stream_.get(), &out, &in);
      if (ZSTD_isError(left) != 0) return ArchiveDamaged(ZSTD_getErrorName(left));
      whole_ = left == 0;
      full = out.pos == out.size;
      if (out.pos > 0) CROFT_RETURN_IF_ERROR(sink_(absl::string_view(plain_.data(), out.pos)));
    }
    return absl::OkStatus();
  }

  // Whether the end of what was compressed was seen.
  bool whole() const { return whole_; }

 private:
  const std::function<absl::Status(absl::string_view)>& sink_;
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
  std::string plain_;
  bool whole_ = false;
};

// Opens chunk after chunk, up to the last.
absl::StatusOr<ArchiveDigest> OpenChunks(ObjectReader& object, absl::string_view key,
                                         const ArchiveIdentity& identity,
                                         const std::function<absl::Status(absl::string_view)>& take) {
  std::string header(kMagic.size() + crypto::kStreamHeaderBytes, '\0');
  CROFT_ASSIGN_OR_RETURN(const size_t header_size, ReadFully(object, header.data(), header.size()));
  if (header_size != header.size() || header.compare(0, kMagic.size(), kMagic.data(), kMagic.size()) != 0) {
    return ArchiveDamaged("it does not begin as one");
  }
  crypto::Sha256Stream hash;
  hash.Update(header);
  int64_t size_bytes = static_cast<int64_t>(header.size());
  crypto::StreamOpener opener(key, ContextOf(identity), absl::string_view(header).substr(kMagic.size()));
  std::string sealed(kSealedChunkBytes, '\0');
  while (!opener.finished()) {
    CROFT_ASSIGN_OR_RETURN(const size_t got, ReadFully(object, sealed.data(), sealed.size()));
    if (got == 0) return ArchiveDamaged("its end is missing");
    const absl::string_view chunk(sealed.data(), got);
    hash.Update(chunk);
    size_bytes += static_cast<int64_t>(got);
    const absl::StatusOr<std::string> opened = opener.Chunk(chunk);
    if (!opened.ok()) return ArchiveDamaged("it was changed, cut, or belongs to another backup");
    CROFT_RETURN_IF_ERROR(take(*opened));
  }
  char more = 0;
  CROFT_ASSIGN_OR_RETURN(const size_t beyond, object.Read(&more, 1));
  if (beyond != 0) return ArchiveDamaged("something was added to its end");
  return ArchiveDigest{.size_bytes = size_bytes, .sha256 = crypto::Hex(hash.Finish())};
}

}  // namespace

absl::StatusOr<ArchiveDigest> ReadArchive(ObjectReader& object, absl::string_view key,
                                          const ArchiveIdentity& identity,
                                          const std::function<absl::Status(absl::string_view)>& sink) {
  Decompressor decompressor(sink);
  CROFT_ASSIGN_OR_RETURN(ArchiveDigest digest,
                         OpenChunks(object, key, identity, [&](absl::string_view compressed) {
                           return decompressor.Add(compressed);
                         }));
  if (!decompressor.whole()) return ArchiveDamaged("the dump in it has no end");
  return digest;
}

absl::StatusOr<ArchiveDigest> CheckArchive(ObjectReader& object, absl::string_view key,
                                           const ArchiveIdentity& identity) {
  return OpenChunks(object, key, identity, [](absl::string_view) { return absl::OkStatus(); });
}

}  // namespace croft::agent
