// Gives the archive of a backup away, after it was compared with its manifest.

#include "agent/backup/export.h"

#include <memory>

#include "agent/backup/archive_chunks.h"
#include "common/crypto/hash.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

// What was read is what the manifest describes; an error of the reading stays.
absl::Status CheckRead(const absl::StatusOr<ArchiveDigest>& digest, const Manifest& manifest) {
  CROFT_RETURN_IF_ERROR(digest.status());
  return *digest == manifest.archive ? absl::OkStatus() : ArchiveDamaged("its digest is another");
}

absl::StatusOr<PlainDump> Measure(Store& store, const BackupToRead& backup, const Manifest& manifest,
                                  const ExportSink& sink) {
  CROFT_ASSIGN_OR_RETURN(const auto object,
                         store.Get(ArchiveObject(manifest.identity.uid, manifest.identity.backup)));
  PlainDump dump;
  crypto::Sha256Stream hash;
  const auto add = [&](absl::string_view bytes) -> absl::Status {
    CROFT_RETURN_IF_ERROR(sink.keep_going());
    hash.Update(bytes);
    dump.size_bytes += static_cast<int64_t>(bytes.size());
    return absl::OkStatus();
  };
  CROFT_RETURN_IF_ERROR(CheckRead(ReadArchive(*object, backup.key, backup.identity, add), manifest));
  dump.sha256 = crypto::Hex(hash.Finish());
  return dump;
}

}  // namespace

absl::Status ExportArchive(Store& store, const BackupToRead& backup, const ExportSink& sink) {
  CROFT_ASSIGN_OR_RETURN(const Manifest manifest, OpenBackup(store, backup));
  CROFT_ASSIGN_OR_RETURN(const PlainDump dump, Measure(store, backup, manifest, sink));
  CROFT_RETURN_IF_ERROR(sink.describe(manifest, dump));
  CROFT_ASSIGN_OR_RETURN(const auto object,
                         store.Get(ArchiveObject(manifest.identity.uid, manifest.identity.backup)));
  const auto take = [&](absl::string_view bytes) -> absl::Status {
    CROFT_RETURN_IF_ERROR(sink.keep_going());
    return sink.take(bytes);
  };
  return CheckRead(ReadArchiveChunks(*object, backup.key, backup.identity, take), manifest);
}

}  // namespace croft::agent
