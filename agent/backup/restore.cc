#include "agent/backup/restore.h"

#include <map>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

#include "agent/backup/archive_grants.h"
#include "agent/backup/archive_list.h"
#include "agent/postgres/connection.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

// Takes a dump until it has had enough.
class Reader {
 public:
  Reader(PipedProcess process, const Patience& patience)
      : process_(std::move(process)), patience_(patience) {}

  absl::Status Take(absl::string_view data) {
    CROFT_RETURN_IF_ERROR(StillPatient(patience_));
    if (sated_) return absl::OkStatus();
    const absl::Status written = WritePatiently(process_, data, patience_);
    sated_ = absl::IsUnavailable(written);
    return sated_ ? absl::OkStatus() : written;
  }

  // Whether it closed its input: with all it needs, or for an error that its end will tell.
  bool sated() const { return sated_; }
  absl::StatusOr<CommandResult> Finish() { return FinishPatiently(process_, patience_); }

 private:
  PipedProcess process_;
  const Patience& patience_;
  bool sated_ = false;
};

absl::StatusOr<Reader> StartReader(const Command& command, const Patience& patience) {
  CROFT_ASSIGN_OR_RETURN(PipedProcess process,
                         PipedProcess::Start(command, PipedProcess::Direction::kWriteInput));
  return Reader(std::move(process), patience);
}

// Feeds all of the archive to `reader` and checks that it is the manifest's.
absl::Status FeedChecked(Store& store, const Manifest& manifest, const std::string& key, Reader& reader) {
  CROFT_ASSIGN_OR_RETURN(const auto object,
                         store.Get(ArchiveObject(manifest.identity.uid, manifest.identity.backup)));
  if (object->size_bytes() != manifest.archive.size_bytes) return ArchiveDamaged("its size is another");
  CROFT_ASSIGN_OR_RETURN(const ArchiveDigest digest,
                         ReadArchive(*object, key, manifest.identity,
                                     [&](absl::string_view data) { return reader.Take(data); }));
  if (digest != manifest.archive) return ArchiveDamaged("its digest is another");
  return absl::OkStatus();
}

// Feeds the beginning, for as long as `reader` takes it. The archive was checked before.
absl::Status FeedBeginning(Store& store, const Manifest& manifest, const std::string& key, Reader& reader) {
  CROFT_ASSIGN_OR_RETURN(const auto object,
                         store.Get(ArchiveObject(manifest.identity.uid, manifest.identity.backup)));
  const absl::Status enough = absl::OutOfRangeError("enough");
  const auto digest =
      ReadArchive(*object, key, manifest.identity, [&](absl::string_view data) -> absl::Status {
        CROFT_RETURN_IF_ERROR(reader.Take(data));
        return reader.sated() ? enough : absl::OkStatus();
      });
  return digest.ok() || digest.status() == enough ? absl::OkStatus() : digest.status();
}

// Checks the whole archive and answers its table of contents.
absl::StatusOr<std::string> CheckAndList(Store& store, const Manifest& manifest, const std::string& key,
                                         const ClientPrograms& programs, const ProgramPlace& place,
                                         Random& random, const Patience& patience) {
  CROFT_ASSIGN_OR_RETURN(const PrivateFile list, PrivateFile::Make(place, "", random));
  CROFT_ASSIGN_OR_RETURN(Reader reader,
                         StartReader(LocalProgram(programs.Path("pg_restore"),
                                                  {"--list", absl::StrCat("--file=", list.path())}, place),
                                     patience));
  CROFT_RETURN_IF_ERROR(FeedChecked(store, manifest, key, reader));
  CROFT_ASSIGN_OR_RETURN(const CommandResult result, reader.Finish());
  CROFT_RETURN_IF_ERROR(CheckEnd("pg_restore", result, "RESTORE_FAILED"));
  return list.Read();
}

class Restorer {
 public:
  Restorer(Store& store, const Manifest& manifest, const std::string& key, const RestoreTarget& target,
           const ClientPrograms& programs, const ProgramPlace& place, Random& random,
           const Patience& patience)
      : store_(store),
        manifest_(manifest),
        key_(key),
        target_(target),
        programs_(programs),
        place_(place),
        random_(random),
        patience_(patience) {}

  absl::Status Contents(const std::string& list) {
    CROFT_ASSIGN_OR_RETURN(const PrivateFile list_file, PrivateFile::Make(place_, list, random_));
    CROFT_ASSIGN_OR_RETURN(const ProgramCall call,
                           PrepareProgram(programs_.Path("pg_restore"),
                                          {"--format=custom", "--exit-on-error", "--no-owner", "--no-acl",
                                           "--no-subscriptions", "--no-tablespaces", "--no-security-labels",
                                           absl::StrCat("--use-list=", list_file.path())},
                                          target_.conninfo, place_, random_));
    CROFT_ASSIGN_OR_RETURN(Reader reader, StartReader(call.command, patience_));
    const absl::Status fed = FeedChecked(store_, manifest_, key_, reader);
    CROFT_ASSIGN_OR_RETURN(const CommandResult result, reader.Finish());
    // A damaged archive explains whatever the program made of it.
    CROFT_RETURN_IF_ERROR(fed);
    return CheckEnd("pg_restore", result, "RESTORE_FAILED");
  }

  absl::Status Grants(const std::string& list) {
    CROFT_ASSIGN_OR_RETURN(const std::string script, GrantScript(list));
    CROFT_ASSIGN_OR_RETURN(Connection connection, OpenTarget());
    const std::map<std::string, std::string> new_names = {{manifest_.owner_role, target_.owner_role},
                                                          {manifest_.reader_role, target_.reader_role}};
    for (const GrantStatement& grant : ReadGrants(script, new_names)) {
      if (IsAnothers(grant.grantee)) continue;
      const absl::Status granted =
          connection.Execute({"DO LANGUAGE plpgsql %L", {ExecuteBlock(grant.text)}});
      if (SqlStateOf(granted) == sqlstate::kUndefinedObject && IsForeign(grant.grantee)) continue;
      CROFT_RETURN_IF_ERROR(Annotate(granted, "restoring a grant"));
    }
    return absl::OkStatus();
  }

  // What the reader has from the database's making is taken back: a table that was kept from it has no grant in
  // the archive that would say so.
  absl::Status TakeBackDefaults() {
    CROFT_ASSIGN_OR_RETURN(Connection connection, OpenTarget());
    const std::string& reader = target_.reader_role;
    return connection.ExecuteTogether({
        {"ALTER DEFAULT PRIVILEGES REVOKE USAGE ON SCHEMAS FROM %I", {reader}},
        {"ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM %I", {reader}},
        {"ALTER DEFAULT PRIVILEGES REVOKE SELECT ON SEQUENCES FROM %I", {reader}},
        {"REVOKE ALL ON SCHEMA public FROM %I", {reader}},
    });
  }

 private:
  absl::StatusOr<Connection> OpenTarget() {
    CROFT_ASSIGN_OR_RETURN(Connection connection,
                           Connection::Open(target_.conninfo, Trust::kPrivileged, patience_));
    connection.SetPatience(patience_);
    return connection;
  }

  absl::StatusOr<std::string> GrantScript(const std::string& list) {
    CROFT_ASSIGN_OR_RETURN(const PrivateFile list_file, PrivateFile::Make(place_, list, random_));
    CROFT_ASSIGN_OR_RETURN(const PrivateFile script, PrivateFile::Make(place_, "", random_));
    CROFT_ASSIGN_OR_RETURN(Reader reader,
                           StartReader(LocalProgram(programs_.Path("pg_restore"),
                                                    {"--format=custom", "--no-owner",
                                                     absl::StrCat("--use-list=", list_file.path()),
                                                     absl::StrCat("--file=", script.path())},
                                                    place_),
                                       patience_));
    CROFT_RETURN_IF_ERROR(FeedBeginning(store_, manifest_, key_, reader));
    CROFT_ASSIGN_OR_RETURN(const CommandResult result, reader.Finish());
    CROFT_RETURN_IF_ERROR(CheckEnd("pg_restore", result, "RESTORE_FAILED"));
    return script.Read();
  }

  // The statement's text comes out of the archive, so it runs as the tenant and in no other way than this.
  static std::string ExecuteBlock(const std::string& statement) {
    return absl::StrCat("BEGIN EXECUTE '", absl::StrReplaceAll(statement, {{"'", "''"}}), "'; END");
  }

  bool IsForeign(const std::string& role) const {
    return !role.empty() && role != target_.owner_role && role != target_.reader_role &&
           !absl::StartsWith(role, "pg_");
  }
  // Under new names the old ones, and their logins, are somebody else's.
  bool IsAnothers(const std::string& role) const {
    return manifest_.owner_role != target_.owner_role && IsForeign(role);
  }

  Store& store_;
  const Manifest& manifest_;
  const std::string& key_;
  const RestoreTarget& target_;
  const ClientPrograms& programs_;
  const ProgramPlace& place_;
  Random& random_;
  const Patience& patience_;
};

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

absl::Status RestoreArchive(Store& store, const Manifest& manifest, const std::string& key,
                            const RestoreTarget& target, const ClientPrograms& programs,
                            const ProgramPlace& place, Random& random, const Patience& patience) {
  CROFT_ASSIGN_OR_RETURN(const std::string list,
                         CheckAndList(store, manifest, key, programs, place, random, patience));
  const RestoreLists lists = PartList(list, manifest);
  Restorer restorer(store, manifest, key, target, programs, place, random, patience);
  CROFT_RETURN_IF_ERROR(restorer.TakeBackDefaults());
  CROFT_RETURN_IF_ERROR(restorer.Contents(lists.contents));
  return lists.grant_count == 0 ? absl::OkStatus() : restorer.Grants(lists.grants);
}

absl::Status CompareWithManifest(const Conninfo& conninfo, const Manifest& manifest,
                                 const Patience& patience) {
  CROFT_ASSIGN_OR_RETURN(Connection connection, Connection::Open(conninfo, Trust::kPrivileged, patience));
  connection.SetPatience(patience);
  CROFT_RETURN_IF_ERROR(connection.Execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ"));
  CROFT_ASSIGN_OR_RETURN(const Content found, Survey(connection));
  Content expected = manifest.content;
  if (!manifest.foreign_policies.empty()) {
    int64_t& policies = expected.objects["policy"];
    policies -= static_cast<int64_t>(manifest.foreign_policies.size());
    if (policies == 0) expected.objects.erase("policy");
  }
  return CompareContent(expected, found);
}

}  // namespace croft::agent
