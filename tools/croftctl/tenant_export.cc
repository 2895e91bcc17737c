// The verb `croftctl tenant export`.

#include "tools/croftctl/tenant_export.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/backup.grpc.pb.h"
#include "tools/croftctl/backups.h"
#include "tools/croftctl/bundle.h"
#include "tools/croftctl/download.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/format.h"
#include "tools/croftctl/passphrase.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/wait.h"

namespace croft::ctl {
namespace {

using Backups = v1::BackupService::Stub;

struct BundleArguments {
  std::string tenant;
  std::string file;
  std::string backup;
  std::string passphrase_file;
  bool fresh = false;
};

absl::StatusOr<std::string> BackUpNow(Session& session, const std::string& tenant) {
  v1::CreateBackupRequest request;
  request.set_parent(TenantName(tenant));
  request.set_note("made for an export");
  CROFT_ASSIGN_OR_RETURN(v1::Operation operation, session.Change(&Backups::CreateBackup, request));
  CROFT_RETURN_IF_ERROR(FinishVisibly(session, operation));
  return operation.result();
}

absl::StatusOr<std::string> ChosenBackup(Session& session, const BundleArguments& arguments,
                                         const std::string& tenant) {
  if (arguments.fresh) return BackUpNow(session, tenant);
  return BackupFor(session.client, tenant, arguments.backup.empty() ? "latest" : arguments.backup);
}

absl::Status WriteToOutput(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0)
      return absl::InternalError(absl::StrCat("cannot write to standard output: ", std::strerror(errno)));
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

// From the control plane into `sink`, through what makes a bundle of it.
absl::StatusOr<v1::BackupExport> Receive(Session& session, const std::string& backup,
                                         const std::string& passphrase, const ByteSink& sink) {
  std::unique_ptr<PassphraseFilter> filter;
  if (!passphrase.empty()) filter = std::make_unique<PassphraseFilter>(passphrase, sink);
  BundleWriter bundle(filter ? [&filter](absl::string_view bytes) { return filter->Append(bytes); } : sink);
  v1::ExportBackupRequest request;
  request.set_name(backup);
  v1::BackupExport description;
  int64_t received = 0;
  absl::Status written;
  ProgressLine progress(session.terminal);
  progress.Show("reading and checking the backup");
  const std::function<bool(const v1::ExportBackupResponse&)> take =
      [&](const v1::ExportBackupResponse& part) {
        if (part.has_description()) {
          description = part.description();
          written = bundle.Describe(description);
        } else {
          written = bundle.Append(part.data());
          received += static_cast<int64_t>(part.data().size());
          progress.Show(absl::StrCat(BytesText(received), " exported"));
        }
        return written.ok();
      };
  const absl::Status streamed = session.client.Stream(&Backups::ExportBackup, request, session.limit, take);
  CROFT_RETURN_IF_ERROR(written);
  CROFT_RETURN_IF_ERROR(streamed);
  CROFT_RETURN_IF_ERROR(bundle.Finish());
  if (filter) CROFT_RETURN_IF_ERROR(filter->Finish());
  return description;
}

void SayState(Session& session, const v1::BackupExport& description) {
  const v1::Backup& backup = description.backup();
  if (backup.state() == v1::Backup::STATE_INCOMPLETE) {
    session.terminal.Say(absl::StrCat("backup ", LastPart(backup.name()),
                                      " is incomplete: croft-export.json names what does not restore"));
  }
}

absl::Status ExportToOutput(Session& session, const std::string& backup, const std::string& passphrase) {
  if (isatty(STDOUT_FILENO) == 1)
    return UsageError("a bundle is no text for a terminal: redirect it, or name a file");
  CROFT_ASSIGN_OR_RETURN(const v1::BackupExport description,
                         Receive(session, backup, passphrase, WriteToOutput));
  SayState(session, description);
  return absl::OkStatus();
}

absl::Status ExportToFile(Session& session, const std::string& backup, const std::string& passphrase,
                          DownloadedFile& download, const std::string& file) {
  CROFT_ASSIGN_OR_RETURN(const v1::BackupExport description,
                         Receive(session, backup, passphrase,
                                 [&download](absl::string_view bytes) { return download.Append(bytes); }));
  CROFT_RETURN_IF_ERROR(download.Finish());
  SayState(session, description);
  session.terminal.Say(absl::StrCat("wrote ", LastPart(backup), " to ", file, " (",
                                    BytesText(download.size_bytes()), ") and ", file, ".sha256"));
  if (session.printer.format() == Format::kTable) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(const nlohmann::ordered_json json, ToJson(description));
  session.printer.Document(json, LastPart(backup));
  return absl::OkStatus();
}

absl::Status ExportTenant(Session& session, const BundleArguments& arguments) {
  if (session.flags.dry_run) return UsageError("this verb has no --dry-run");
  if (arguments.fresh && !arguments.backup.empty())
    return UsageError("export takes --backup or --fresh, not both");
  if (arguments.fresh && !session.flags.wait)
    return UsageError("--fresh waits for the backup: it takes no --no-wait");
  std::string passphrase;
  if (!arguments.passphrase_file.empty()) {
    CROFT_ASSIGN_OR_RETURN(passphrase, ReadPassphrase(arguments.passphrase_file));
  }
  // What cannot be written is found before anything is asked.
  std::optional<DownloadedFile> download;
  if (arguments.file != "-") {
    CROFT_ASSIGN_OR_RETURN(DownloadedFile begun, DownloadedFile::Begin(arguments.file));
    download.emplace(std::move(begun));
  }
  CROFT_ASSIGN_OR_RETURN(const std::string backup,
                         ChosenBackup(session, arguments, LastPart(arguments.tenant)));
  return download ? ExportToFile(session, backup, passphrase, *download, arguments.file)
                  : ExportToOutput(session, backup, passphrase);
}

}  // namespace

void AddTenantExport(Noun& tenant) {
  auto verb = tenant.AddVerb<BundleArguments>(
      "export", "Write a tenant's data to a bundle that tar and pg_restore read without Croft");
  verb.app.add_option("TENANT", verb->tenant, "Its id")->required();
  verb.app
      .add_option("FILE", verb->file,
                  "New file, of mode 0600, such as acme.tar.zst; its digest goes to FILE.sha256. "
                  "- is standard output")
      ->required();
  verb.app.add_option("--backup", verb->backup, "The backup by its id or name, or latest (the default)");
  verb.app.add_flag("--fresh", verb->fresh, "Back the tenant up first, and export that backup");
  verb.app.add_option("--passphrase-file", verb->passphrase_file,
                      "Encrypt the bundle to the passphrase in this file, as age -d opens it");
  verb.Runs(ExportTenant);
}

}  // namespace croft::ctl
