// Checks a backup against its manifest and replays its archive into a database.

#include "agent/backup/restore.h"

#include <memory>
#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/backup/program.h"
#include "agent/backup/row_counter.h"
#include "agent/postgres/connection.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

absl::StatusOr<std::unique_ptr<ObjectReader>> OpenArchive(Store& store, const Manifest& manifest) {
  CROFT_ASSIGN_OR_RETURN(auto object,
                         store.Get(ArchiveObject(manifest.identity.uid, manifest.identity.backup)));
  if (object->size_bytes() != manifest.archive.size_bytes) return ArchiveDamaged("its size is another");
  return object;
}

absl::Status CheckDigest(const absl::StatusOr<ArchiveDigest>& digest, const Manifest& manifest) {
  CROFT_RETURN_IF_ERROR(digest.status());
  return *digest == manifest.archive ? absl::OkStatus() : ArchiveDamaged("its digest is another");
}

absl::Status CheckWhole(Store& store, const Manifest& manifest, const std::string& key,
                        const Timeout& timeout) {
  CROFT_ASSIGN_OR_RETURN(const auto object, OpenArchive(store, manifest));
  const auto keep_going = [&] { return CheckTimeout(timeout); };
  return CheckDigest(CheckArchive(*object, key, manifest.identity, keep_going), manifest);
}

absl::Status ReadDump(Store& store, const Manifest& manifest, const std::string& key, DumpReader& reader,
                      const Timeout& timeout) {
  CROFT_ASSIGN_OR_RETURN(const auto object, OpenArchive(store, manifest));
  const auto take = [&](absl::string_view bytes) -> absl::Status {
    CROFT_RETURN_IF_ERROR(CheckTimeout(timeout));
    return reader.Append(bytes);
  };
  CROFT_RETURN_IF_ERROR(CheckDigest(ReadArchive(*object, key, manifest.identity, take), manifest));
  return reader.Finish();
}

// Chooses a part of the dump that it sees, and counts the rows in it.
class PartCounter final : public DumpVisitor {
 public:
  explicit PartCounter(const std::vector<std::string>& patterns) : patterns_(patterns) {}

  // When the dump was read.
  PartOfArchive Take() {
    return {.part = std::move(part_),
            .table_count = counter_.tables(),
            .row_count = counter_.rows(),
            .row_bytes = counter_.bytes()};
  }

  absl::Status OnToc(const Toc& toc) override {
    CROFT_ASSIGN_OR_RETURN(part_, ChoosePart(toc, patterns_));
    return chosen_.OnToc(toc);
  }
  absl::Status OnDataBegin(const TocEntry& entry) override { return chosen_.OnDataBegin(entry); }
  absl::Status OnDataEnd(const TocEntry& entry) override { return chosen_.OnDataEnd(entry); }
  absl::Status OnTableBytes(const TocEntry& entry, absl::string_view bytes) override {
    return chosen_.OnTableBytes(entry, bytes);
  }
  absl::Status OnLargeObjectBegin(const TocEntry& entry, uint32_t oid) override {
    return chosen_.OnLargeObjectBegin(entry, oid);
  }
  absl::Status OnLargeObjectBytes(const TocEntry& entry, uint32_t oid, absl::string_view bytes) override {
    return chosen_.OnLargeObjectBytes(entry, oid, bytes);
  }
  absl::Status OnLargeObjectEnd(const TocEntry& entry, uint32_t oid) override {
    return chosen_.OnLargeObjectEnd(entry, oid);
  }

 private:
  const std::vector<std::string>& patterns_;
  Part part_;
  RowCounter counter_;
  PartVisitor chosen_{part_.entries, counter_};
};

// What the reader has from the database's making is taken back: a table that was kept from it has no grant in the
// archive that would say so.
absl::Status TakeBackDefaults(const ReplayTarget& target, const Timeout& timeout) {
  CROFT_ASSIGN_OR_RETURN(Connection connection,
                         Connection::Open(target.conninfo, Trust::kPrivileged, timeout));
  connection.SetTimeout(timeout);
  const std::string& reader = target.roles.new_reader;
  return connection.ExecuteTogether({
      {"ALTER DEFAULT PRIVILEGES REVOKE USAGE ON SCHEMAS FROM %I", {reader}},
      {"ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM %I", {reader}},
      {"ALTER DEFAULT PRIVILEGES REVOKE SELECT ON SEQUENCES FROM %I", {reader}},
      {"REVOKE ALL ON SCHEMA public FROM %I", {reader}},
  });
}

}  // namespace

absl::StatusOr<Manifest> OpenBackup(Store& store, const BackupToRead& backup) {
  const ArchiveIdentity& identity = backup.identity;
  const absl::StatusOr<std::string> json =
      ReadObject(store, ManifestObject(identity.uid, identity.backup), kMaxManifestBytes);
  if (absl::IsNotFound(json.status())) {
    return MakeError(absl::StatusCode::kNotFound,
                     absl::StrCat("the store ", store.id(), " holds no whole backup ", identity.backup),
                     {.reason = "BACKUP_NOT_FOUND", .metadata = {{"backup", identity.backup}}});
  }
  CROFT_RETURN_IF_ERROR(json.status());
  CROFT_ASSIGN_OR_RETURN(Manifest manifest, DecodeManifest(*json, backup.key));
  if (manifest.identity != identity) return ArchiveDamaged("its manifest is of another backup");
  if (manifest.archive.sha256 != backup.sha256) {
    return ArchiveDamaged("it is not the one that was recorded when the backup was made");
  }
  return manifest;
}

absl::StatusOr<PartOfArchive> ChooseFromArchive(Store& store, const Manifest& manifest,
                                                const std::string& key,
                                                const std::vector<std::string>& patterns,
                                                const Timeout& timeout) {
  PartCounter counter(patterns);
  DumpReader reader(counter);
  CROFT_RETURN_IF_ERROR(ReadDump(store, manifest, key, reader, timeout));
  return counter.Take();
}

absl::StatusOr<Replayed> RestoreArchive(Store& store, const Manifest& manifest, const std::string& key,
                                        DumpVisitor& also, const ReplayTarget& target,
                                        const ServerProbe& probe, const Timeout& timeout) {
  if (!target.part) CROFT_RETURN_IF_ERROR(CheckWhole(store, manifest, key, timeout));
  CROFT_RETURN_IF_ERROR(TakeBackDefaults(target, timeout));
  const auto read = [&](DumpReader& reader) { return ReadDump(store, manifest, key, reader, timeout); };
  return Replay(read, also, target, probe, timeout);
}

}  // namespace croft::agent
