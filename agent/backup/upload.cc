// Makes a backup of an archive that comes from outside.

#include "agent/backup/upload.h"

#include <set>
#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/backup/replay_plan.h"
#include "agent/backup/row_counter.h"
#include "agent/dump_format/reader.h"
#include "common/compression/zstd.h"
#include "common/crypto/hash.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

absl::Status Damaged(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss,
                   absl::StrCat("what came is not the archive that was described: ", what),
                   {.reason = "BUNDLE_DAMAGED"});
}

// Counts what passes, and knows which tables have no rows in it and what of it will not restore.
class Inspector final : public RowCounter {
 public:
  explicit Inspector(const UploadedBackup& backup)
      : roles_{.old_owner = backup.owner_role,
               .old_reader = backup.reader_role,
               .new_owner = backup.owner_role,
               .new_reader = backup.reader_role} {}

  const std::vector<Finding>& findings() const { return findings_; }
  const std::set<QualifiedName>& without_rows() const { return without_rows_; }

  absl::Status OnToc(const Toc& toc) override {
    findings_ = PlanReplay(toc, roles_, {}).findings;
    for (const TocEntry& entry : toc.entries) {
      if (entry.kind == "TABLE") without_rows_.insert({entry.schema, entry.tag});
    }
    for (const TocEntry& entry : toc.entries) {
      if (entry.kind == "TABLE DATA") without_rows_.erase({entry.schema, entry.tag});
    }
    return absl::OkStatus();
  }

 private:
  const ReplayRoles roles_;
  std::vector<Finding> findings_;
  std::set<QualifiedName> without_rows_;
};

// The dump on its way into the store.
class Intake {
 public:
  Intake(ObjectWriter& object, const UploadedBackup& backup)
      : expected_(backup.dump), archive_(object, backup.key, backup.identity), inspector_(backup) {}

  absl::Status Take(absl::string_view plain) {
    size_bytes_ += static_cast<int64_t>(plain.size());
    if (size_bytes_ > expected_.size_bytes) return Damaged("there is more of it");
    hash_.Update(plain);
    CROFT_RETURN_IF_ERROR(reader_.Append(plain));
    return archive_.Append(plain);
  }

  absl::StatusOr<ArchiveDigest> Finish() {
    if (size_bytes_ != expected_.size_bytes) return Damaged("its end is missing");
    if (crypto::Hex(hash_.Finish()) != expected_.sha256) return Damaged("its digest is another");
    CROFT_RETURN_IF_ERROR(reader_.Finish());
    return archive_.Finish();
  }

  const Inspector& inspector() const { return inspector_; }

 private:
  const PlainDump expected_;
  ArchiveWriter archive_;
  Inspector inspector_;
  DumpReader reader_{inspector_};
  crypto::Sha256Stream hash_;
  int64_t size_bytes_ = 0;
};

absl::StatusOr<ArchiveDigest> Receive(Intake& intake, const NextPart& next) {
  ZstdDecompressor decompressor([&](absl::string_view plain) { return intake.Take(plain); }, Damaged);
  for (;;) {
    CROFT_ASSIGN_OR_RETURN(const std::optional<std::string> part, next());
    if (!part) break;
    CROFT_RETURN_IF_ERROR(decompressor.Add(*part));
  }
  if (!decompressor.whole()) return Damaged("its end is missing");
  return intake.Finish();
}

Manifest ManifestOf(const UploadedBackup& backup, const Inspector& inspector, absl::Time now) {
  Manifest manifest{.identity = backup.identity,
                    .database = backup.database,
                    .owner_role = backup.owner_role,
                    .reader_role = backup.reader_role,
                    .create_time = now,
                    .wrapped_key = backup.wrapped_key,
                    .table_count = inspector.tables(),
                    .row_count = inspector.rows(),
                    .facts = backup.facts,
                    .not_dumped = backup.not_dumped};
  manifest.facts.table_count = inspector.tables();
  manifest.without_rows.assign(inspector.without_rows().begin(), inspector.without_rows().end());
  manifest.findings = backup.not_dumped;
  manifest.findings.insert(manifest.findings.end(), inspector.findings().begin(),
                           inspector.findings().end());
  return manifest;
}

}  // namespace

absl::StatusOr<Manifest> StoreUpload(Store& store, const UploadedBackup& backup, absl::Time now,
                                     const NextPart& next) {
  const auto& [uid, generation, id] = backup.identity;
  CROFT_ASSIGN_OR_RETURN(const auto object, store.Put(ArchiveObject(uid, id), backup.upload_bytes));
  Intake intake(*object, backup);
  CROFT_ASSIGN_OR_RETURN(const ArchiveDigest digest, Receive(intake, next));
  CROFT_RETURN_IF_ERROR(object->Commit());
  Manifest manifest = ManifestOf(backup, intake.inspector(), now);
  manifest.archive = digest;
  CROFT_RETURN_IF_ERROR(WriteObject(store, KeyObject(uid), backup.wrapped_data_key));
  // Last: a backup without its manifest does not exist.
  CROFT_RETURN_IF_ERROR(WriteObject(store, ManifestObject(uid, id), EncodeManifest(manifest, backup.key)));
  return manifest;
}

}  // namespace croft::agent
