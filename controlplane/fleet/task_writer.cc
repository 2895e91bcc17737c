// Writes the task that an agent gets, with its secrets opened.

#include "controlplane/fleet/task_writer.h"

#include <algorithm>
#include <string>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "controlplane/fleet/messages.h"

namespace croft::fleet {
namespace {

using domain::Credential;

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

// Of the database that the tenant has; one that is made is open for growth.
void WriteLimits(const domain::Tenant& tenant, v1::DatabaseLimits& limits) {
  WriteLimits(tenant.quota, limits);
  limits.set_closed_for_growth(tenant.storage.closed);
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

// What the tasks are written from.
struct Source {
  const engine::SendTask& task;
  keyring::KeyStore& keys;
  absl::Time now;
};

// The login that `name` is made to replace: the published one of the same role. Empty when there is none.
std::string ReplacedBy(const domain::Tenant& tenant, const std::string& name) {
  for (const Credential& credential : tenant.credentials) {
    if (credential.login != name) continue;
    const Credential* published = domain::PublishedCredential(tenant, credential.role);
    return published != nullptr && published->login != name ? published->login : "";
  }
  return "";
}

// `store` has the copy that is meant; empty: the backup's own.
absl::Status WriteSource(const Source& from, const std::string& store, v1::BackupSource& source) {
  if (!from.task.backup) return Incomplete(from.task, "backup");
  const domain::Backup& backup = *from.task.backup;
  CROFT_ASSIGN_OR_RETURN(*source.mutable_key(),
                         from.keys.UnwrapBackupKey(backup.tenant_uid, backup.wrapped_key));
  source.set_backup(backup.id);
  source.set_store(store.empty() ? backup.store : store);
  source.set_uid(backup.tenant_uid);
  source.set_generation(backup.generation);
  source.set_sha256(backup.sha256);
  source.set_owner_role(from.task.backup_owner_role);
  source.set_reader_role(from.task.backup_reader_role);
  return absl::OkStatus();
}

// --- One for each kind of task.

absl::Status Write(const domain::CreateTask&, const Source& from, v1::Task& into) {
  v1::CreateWork& work = *into.mutable_create();
  WriteLimits(from.task.tenant.quota, *work.mutable_limits());
  WriteLogins(from.task.tenant, from.now, work);
  for (const std::string& extension : from.task.tenant.extensions) work.add_extensions(extension);
  work.set_locale(from.task.tenant.locale);
  return absl::OkStatus();
}

absl::Status Write(const domain::ConfigureTask&, const Source& from, v1::Task& into) {
  WriteLimits(from.task.tenant, *into.mutable_configure()->mutable_limits());
  WriteLogins(from.task.tenant, from.now, *into.mutable_configure());
  return absl::OkStatus();
}

absl::Status Write(const domain::FenceTask& fence, const Source&, v1::Task& into) {
  into.mutable_fence()->set_allow_readers(fence.allow_readers);
  return absl::OkStatus();
}

absl::Status Write(const domain::UnfenceTask& unfence, const Source& from, v1::Task& into) {
  v1::UnfenceWork& work = *into.mutable_unfence();
  WriteLimits(from.task.tenant, *work.mutable_limits());
  for (const Credential& credential : from.task.tenant.credentials) {
    const auto& wanted = unfence.logins;
    const bool named = std::find(wanted.begin(), wanted.end(), credential.login) != wanted.end();
    if (named && Works(credential, from.now)) WriteLogin(credential, *work.add_logins());
  }
  if (work.logins().empty()) return Incomplete(from.task, "login that still works");
  return absl::OkStatus();
}

absl::Status Write(const domain::LimitGrowthTask& limit, const Source&, v1::Task& into) {
  into.mutable_limit_growth()->set_closed(limit.closed);
  return absl::OkStatus();
}

absl::Status Write(const domain::RenumberTask& renumber, const Source&, v1::Task& into) {
  into.mutable_renumber()->set_database(renumber.database);
  into.mutable_renumber()->set_generation(renumber.generation);
  return absl::OkStatus();
}

absl::Status Write(const domain::DropTask& drop, const Source&, v1::Task& into) {
  for (const std::string& database : drop.databases) into.mutable_drop()->add_databases(database);
  into.mutable_drop()->set_roles(drop.roles);
  return absl::OkStatus();
}

absl::Status Write(const domain::BackUpTask& back_up, const Source& from, v1::Task& into) {
  v1::BackUpWork& work = *into.mutable_back_up();
  if (!from.task.backup) return Incomplete(from.task, "backup");
  const domain::Backup& backup = *from.task.backup;
  CROFT_ASSIGN_OR_RETURN(*work.mutable_key(),
                         from.keys.UnwrapBackupKey(backup.tenant_uid, backup.wrapped_key));
  CROFT_ASSIGN_OR_RETURN(*work.mutable_wrapped_data_key(), from.keys.Wrapped(backup.tenant_uid));
  work.set_backup(backup.id);
  work.set_store(backup.store);
  work.set_wrapped_key(backup.wrapped_key);
  work.set_sealed(back_up.sealed);
  if (back_up.max_duration > absl::ZeroDuration())
    SetDuration(back_up.max_duration, *work.mutable_max_duration());
  work.mutable_skip_rows()->Assign(back_up.skip_rows.begin(), back_up.skip_rows.end());
  return absl::OkStatus();
}

absl::Status Write(const domain::VerifyTask& verify, const Source& from, v1::Task& into) {
  return WriteSource(from, verify.store, *into.mutable_verify()->mutable_source());
}

absl::Status Write(const domain::RestoreTask& restore, const Source& from, v1::Task& into) {
  v1::RestoreWork& work =
      restore.only.empty() ? *into.mutable_restore() : *into.mutable_restore_part()->mutable_restore();
  if (!restore.only.empty())
    into.mutable_restore_part()->mutable_only()->Assign(restore.only.begin(), restore.only.end());
  WriteLimits(from.task.tenant.quota, *work.mutable_limits());
  WriteLogins(from.task.tenant, from.now, work);
  work.set_locale(from.task.tenant.locale);
  work.set_allow_incomplete(restore.allow_incomplete);
  return WriteSource(from, restore.store, *work.mutable_source());
}

absl::Status Write(const domain::RotateTask& rotate, const Source& from, v1::Task& into) {
  if (rotate.login.empty()) return Incomplete(from.task, "login");
  v1::RotateWork& work = *into.mutable_rotate();
  v1::Login& login = rotate.enable ? *work.mutable_enable() : *work.mutable_disable();
  login.set_name(rotate.login);
  for (const Credential& credential : from.task.tenant.credentials) {
    if (credential.login == rotate.login) WriteLogin(credential, login);
  }
  if (rotate.enable && login.verifier().empty()) return Incomplete(from.task, "known login");
  if (rotate.enable) work.set_replaces(ReplacedBy(from.task.tenant, rotate.login));
  return absl::OkStatus();
}

absl::Status Write(const domain::DeleteBackupTask& remove, const Source& from, v1::Task& into) {
  if (!from.task.backup) return Incomplete(from.task, "backup");
  v1::DeleteBackupWork& work = *into.mutable_delete_backup();
  work.set_store(remove.store.empty() ? from.task.backup->store : remove.store);
  work.add_backups(from.task.backup->id);
  work.set_all(remove.all);
  return absl::OkStatus();
}

absl::Status Write(const domain::CopyBackupTask& copy, const Source& from, v1::Task& into) {
  if (!from.task.backup) return Incomplete(from.task, "backup");
  const domain::Backup& backup = *from.task.backup;
  v1::CopyBackupWork& work = *into.mutable_copy_backup();
  CROFT_ASSIGN_OR_RETURN(*work.mutable_wrapped_data_key(), from.keys.Wrapped(backup.tenant_uid));
  work.set_backup(backup.id);
  work.set_from_store(copy.from_store);
  work.set_to_store(copy.to_store);
  work.set_sha256(backup.sha256);
  return absl::OkStatus();
}

// The control plane's own.
absl::Status Write(const domain::EraseKeyTask&, const Source& from, v1::Task&) {
  return Incomplete(from.task, "work for an agent");
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
  written.set_traceparent(task.traceparent);
  const Source from{task, keys, now};
  CROFT_RETURN_IF_ERROR(
      std::visit([&](const auto& work) { return Write(work, from, written); }, task.step.task));
  return written;
}

}  // namespace croft::fleet
