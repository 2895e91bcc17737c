// Takes archives into a store, on a thread of its own.

#include "agent/session/importer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "agent/session/wire.h"
#include "agent/tasks/task.h"
#include "common/crypto/seal.h"
#include "common/errors.h"
#include "common/log.h"
#include "common/utf8.h"

namespace croft::agent {
namespace {

v1::UploadState Failed(int64_t id, const absl::Status& why) {
  v1::UploadState state;
  state.set_id(id);
  const std::string reason = DetailsOf(why).reason;
  state.set_error_reason(reason.empty() ? "UPLOAD_FAILED" : reason);
  state.set_error_message(Presentable(why.message(), kMostMessageBytes));
  return state;
}

absl::Status UploadBusy() {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   "the host is taking another upload; try again when it is done",
                   {.reason = "UPLOAD_BUSY"});
}

absl::Status NotWanted() { return absl::CancelledError("nobody sends the upload any more"); }

absl::Status Abandoned() {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "nothing more of the upload came",
                   {.reason = "UPLOAD_ABANDONED"});
}

// As a backup task's report has it.
v1::UploadStored StoredOf(const Manifest& manifest) {
  const v1::TaskResult result =
      ResultToProto({}, Outcome(BackedUp{.size_bytes = manifest.archive.size_bytes,
                                         .sha256 = manifest.archive.sha256,
                                         .table_count = manifest.table_count,
                                         .row_count = manifest.row_count,
                                         .findings = manifest.findings}));
  const v1::BackUpDone& done = result.backed_up();
  v1::UploadStored stored;
  stored.set_size_bytes(done.size_bytes());
  stored.set_sha256(done.sha256());
  stored.set_table_count(done.table_count());
  stored.set_row_count(done.row_count());
  *stored.mutable_findings() = done.findings();
  return stored;
}

Finding FromProto(const v1::Finding& proto) {
  return {.severity = Severity::kMissing,
          .reason = proto.reason(),
          .object = proto.object(),
          .owner = proto.owner(),
          .message = proto.message(),
          .postgres_message = proto.postgres_message(),
          .remedy = proto.remedy()};
}

// A restore sets parameters with Croft's own rights, and a bundle can come from anywhere: only those that a tenant may set by
// itself are taken from it.
bool IsTenantsOwn(absl::string_view name) {
  static constexpr absl::string_view kOfModules[] = {"auto_explain.", "pgaudit.", "pg_stat_statements.",
                                                     "plperl.",       "pltcl.",   "plpgsql."};
  static constexpr absl::string_view kPlain[] = {"bytea_output",
                                                 "client_encoding",
                                                 "client_min_messages",
                                                 "datestyle",
                                                 "enable_hashjoin",
                                                 "enable_mergejoin",
                                                 "enable_nestloop",
                                                 "enable_seqscan",
                                                 "intervalstyle",
                                                 "jit",
                                                 "default_transaction_isolation",
                                                 "default_text_search_config",
                                                 "extra_float_digits",
                                                 "lock_timeout",
                                                 "effective_cache_size",
                                                 "random_page_cost",
                                                 "search_path",
                                                 "statement_timeout",
                                                 "synchronous_commit",
                                                 "timezone",
                                                 "work_mem",
                                                 "xmlbinary",
                                                 "xmloption",
                                                 "plan_cache_mode",
                                                 "idle_in_transaction_session_timeout"};
  const std::string lower = absl::AsciiStrToLower(name);
  if (lower.find('.') == std::string::npos)
    return std::find(std::begin(kPlain), std::end(kPlain), lower) != std::end(kPlain);
  return std::none_of(std::begin(kOfModules), std::end(kOfModules),
                      [&](absl::string_view module) { return absl::StartsWith(lower, module); });
}

Finding NotTaken(const v1::DatabaseParameter& parameter) {
  return {.severity = Severity::kNote,
          .reason = "SETTING_NOT_KEPT",
          .object = parameter.role().empty() ? "DATABASE" : absl::StrCat("ROLE ", parameter.role()),
          .message = absl::StrCat("The parameter ", parameter.name(), " = ", parameter.value(),
                                  " is not taken from a bundle."),
          .remedy = "have a superuser set it, if it is wanted here"};
}

CatalogFacts FactsFrom(const v1::UploadBegin& begin) {
  const v1::ArchiveFacts& archive = begin.archive();
  CatalogFacts facts{.server_version = archive.server_version(),
                     .locale = {.encoding = archive.encoding(),
                                .provider = archive.locale_provider(),
                                .collate = archive.collate(),
                                .ctype = archive.ctype(),
                                .icu_locale = archive.icu_locale(),
                                .collation_version = archive.collation_version()},
                     .database_bytes = begin.database_bytes()};
  const std::string& version = archive.server_version();
  if (!absl::SimpleAtoi(version.substr(0, version.find('.')), &facts.server_major)) facts.server_major = 0;
  for (const v1::DatabaseExtension& extension : archive.extensions()) {
    facts.extensions.push_back(
        {.name = extension.name(), .version = extension.version(), .schema = extension.schema()});
  }
  for (const v1::DatabaseParameter& parameter : archive.parameters()) {
    if (!IsTenantsOwn(parameter.name())) continue;
    facts.settings.push_back({.role = parameter.role(),
                              .read_only_login = parameter.read_only_login(),
                              .in_database = !parameter.every_database(),
                              .name = parameter.name(),
                              .value = parameter.value()});
  }
  return facts;
}

}  // namespace

absl::StatusOr<UploadedBackup> FromProto(const v1::UploadBegin& begin) {
  if (begin.key().size() != crypto::kKeyBytes) return InvalidField("upload.key", "must be 32 bytes");
  CROFT_RETURN_IF_ERROR(CheckObjectName(ArchiveObject(begin.uid(), begin.backup())));
  UploadedBackup backup{
      .identity = {.uid = begin.uid(), .generation = begin.generation(), .backup = begin.backup()},
      .key = begin.key(),
      .wrapped_key = begin.wrapped_key(),
      .wrapped_data_key = begin.wrapped_data_key(),
      .database = begin.database(),
      .owner_role = begin.archive().owner_role(),
      .reader_role = begin.archive().reader_role(),
      .facts = FactsFrom(begin),
      .dump = {.size_bytes = begin.archive().size_bytes(), .sha256 = begin.archive().sha256()},
      .upload_bytes = begin.upload_bytes()};
  for (const v1::Finding& finding : begin.missing()) backup.not_dumped.push_back(FromProto(finding));
  for (const v1::DatabaseParameter& parameter : begin.archive().parameters()) {
    if (!IsTenantsOwn(parameter.name())) backup.not_dumped.push_back(NotTaken(parameter));
  }
  return backup;
}

Importer::Importer(FindStoreById find, const Clock& clock, UploadNotes notes, Send send)
    : find_(std::move(find)),
      clock_(clock),
      send_(std::move(send)),
      notes_(std::move(notes)),
      thread_([this] { Run(); }) {}

Importer::~Importer() { Stop(); }

void Importer::Take(const v1::Upload& message) {
  const MutexLock lock(mutex_);
  if (message.has_begin()) {
    if (running_) return send_(Failed(message.id(), UploadBusy()));
    running_ = Running{.id = message.id(), .begin = message.begin()};
  } else if (running_ && running_->id == message.id()) {
    if (message.part_case() == v1::Upload::kData) {
      // What was not granted would fill this machine's memory.
      const bool fits = running_->parts.size() < kWindow && message.data().size() <= kMostPartBytes;
      fits ? running_->parts.push_back(message.data()) : void(running_->dropped = true);
    }
    running_->whole = running_->whole || message.end();
    running_->dropped = running_->dropped || message.stop();
    running_->kept = running_->kept || message.keep();
  }
  wake_.NotifyAll();
}

void Importer::Drop() {
  const MutexLock lock(mutex_);
  if (running_) running_->cut = true;
  wake_.NotifyAll();
}

void Importer::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void Importer::Run() {
  for (const UploadNotes::Note& left : notes_.All()) Remove(left.store, left.uid);
  for (;;) {
    int64_t id = 0;
    v1::UploadBegin begin;
    {
      const MutexLock lock(mutex_);
      while (!stopping_ && !running_) wake_.Wait(mutex_);
      if (stopping_) return;
      id = running_->id;
      begin = running_->begin;
    }
    Serve(id, begin);
    const MutexLock lock(mutex_);
    running_.reset();
  }
}

void Importer::Serve(int64_t id, const v1::UploadBegin& begin) {
  const absl::StatusOr<Manifest> manifest = Store(begin);
  if (!manifest.ok()) return Tell(Failed(id, manifest.status()));
  v1::UploadState state;
  state.set_id(id);
  *state.mutable_stored() = StoredOf(*manifest);
  Tell(std::move(state));
  if (AwaitVerdict()) return;
  Remove(begin.store(), begin.uid());
  Tell(Failed(id, NotWanted()));
}

absl::StatusOr<Manifest> Importer::Store(const v1::UploadBegin& begin) {
  CROFT_ASSIGN_OR_RETURN(const UploadedBackup backup, FromProto(begin));
  CROFT_ASSIGN_OR_RETURN(agent::Store* const store, find_(begin.store()));
  CROFT_RETURN_IF_ERROR(notes_.Write({.uid = begin.uid(), .store = begin.store()}));
  Grant(kWindow);
  absl::StatusOr<Manifest> manifest =
      StoreUpload(*store, backup, clock_.Now(), [this] { return NextPart(); });
  if (manifest.ok()) {
    notes_.Remove(begin.uid());
  } else {
    Remove(begin.store(), begin.uid());
  }
  return manifest;
}

void Importer::Remove(const std::string& store_id, const std::string& uid) {
  const absl::StatusOr<agent::Store*> store = find_(store_id);
  const absl::Status removed = store.ok() ? (*store)->DeleteAll(uid) : store.status();
  if (removed.ok()) return notes_.Remove(uid);
  log::Warning("what an upload has left could not be removed",
               {{"uid", uid}, {"error", std::string(removed.message())}});
}

absl::StatusOr<std::optional<std::string>> Importer::NextPart() {
  const absl::Time until = clock_.Now() + kLongestSilence;
  std::string part;
  {
    const MutexLock lock(mutex_);
    for (;;) {
      if (stopping_ || running_->dropped || running_->cut) return NotWanted();
      if (!running_->parts.empty()) break;
      if (running_->whole) return std::nullopt;
      const absl::Duration left = until - clock_.Now();
      if (left <= absl::ZeroDuration()) return Abandoned();
      wake_.WaitFor(mutex_, left + absl::Milliseconds(1));
    }
    part = std::move(running_->parts.front());
    running_->parts.pop_front();
  }
  Grant(1);
  return part;
}

bool Importer::AwaitVerdict() {
  const absl::Time until = clock_.Now() + kLongestDoubt;
  const MutexLock lock(mutex_);
  for (;;) {
    if (running_->kept) return true;
    if (running_->dropped) return false;
    // The control plane may have recorded it before it went.
    if (stopping_ || running_->cut) return true;
    const absl::Duration left = until - clock_.Now();
    if (left <= absl::ZeroDuration()) return false;
    wake_.WaitFor(mutex_, left + absl::Milliseconds(1));
  }
}

void Importer::Grant(int parts) {
  v1::UploadState state;
  state.set_parts(parts);
  const MutexLock lock(mutex_);
  state.set_id(running_->id);
  if (!running_->cut) send_(std::move(state));
}

void Importer::Tell(v1::UploadState state) {
  const MutexLock lock(mutex_);
  if (!running_->cut) send_(std::move(state));
}

}  // namespace croft::agent
