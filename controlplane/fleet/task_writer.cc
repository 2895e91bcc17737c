#include "controlplane/fleet/task_writer.h"

#include <algorithm>
#include <string>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "controlplane/fleet/messages.h"

namespace croft::fleet {
namespace {

using domain::Credential;
using domain::TaskKind;

absl::Status Incomplete(const engine::SendTask& task, absl::string_view what) {
  return MakeError(
      absl::StatusCode::kInternal,
      absl::StrCat("step ", task.fencing.step, " of ", task.fencing.operation, " names no ", what),
      {.reason = "TASK_INCOMPLETE", .metadata = {{"operation", task.fencing.operation}}});
}

void SetDuration(absl::Duration duration, google::protobuf::Duration& into) {
  const int64_t nanos = absl::ToInt64Nanoseconds(duration);
  into.set_seconds(nanos / 1'000'000'000);
  into.set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
}

void SetTime(absl::Time time, google::protobuf::Timestamp& into) {
  const timespec parts = absl::ToTimespec(time);
  into.set_seconds(parts.tv_sec);
  into.set_nanos(static_cast<int32_t>(parts.tv_nsec));
}

void WriteLimits(const domain::Quota& quota, v1::DatabaseLimits& limits) {
  limits.set_connections(quota.connections);
  SetDuration(quota.statement_timeout, *limits.mutable_statement_timeout());
}

void WriteLogin(const Credential& credential, v1::Login& login) {
  login.set_name(credential.login);
  login.set_read_only(credential.role == domain::LoginRole::kReadOnly);
  login.set_verifier(credential.verifier);
}

bool Works(const Credential& credential, absl::Time now) {
  return !credential.disable_time || *credential.disable_time > now;
}

template <typename Work>
void WriteLogins(const domain::Tenant& tenant, absl::Time now, Work& work) {
  for (const Credential& credential : tenant.credentials) {
    if (Works(credential, now)) WriteLogin(credential, *work.add_logins());
  }
}

absl::Status WriteUnfence(const engine::SendTask& task, absl::Time now, v1::UnfenceWork& work) {
  WriteLimits(task.tenant.quota, *work.mutable_limits());
  for (const Credential& credential : task.tenant.credentials) {
    const auto& wanted = task.step.logins;
    const bool named = std::find(wanted.begin(), wanted.end(), credential.login) != wanted.end();
    if (named && Works(credential, now)) WriteLogin(credential, *work.add_logins());
  }
  if (work.logins().empty()) return Incomplete(task, "login that still works");
  return absl::OkStatus();
}

// The login that `name` is made to replace: the published one of the same role. Empty when there is none.
std::string ReplacedBy(const domain::Tenant& tenant, const std::string& name) {
  for (const Credential& credential : tenant.credentials) {
    if (credential.login != name) continue;
    const Credential* published = domain::PublishedCredential(tenant, credential.role);
    return published != nullptr && published->login != name ? published->login : "";
  }
  return "";
}

absl::Status WriteRotate(const engine::SendTask& task, v1::RotateWork& work) {
  if (task.step.logins.empty()) return Incomplete(task, "login");
  const std::string& name = task.step.logins.front();
  v1::Login& login = task.step.flag ? *work.mutable_enable() : *work.mutable_disable();
  login.set_name(name);
  for (const Credential& credential : task.tenant.credentials) {
    if (credential.login == name) WriteLogin(credential, login);
  }
  if (task.step.flag && login.verifier().empty()) return Incomplete(task, "known login");
  if (task.step.flag) work.set_replaces(ReplacedBy(task.tenant, name));
  return absl::OkStatus();
}

absl::Status WriteBackUp(const engine::SendTask& task, keyring::KeyStore& keys, v1::BackUpWork& work) {
  if (!task.backup) return Incomplete(task, "backup");
  CROFT_ASSIGN_OR_RETURN(*work.mutable_key(),
                         keys.UnwrapBackupKey(task.backup->tenant_uid, task.backup->wrapped_key));
  CROFT_ASSIGN_OR_RETURN(*work.mutable_wrapped_data_key(), keys.Wrapped(task.backup->tenant_uid));
  work.set_backup(task.backup->id);
  work.set_store(task.backup->store);
  work.set_wrapped_key(task.backup->wrapped_key);
  work.set_sealed(task.step.flag);
  if (task.max_duration > absl::ZeroDuration()) {
    SetDuration(task.max_duration, *work.mutable_max_duration());
  }
  return absl::OkStatus();
}

absl::Status WriteSource(const engine::SendTask& task, keyring::KeyStore& keys, v1::BackupSource& source) {
  if (!task.backup) return Incomplete(task, "backup");
  const domain::Backup& backup = *task.backup;
  CROFT_ASSIGN_OR_RETURN(*source.mutable_key(),
                         keys.UnwrapBackupKey(backup.tenant_uid, backup.wrapped_key));
  source.set_backup(backup.id);
  source.set_store(backup.store);
  source.set_uid(backup.tenant_uid);
  source.set_generation(backup.generation);
  source.set_sha256(backup.sha256);
  source.set_owner_role(task.backup_owner_role);
  source.set_reader_role(task.backup_reader_role);
  return absl::OkStatus();
}

absl::Status WriteRestore(const engine::SendTask& task, keyring::KeyStore& keys, absl::Time now,
                          v1::RestoreWork& work) {
  WriteLimits(task.tenant.quota, *work.mutable_limits());
  WriteLogins(task.tenant, now, work);
  work.set_locale(task.tenant.locale);
  work.set_allow_incomplete(task.allow_incomplete);
  return WriteSource(task, keys, *work.mutable_source());
}

absl::Status WriteDeleteBackup(const engine::SendTask& task, v1::DeleteBackupWork& work) {
  if (!task.backup) return Incomplete(task, "backup");
  work.set_store(task.backup->store);
  work.add_backups(task.backup->id);
  work.set_all(task.step.flag);
  return absl::OkStatus();
}

void WriteCreate(const engine::SendTask& task, absl::Time now, v1::CreateWork& work) {
  WriteLimits(task.tenant.quota, *work.mutable_limits());
  WriteLogins(task.tenant, now, work);
  for (const std::string& extension : task.tenant.extensions) work.add_extensions(extension);
  work.set_locale(task.tenant.locale);
}

absl::Status WriteWork(const engine::SendTask& task, keyring::KeyStore& keys, absl::Time now,
                       v1::Task& into) {
  switch (task.step.task) {
    case TaskKind::kCreate: WriteCreate(task, now, *into.mutable_create()); return absl::OkStatus();
    case TaskKind::kConfigure:
      WriteLimits(task.tenant.quota, *into.mutable_configure()->mutable_limits());
      WriteLogins(task.tenant, now, *into.mutable_configure());
      return absl::OkStatus();
    case TaskKind::kFence: into.mutable_fence()->set_allow_readers(task.step.flag); return absl::OkStatus();
    case TaskKind::kUnfence: return WriteUnfence(task, now, *into.mutable_unfence());
    case TaskKind::kDrop:
      for (const std::string& database : task.step.databases) into.mutable_drop()->add_databases(database);
      into.mutable_drop()->set_roles(task.step.flag);
      return absl::OkStatus();
    case TaskKind::kBackUp: return WriteBackUp(task, keys, *into.mutable_back_up());
    case TaskKind::kVerify: return WriteSource(task, keys, *into.mutable_verify()->mutable_source());
    case TaskKind::kRestore: return WriteRestore(task, keys, now, *into.mutable_restore());
    case TaskKind::kRotate: return WriteRotate(task, *into.mutable_rotate());
    case TaskKind::kDeleteBackup: return WriteDeleteBackup(task, *into.mutable_delete_backup());
    case TaskKind::kEraseKey: break;  // the control plane's own
  }
  return Incomplete(task, "work for an agent");
}

}  // namespace

absl::StatusOr<v1::Task> WriteTask(const engine::SendTask& task, keyring::KeyStore& keys, absl::Time now) {
  v1::Task written;
  WriteFencing(task.fencing, *written.mutable_fencing());
  v1::TenantObjects& objects = *written.mutable_tenant();
  objects.set_uid(task.tenant.uid);
  objects.set_generation(task.step.generation);
  objects.set_database(task.step.database);
  objects.set_owner_role(task.tenant.owner_role);
  objects.set_reader_role(task.tenant.reader_role);
  if (task.deadline != absl::InfiniteFuture()) SetTime(task.deadline, *written.mutable_deadline());
  CROFT_RETURN_IF_ERROR(WriteWork(task, keys, now, written));
  return written;
}

}  // namespace croft::fleet
