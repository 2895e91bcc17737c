// Copy backup: what lies of a backup in one store, byte by byte, in another.
//
// Why this order: the wrapped data key first, since an archive without it is nothing; the manifest last, since a backup
// without its manifest does not exist. The digest that was recorded when the archive was made is compared twice: with
// what is read, so that damage is not spread, and with what then lies in the other store. No key is needed.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "agent/backup/manifest.h"
#include "agent/tasks/backup_job.h"
#include "common/crypto/hash.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {
namespace {

constexpr size_t kChunkBytes = 1 << 20;

struct Digested {
  std::string sha256;  // hexadecimal
  int64_t size_bytes = 0;
};

// Reads the object to its end; `writer`, where there is one, gets all of it.
absl::StatusOr<Digested> ReadThrough(const BackupJob& job, ObjectReader& reader, ObjectWriter* writer) {
  crypto::Sha256Stream digest;
  Digested read;
  std::vector<char> chunk(kChunkBytes);
  for (;;) {
    CROFT_RETURN_IF_ERROR(job.context().KeepGoing());
    CROFT_ASSIGN_OR_RETURN(const size_t got, reader.Read(chunk.data(), chunk.size()));
    if (got == 0) break;
    const absl::string_view data(chunk.data(), got);
    digest.Update(data);
    read.size_bytes += static_cast<int64_t>(got);
    if (writer != nullptr) CROFT_RETURN_IF_ERROR(writer->Append(data));
  }
  read.sha256 = crypto::Hex(digest.Finish());
  return read;
}

// What is not there, or is not what was written, is a verdict on the archive in that store, and no retry helps.
absl::Status Damaged(absl::string_view backup, absl::string_view store, absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss,
                   absl::StrCat("backup ", backup, " in store ", store, ": ", what),
                   {.reason = "COPY_DAMAGED",
                    .metadata = {{"backup", std::string(backup)}, {"store", std::string(store)}}});
}

// Whether the object holds what `sha256` says.
absl::StatusOr<Digested> DigestIn(const BackupJob& job, Store& store, const std::string& object) {
  CROFT_ASSIGN_OR_RETURN(const auto reader, store.Get(object));
  return ReadThrough(job, *reader, nullptr);
}

absl::StatusOr<int64_t> CopyArchive(const BackupJob& job, const CopyBackupWork& work, Store& from,
                                    Store& to) {
  const std::string object = ArchiveObject(job.tenant().uid, work.backup);
  CROFT_ASSIGN_OR_RETURN(const auto reader, from.Get(object));
  CROFT_ASSIGN_OR_RETURN(const auto writer, to.Put(object, reader->size_bytes()));
  CROFT_ASSIGN_OR_RETURN(const Digested read, ReadThrough(job, *reader, writer.get()));
  if (read.sha256 != work.sha256)
    return Damaged(work.backup, from.id(), "what lies there is not what was backed up; it is not copied");
  CROFT_RETURN_IF_ERROR(writer->Commit());
  job.context().Report("copied; comparing what lies there now");
  CROFT_ASSIGN_OR_RETURN(const Digested written, DigestIn(job, to, object));
  if (written.sha256 != work.sha256)
    return Damaged(work.backup, to.id(), "what is read there is not what was written");
  return written.size_bytes;
}

// Whether an attempt before this one, whose report was lost, has come to the end.
bool IsFinished(const BackupJob& job, const CopyBackupWork& work, Store& to, const std::string& manifest) {
  const absl::StatusOr<std::string> there =
      ReadObject(to, ManifestObject(job.tenant().uid, work.backup), kMaxManifestBytes);
  if (!there.ok() || *there != manifest) return false;
  const absl::StatusOr<Digested> archive = DigestIn(job, to, ArchiveObject(job.tenant().uid, work.backup));
  return archive.ok() && archive->sha256 == work.sha256;
}

absl::Status CheckDigest(const CopyBackupWork& work) {
  return work.sha256.empty() ? InvalidField("copy_backup.sha256", "must not be empty") : absl::OkStatus();
}

}  // namespace

CopyBackupWork CopyBackupWork::FromProto(const v1::Task& task) {
  const v1::CopyBackupWork& work = task.copy_backup();
  return {.backup = work.backup(),
          .from_store = work.from_store(),
          .to_store = work.to_store(),
          .sha256 = work.sha256(),
          .wrapped_data_key = work.wrapped_data_key()};
}

absl::StatusOr<Outcome> Run(const BackupJob& job, const CopyBackupWork& work) {
  CROFT_RETURN_IF_ERROR(CheckDigest(work));
  CROFT_ASSIGN_OR_RETURN(Store* const from, job.FindStore(work.from_store));
  CROFT_ASSIGN_OR_RETURN(Store* const to, job.FindStore(work.to_store));
  const std::string& uid = job.tenant().uid;
  const std::string object = ManifestObject(uid, work.backup);
  CROFT_ASSIGN_OR_RETURN(const std::string manifest, ReadObject(*from, object, kMaxManifestBytes));
  if (IsFinished(job, work, *to, manifest)) return Done{"was copied and compared before"};
  // A look that was cut short has not seen that it is unfinished.
  CROFT_RETURN_IF_ERROR(job.context().KeepGoing());
  CROFT_RETURN_IF_ERROR(to->Delete(object));
  if (!work.wrapped_data_key.empty())
    CROFT_RETURN_IF_ERROR(WriteObject(*to, KeyObject(uid), work.wrapped_data_key));
  job.context().Report(absl::StrCat("copying to store ", work.to_store));
  CROFT_ASSIGN_OR_RETURN(const int64_t size_bytes, CopyArchive(job, work, *from, *to));
  CROFT_RETURN_IF_ERROR(WriteObject(*to, object, manifest));
  return Done{absl::StrCat("copied and compared: ", size_bytes, " bytes")};
}

}  // namespace croft::agent
