// Opens the chunks of an archive.

#include "agent/backup/archive_chunks.h"

#include <absl/strings/str_cat.h>

#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

constexpr size_t kSealedChunkBytes = crypto::kStreamChunkBytes + crypto::kStreamChunkOverhead;

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

std::string ArchiveContext(const ArchiveIdentity& identity) {
  return absl::StrCat("croft-archive/", identity.uid, "/", identity.generation, "/", identity.backup);
}

absl::StatusOr<ArchiveDigest> ReadArchiveChunks(
    ObjectReader& object, absl::string_view key, const ArchiveIdentity& identity,
    const std::function<absl::Status(absl::string_view)>& take) {
  std::string header(kArchiveMagic.size() + crypto::kStreamHeaderBytes, '\0');
  CROFT_ASSIGN_OR_RETURN(const size_t header_size, ReadFully(object, header.data(), header.size()));
  if (header_size != header.size() ||
      header.compare(0, kArchiveMagic.size(), kArchiveMagic.data(), kArchiveMagic.size()) != 0) {
    return ArchiveDamaged("it does not begin as one");
  }
  crypto::Sha256Stream hash;
  hash.Update(header);
  int64_t size_bytes = static_cast<int64_t>(header.size());
  crypto::StreamOpener opener(key, ArchiveContext(identity),
                              absl::string_view(header).substr(kArchiveMagic.size()));
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

}  // namespace croft::agent
