// The verb `croftctl tenant import`.

#include "tools/croftctl/tenant_import.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <sys/stat.h>

#include "common/compression/zstd.h"
#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/import.grpc.pb.h"
#include "tools/croftctl/bundle_reader.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/format.h"
#include "tools/croftctl/passphrase.h"
#include "tools/croftctl/policy_flags.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/wait.h"

namespace croft::ctl {
namespace {

using Imports = v1::ImportService::Stub;

constexpr size_t kReadBytes = 256 << 10;
// Compressed at a time.
constexpr size_t kFrameBytes = 1 << 20;
constexpr absl::Duration kBetweenTries = absl::Milliseconds(100);

struct ImportArguments {
  std::string file;
  std::string id;
  std::string passphrase_file;
  std::vector<std::string> host_selector;
  std::string locale;
  bool allow_incomplete = false;
};

// A file, or standard input.
class Input {
 public:
  static absl::StatusOr<Input> Open(const std::string& path) {
    if (path == "-") return Input(STDIN_FILENO);
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return UsageError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
    return Input(file);
  }
  Input(Input&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  Input& operator=(Input&&) = delete;
  ~Input() {
    if (file_ > STDIN_FILENO) close(file_);
  }

  // 0 where it is no file.
  int64_t size_bytes() const {
    struct stat about {};
    return fstat(file_, &about) == 0 && S_ISREG(about.st_mode) ? about.st_size : 0;
  }

  // Empty at the end.
  absl::StatusOr<absl::string_view> Read() {
    for (;;) {
      const ssize_t got = read(file_, buffer_.data(), buffer_.size());
      if (got >= 0) return absl::string_view(buffer_.data(), static_cast<size_t>(got));
      if (errno != EINTR)
        return absl::InternalError(absl::StrCat("cannot read the bundle: ", std::strerror(errno)));
    }
  }

 private:
  explicit Input(int file) : file_(file) {}

  int file_;
  std::string buffer_ = std::string(kReadBytes, '\0');
};

// What of the exported tenant its import has, as a restore under another name; names of stores and hosts' labels are not this
// Croft's.
v1::Tenant TenantFrom(const v1::BackupExport& bundle, const std::string& locale) {
  const v1::Tenant& was = bundle.tenant();
  v1::Tenant tenant;
  tenant.set_display_name(was.display_name());
  *tenant.mutable_labels() = was.labels();
  *tenant.mutable_extensions() = was.extensions();
  *tenant.mutable_settings() = was.settings();
  *tenant.mutable_features() = was.features();
  if (was.has_quota()) *tenant.mutable_quota() = was.quota();
  if (was.has_backup_policy()) *tenant.mutable_backup_policy() = was.backup_policy();
  tenant.mutable_backup_policy()->clear_copy_to();
  tenant.mutable_backup_policy()->clear_prove_on();
  // Text must sort as it did, whatever the host's own default is.
  const bool by_libc = bundle.archive().icu_locale().empty();
  tenant.set_locale(!locale.empty()                   ? locale
                    : was.locale().empty() && by_libc ? bundle.archive().collate()
                                                      : was.locale());
  return tenant;
}

// One import from its description to its operation. What is not finished is removed.
class Import {
 public:
  Import(Session& session, const ImportArguments& arguments, int64_t upload_bytes)
      : session_(session), arguments_(arguments) {
    progress_.emplace(session.terminal);
    begin_.set_upload_bytes(upload_bytes);
  }
  ~Import() {
    if (id_.empty()) return;
    v1::AbandonImportRequest request;
    request.set_upload(id_);
    // Where it does not come through, the upload is dropped in two minutes.
    session_.client.Call(&Imports::AbandonImport, request).IgnoreError();
  }
  Import(const Import&) = delete;
  Import& operator=(const Import&) = delete;

  absl::Status Describe(const v1::BackupExport& bundle) {
    if (bundle.backup().state() == v1::Backup::STATE_INCOMPLETE && !arguments_.allow_incomplete) {
      return MakeError(absl::StatusCode::kFailedPrecondition,
                       "the bundle is of an INCOMPLETE backup: its croft-export.json names what does not "
                       "restore; use --allow-incomplete to import the rest",
                       {.reason = "BACKUP_INCOMPLETE"});
    }
    const std::string id = LastPart(arguments_.id.empty() ? bundle.tenant().name() : arguments_.id);
    begin_.set_tenant_id(id);
    *begin_.mutable_tenant() = TenantFrom(bundle, arguments_.locale);
    CROFT_ASSIGN_OR_RETURN(const Labels selector, ParseLabels(arguments_.host_selector, "--host-selector"));
    begin_.mutable_host_selector()->insert(selector.begin(), selector.end());
    *begin_.mutable_archive() = bundle.archive();
    begin_.set_database_bytes(bundle.backup().database_bytes());
    begin_.set_validate_only(session_.flags.dry_run);
    for (const v1::Finding& finding : bundle.backup().findings()) {
      if (finding.severity() == v1::Finding::SEVERITY_MISSING) *begin_.add_missing() = finding;
    }
    CROFT_ASSIGN_OR_RETURN(const v1::BeginImportResponse begun,
                           session_.client.Call(&Imports::BeginImport, begin_));
    id_ = begun.upload();
    host_ = begun.host();
    part_bytes_ = static_cast<size_t>(std::max(begun.part_bytes(), 1));
    return absl::OkStatus();
  }

  absl::Status Take(absl::string_view plain) {
    read_ += static_cast<int64_t>(plain.size());
    progress_->Show(absl::StrCat(BytesText(read_), " of ", BytesText(begin_.archive().size_bytes()),
                                 session_.flags.dry_run ? " checked" : " sent"));
    if (session_.flags.dry_run) return absl::OkStatus();
    plain_.append(plain.data(), plain.size());
    return plain_.size() < kFrameBytes ? absl::OkStatus() : Compress();
  }

  // After the whole bundle was found to be as it says.
  absl::Status Finish() {
    if (session_.flags.dry_run) {
      session_.terminal.Say(absl::StrCat("the bundle is whole; tenant ", begin_.tenant_id(),
                                         " would be made of it on host ", LastPart(host_)));
      return absl::OkStatus();
    }
    CROFT_RETURN_IF_ERROR(Compress());
    if (!compressed_.empty()) CROFT_RETURN_IF_ERROR(Send(std::exchange(compressed_, {})));
    progress_.reset();
    v1::FinishImportRequest request;
    request.set_upload(id_);
    request.set_tenant_id(begin_.tenant_id());
    *request.mutable_tenant() = begin_.tenant();
    request.set_allow_incomplete(arguments_.allow_incomplete);
    absl::StatusOr<v1::Operation> operation = session_.Change(&Imports::FinishImport, request);
    while (DetailsOf(operation.status()).reason == "UPLOAD_WAITS" && absl::Now() < session_.limit) {
      if (!session_.client.interrupts().Sleep(kBetweenTries)) break;
      operation = session_.Change(&Imports::FinishImport, request);
    }
    if (operation.ok()) id_.clear();
    return FinishAndPrint(session_, std::move(operation));
  }

 private:
  absl::Status Compress() {
    if (plain_.empty()) return absl::OkStatus();
    CROFT_ASSIGN_OR_RETURN(const std::string frame, CompressZstd(plain_));
    plain_.clear();
    absl::StrAppend(&compressed_, frame);
    size_t at = 0;
    for (; compressed_.size() - at >= part_bytes_; at += part_bytes_)
      CROFT_RETURN_IF_ERROR(Send(compressed_.substr(at, part_bytes_)));
    compressed_.erase(0, at);
    return absl::OkStatus();
  }

  absl::Status Send(std::string part) {
    v1::AppendImportRequest request;
    request.set_upload(id_);
    request.set_offset(offset_);
    request.set_data(std::move(part));
    const int64_t next = offset_ + static_cast<int64_t>(request.data().size());
    while (offset_ != next) {
      CROFT_ASSIGN_OR_RETURN(const v1::AppendImportResponse taken,
                             session_.client.Call(&Imports::AppendImport, request));
      if (taken.offset() != next && taken.offset() != offset_)
        return absl::DataLossError("the control plane has other parts than were sent");
      offset_ = taken.offset();
    }
    return absl::OkStatus();
  }

  Session& session_;
  const ImportArguments& arguments_;
  std::optional<ProgressLine> progress_;
  v1::BeginImportRequest begin_;
  std::string id_;
  std::string host_;
  size_t part_bytes_ = 1;
  std::string plain_;
  std::string compressed_;
  int64_t read_ = 0;
  int64_t offset_ = 0;
};

absl::Status ImportTenant(Session& session, const ImportArguments& arguments) {
  std::string passphrase;
  if (!arguments.passphrase_file.empty()) {
    CROFT_ASSIGN_OR_RETURN(passphrase, ReadPassphrase(arguments.passphrase_file));
  }
  CROFT_ASSIGN_OR_RETURN(Input input, Input::Open(arguments.file));
  Import import(session, arguments, input.size_bytes());
  BundleReader bundle(
      {.describe = [&](const v1::BackupExport& description) { return import.Describe(description); },
       .take = [&](absl::string_view plain) { return import.Take(plain); }});
  PassphraseReader outer(passphrase, [&](absl::string_view bytes) { return bundle.Append(bytes); });
  for (;;) {
    CROFT_ASSIGN_OR_RETURN(const absl::string_view bytes, input.Read());
    if (bytes.empty()) break;
    CROFT_RETURN_IF_ERROR(outer.Append(bytes));
  }
  CROFT_RETURN_IF_ERROR(outer.Finish());
  CROFT_RETURN_IF_ERROR(bundle.Finish());
  return import.Finish();
}

}  // namespace

void AddTenantImport(Noun& tenant) {
  auto verb = tenant.AddVerb<ImportArguments>("import", "Make a tenant of a bundle that an export wrote");
  verb.app.add_option("FILE", verb->file, "The bundle, such as acme.tar.zst. - is standard input")
      ->required();
  verb.app.add_option("TENANT", verb->id, "Id of the new tenant; by default the one in the bundle");
  verb.app.add_option("--passphrase-file", verb->passphrase_file,
                      "Decrypt the bundle with the passphrase in this file");
  AddEach(verb.app, "--host-selector", verb->host_selector, "Labels its host must carry, as key=value");
  verb.app.add_option("--locale", verb->locale,
                      "Locale of the database, where the host does not have that of the bundle");
  verb.app.add_flag("--allow-incomplete", verb->allow_incomplete,
                    "Leave out the objects that do not restore, and name them");
  verb.Runs(ImportTenant);
}

}  // namespace croft::ctl
