// Implements ImportService.

#include "controlplane/handlers/imports.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"

namespace croft::handlers {

// One archive on its way. `mutex` is held by the call that works on it.
struct ImportHandlers::Import {
  std::string caller;
  domain::Tenant tenant;  // id, uid, role names and logins of the tenant that is to be
  std::string host;
  domain::Backup backup;  // what is known of it before it is stored
  absl::Time last_used;   // guarded by the registry, as is the next
  bool sent = false;      // all of it: it holds no thread and no agent any more

  Mutex mutex;
  std::unique_ptr<fleet::UploadStream> upload ABSL_GUARDED_BY(mutex);
  int64_t offset ABSL_GUARDED_BY(mutex) = 0;
  bool kept ABSL_GUARDED_BY(mutex) = false;                       // a tenant came of it, or may have
  bool dropped ABSL_GUARDED_BY(mutex) = false;                    // its key is gone
  std::optional<v1::Operation> operation ABSL_GUARDED_BY(mutex);  // that it has led to

  // Whether it is to be dropped now. Never once a tenant came of it, or may have: that needs the key.
  bool GivenUp() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (!kept) dropped = true;
    return dropped;
  }
};

namespace {

absl::Status ImportNotFound() {
  return MakeError(
      absl::StatusCode::kNotFound,
      "there is no such import: it has ended, or was dropped since nothing came; begin it anew",
      {.reason = "IMPORT_NOT_FOUND"});
}

absl::Status TooManyImports() {
  return MakeError(absl::StatusCode::kResourceExhausted, "too many imports are under way; try again later",
                   {.reason = "OVERLOADED", .retry_delay = absl::Seconds(10)});
}

bool Waits(const absl::Status& status) { return DetailsOf(status).reason == "UPLOAD_WAITS"; }

// UNAVAILABLE would have clients send the next part to what is not there any more.
absl::Status Ended(const absl::Status& why) {
  if (!absl::IsUnavailable(why)) return why;
  return MakeError(absl::StatusCode::kAborted,
                   absl::StrCat("the upload was cut: ", why.message(), "; begin the import anew"),
                   {.reason = "UPLOAD_CUT"});
}

int MajorOf(const std::string& version) { return std::atoi(version.c_str()); }

// What the restore would refuse is refused before anything is sent.
absl::Status CheckHost(const domain::Host& host, const wire::BeginImport& request) {
  const int from = MajorOf(request.archive.server_version());
  const int to = MajorOf(host.report.postgres_version);
  if (to > 0 && to < from) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat("the archive is of PostgreSQL ", from, " and host ", host.id, " has ", to,
                                  ", which is older; choose another host with host_selector"),
                     {.reason = "SERVER_TOO_OLD", .metadata = {{"host", host.id}}});
  }
  const bool knows_room = host.report.free_bytes > 0 && !host.report.free_bytes_unknown;
  if (knows_room && request.database_bytes > host.report.free_bytes) {
    return MakeError(
        absl::StatusCode::kResourceExhausted,
        absl::StrCat("the database takes ", request.database_bytes, " bytes and host ", host.id, " has ",
                     host.report.free_bytes, "; choose another host with host_selector"),
        {.reason = "DISK_FULL", .metadata = {{"host", host.id}}});
  }
  return absl::OkStatus();
}

// Whether the request may have taken effect although it ended with this code.
bool OutcomeIsUnknown(const absl::Status& status) {
  return absl::IsCancelled(status) || absl::IsUnavailable(status) || absl::IsInternal(status) ||
         absl::IsDataLoss(status) || absl::IsUnknown(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace

Service ImportHandlers::service() {
  Service service("croft.v1.ImportService");
  service.Unary("BeginImport", *this, &ImportHandlers::BeginImport);
  service.Unary("AppendImport", *this, &ImportHandlers::AppendImport);
  service.Unary("FinishImport", *this, &ImportHandlers::FinishImport);
  service.Unary("AbandonImport", *this, &ImportHandlers::AbandonImport);
  return service;
}

absl::StatusOr<domain::Operation> ImportHandlers::Plan(const RequestContext& context,
                                                       const wire::BeginImport& request) {
  engine::ImportTenant body{.operation = secrets_.NewOperationId(),
                            .tenant = request.tenant,
                            .host_selector = request.host_selector};
  body.backup.id = body.operation;  // any: it is not recorded
  engine::Caller dry = context.caller;
  dry.validate_only = true;
  CROFT_ASSIGN_OR_RETURN(engine::Answer answer, event_queue_.Call(dry, std::move(body)));
  if (auto* planned = std::get_if<domain::Operation>(&answer)) return std::move(*planned);
  return absl::InternalError("a dry run answered no operation");
}

absl::StatusOr<ImportHandlers::ImportRef> ImportHandlers::Open(const wire::BeginImport& request,
                                                               const domain::Host& host,
                                                               const domain::Operation& planned) {
  const domain::Tenant& tenant = request.tenant;
  CROFT_ASSIGN_OR_RETURN(engine::PreparedBackup prepared, secrets_.PrepareBackup(tenant.uid));
  const domain::Step& restore = planned.steps.front();
  v1::UploadBegin begin;
  CROFT_ASSIGN_OR_RETURN(*begin.mutable_key(), keys_.UnwrapBackupKey(tenant.uid, prepared.wrapped_key));
  CROFT_ASSIGN_OR_RETURN(*begin.mutable_wrapped_data_key(), keys_.Wrapped(tenant.uid));
  begin.set_wrapped_key(prepared.wrapped_key);
  begin.set_store(host.report.stores.front());
  begin.set_uid(tenant.uid);
  begin.set_generation(restore.generation);
  begin.set_backup(prepared.id);
  begin.set_database(restore.database);
  *begin.mutable_archive() = request.archive;
  begin.set_database_bytes(request.database_bytes);
  begin.set_upload_bytes(request.upload_bytes);
  begin.mutable_missing()->Assign(request.missing.begin(), request.missing.end());
  auto import = std::make_shared<Import>();
  import->tenant = tenant;
  import->host = host.id;
  import->backup.id = std::move(prepared.id);
  import->backup.store = begin.store();
  import->backup.generation = restore.generation;
  import->backup.server_version = request.archive.server_version();
  import->backup.wrapped_key = std::move(prepared.wrapped_key);
  import->backup.note = "imported";
  import->backup.database_bytes = request.database_bytes;
  const MutexLock lock(import->mutex);
  CROFT_ASSIGN_OR_RETURN(import->upload, agents_.Upload(host.id, begin));
  return import;
}

absl::Status ImportHandlers::Register(const std::string& id, const ImportRef& import) {
  std::vector<ImportRef> idle;  // their streams end without the lock
  {
    const MutexLock lock(mutex_);
    import->last_used = clock_.Now();
    for (auto it = imports_.begin(); it != imports_.end();) {
      if (clock_.Now() - it->second->last_used < kIdle) {
        ++it;
        continue;
      }
      idle.push_back(it->second);
      it = imports_.erase(it);
    }
    const auto open = std::count_if(imports_.begin(), imports_.end(),
                                    [](const auto& entry) { return !entry.second->sent; });
    if (open >= kMost) return TooManyImports();
    imports_.emplace(id, import);
  }
  return absl::OkStatus();
}

void ImportHandlers::NoteSent(Import& import) {
  const MutexLock lock(mutex_);
  import.sent = true;
}

absl::StatusOr<ImportHandlers::ImportRef> ImportHandlers::Find(const RequestContext& context,
                                                               const std::string& id) {
  const MutexLock lock(mutex_);
  const auto found = imports_.find(id);
  if (found == imports_.end() || found->second->caller != context.caller.name) return ImportNotFound();
  found->second->last_used = clock_.Now();
  return found->second;
}

absl::Status ImportHandlers::Drop(const std::string& id, const ImportRef& import, const absl::Status& why) {
  {
    const MutexLock lock(mutex_);
    imports_.erase(id);
  }
  secrets_.ForgetDataKey(import->tenant.uid);
  return why;
}

absl::StatusOr<v1::BeginImportResponse> ImportHandlers::BeginImport(const RequestContext& context,
                                                                    const v1::BeginImportRequest& request) {
  CROFT_ASSIGN_OR_RETURN(wire::BeginImport parsed, wire::Parse(request));
  secrets_.AssignUidAndLogins(parsed.tenant);
  CROFT_ASSIGN_OR_RETURN(const domain::Operation planned, Plan(context, parsed));
  const std::string& host_id = planned.steps.front().host;
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Host> host, catalog_.GetHost(host_id));
  if (!host || host->report.stores.empty()) return domain::NoStore(host_id);
  CROFT_RETURN_IF_ERROR(CheckHost(*host, parsed));
  v1::BeginImportResponse response;
  response.set_host(HostName(host_id));
  response.set_part_bytes(fleet::Uploads::kLargestPart);
  if (context.caller.validate_only) return response;
  CROFT_RETURN_IF_ERROR(secrets_.CreateDataKey(parsed.tenant));
  absl::StatusOr<ImportRef> import = Open(parsed, *host, planned);
  const std::string id = secrets_.NewUid();
  absl::Status begun = import.status();
  if (import.ok()) {
    (*import)->caller = context.caller.name;
    begun = Register(id, *import);
  }
  if (!begun.ok()) {
    secrets_.ForgetDataKey(parsed.tenant.uid);
    return begun;
  }
  response.set_upload(id);
  return response;
}

absl::StatusOr<v1::AppendImportResponse> ImportHandlers::AppendImport(
    const RequestContext& context, const v1::AppendImportRequest& request) {
  CROFT_RETURN_IF_ERROR(wire::Check(request, fleet::Uploads::kLargestPart));
  CROFT_ASSIGN_OR_RETURN(const ImportRef import, Find(context, request.upload()));
  const auto size = static_cast<int64_t>(request.data().size());
  const MutexLock lock(import->mutex);
  if (import->dropped || import->kept) return ImportNotFound();
  v1::AppendImportResponse response;
  response.set_offset(import->offset);
  if (request.offset() + size == import->offset) return response;
  if (request.offset() != import->offset)
    return InvalidField("offset", absl::StrCat("must be ", import->offset));
  const absl::Status sent = import->upload->Append(request.data(), kLongestWait);
  if (Waits(sent)) return response;
  if (!sent.ok() && import->GivenUp()) return Drop(request.upload(), import, Ended(sent));
  CROFT_RETURN_IF_ERROR(sent);
  import->offset += size;
  response.set_offset(import->offset);
  return response;
}

absl::StatusOr<engine::Answer> ImportHandlers::Commit(const RequestContext& context,
                                                      const wire::FinishImport& request, Import& import,
                                                      const engine::BackedUp& stored) {
  engine::ImportTenant body{.operation = secrets_.NewOperationId(),
                            .tenant = request.tenant,
                            .host = import.host,
                            .backup = import.backup,
                            .allow_incomplete = request.allow_incomplete};
  body.tenant.uid = import.tenant.uid;
  body.tenant.owner_role = import.tenant.owner_role;
  body.tenant.reader_role = import.tenant.reader_role;
  body.tenant.credentials = import.tenant.credentials;
  body.backup.size_bytes = stored.size_bytes;
  body.backup.sha256 = stored.sha256;
  body.backup.table_count = stored.table_count;
  body.backup.row_count = stored.row_count;
  body.backup.findings = stored.findings;
  return event_queue_.Call(context.caller, std::move(body));
}

absl::StatusOr<v1::Operation> ImportHandlers::FinishImport(const RequestContext& context,
                                                           const v1::FinishImportRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const wire::FinishImport parsed, wire::Parse(request));
  CROFT_ASSIGN_OR_RETURN(const ImportRef import, Find(context, request.upload()));
  if (parsed.tenant.id != import->tenant.id)
    return InvalidField("tenant_id", "must be the id that the import began with");
  const MutexLock lock(import->mutex);
  if (import->dropped) return ImportNotFound();
  if (import->operation) return *import->operation;
  const absl::StatusOr<engine::BackedUp> stored = import->upload->Finish(kLongestWait);
  if (Waits(stored.status())) return stored.status();
  if (!stored.ok() && import->GivenUp()) return Drop(request.upload(), import, Ended(stored.status()));
  CROFT_RETURN_IF_ERROR(stored.status());
  const absl::StatusOr<engine::Answer> answer = Commit(context, parsed, *import, *stored);
  import->kept = import->kept || answer.ok() || OutcomeIsUnknown(answer.status());
  if (import->GivenUp()) return Drop(request.upload(), import, answer.status());
  // Where it is open whether the tenant came to be, its backup and its key stay.
  import->upload->Keep();
  if (!answer.ok()) return answer.status();
  CROFT_ASSIGN_OR_RETURN(import->operation, presenter_.ShowOperation(answer, context));
  NoteSent(*import);
  return *import->operation;
}

absl::StatusOr<v1::AbandonImportResponse> ImportHandlers::AbandonImport(
    const RequestContext& context, const v1::AbandonImportRequest& request) {
  CROFT_RETURN_IF_ERROR(wire::Check(request));
  const absl::StatusOr<ImportRef> import = Find(context, request.upload());
  if (!import.ok()) return v1::AbandonImportResponse();
  // With the lock, so that none makes a tenant of it meanwhile.
  const MutexLock lock((*import)->mutex);
  if (!(*import)->dropped && (*import)->GivenUp())
    CROFT_RETURN_IF_ERROR(Drop(request.upload(), *import, absl::OkStatus()));
  return v1::AbandonImportResponse();
}

}  // namespace croft::handlers
