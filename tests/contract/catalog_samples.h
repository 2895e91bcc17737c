#pragma once

#include <string>

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "controlplane/domain/backup.h"
#include "controlplane/domain/backup_policy.h"
#include "controlplane/domain/fleet_event.h"
#include "controlplane/domain/host.h"
#include "controlplane/domain/operation.h"
#include "controlplane/domain/tenant.h"
#include "controlplane/domain/user.h"

namespace croft::catalog {

// `seconds` after a fixed moment.
inline absl::Time At(int64_t seconds) { return absl::FromUnixSeconds(1795000000 + seconds); }

inline domain::Tenant SampleTenant(const std::string& id) {
  domain::Tenant tenant;
  tenant.id = id;
  tenant.uid = absl::StrCat("uid-of-", id);
  tenant.create_time = At(0);
  tenant.update_time = At(1);
  tenant.version = 1;
  tenant.display_name = absl::StrCat("Tenant ", id);
  tenant.labels = {{"app", "shop"}, {"tier", "gold"}};
  tenant.extensions = {"pg_trgm"};
  tenant.locale = "C.UTF-8";
  tenant.settings = R"({"theme":"dark"})";
  tenant.state = domain::TenantState::kReady;
  tenant.placement = {"h1", absl::StrCat("t_", id, "_g1"), 1};
  tenant.owner_role = absl::StrCat("t_", id);
  tenant.purge_parked = true;
  tenant.final_backup_failure = "BACKUP_INCOMPLETE: a view does not restore";
  tenant.credentials = {
      {"login_a",
       domain::LoginRole::kApp,
       std::string("\x00\xff sealed", 9),
       "SCRAM-SHA-256$…",
       At(0),
       true,
       {}},
      {"login_ra", domain::LoginRole::kReadOnly, "sealed", "SCRAM-SHA-256$…", At(0), false, At(9)}};
  return tenant;
}

inline domain::BackupPolicy SampleBackupPolicy(const std::string& id) {
  domain::BackupPolicy policy;
  policy.id = id;
  policy.create_time = At(0);
  policy.update_time = At(1);
  policy.version = 3;
  policy.selector = {{"env", "prod"}, {"é", ""}};
  policy.priority = -7;
  policy.rules = {.backups_kept = 4,
                  .keep = {.within = absl::Hours(48), .daily = 7, .weekly = 4, .monthly = 12, .yearly = 2},
                  .backup_every = absl::Hours(6),
                  .backup_times = {.cron = "30 2 * * *",
                                   .window = "22:00-05:00",
                                   .time_zone = "Europe/Berlin",
                                   .jitter = absl::Seconds(90)},
                  .prove_every = absl::Hours(168),
                  .prove_on = {{"role", "proof"}},
                  .copy_to = {"offsite", "tape"},
                  .skip_rows = {"public.jobs"},
                  .off = {domain::BackupPart::kCopies, domain::BackupPart::kSchedule}};
  policy.deleted = true;
  policy.rollout = {
      .open = true, .from = "g", .reached = "m", .turned = true, .copies = true, .seen = int64_t{1} << 40};
  return policy;
}

inline domain::Host SampleHost(const std::string& id) {
  domain::Host host;
  host.id = id;
  host.uid = absl::StrCat("uid-of-", id);
  host.create_time = At(0);
  host.update_time = At(0);
  host.labels = {{"zone", "a"}};
  host.certificate_fingerprint = "ab:cd";
  host.up = true;
  host.report.postgres_up = true;
  host.report.stores = {"main"};
  host.report.free_bytes_unknown = true;
  host.report.managed = true;
  host.report.max_connections = 97;
  host.report.missing_rights = {{"pg_signal_backend",
                                 "sessions cannot be ended",
                                 "GRANT pg_signal_backend TO croft",
                                 {"fence", "drop"}}};
  host.databases_reserved = 1;
  host.awaited = true;
  host.unconfirmed = true;
  return host;
}

inline domain::User SampleUser(const std::string& id) {
  domain::User user;
  user.id = id;
  user.uid = absl::StrCat("uid-of-", id);
  user.create_time = At(0);
  user.update_time = At(0);
  user.version = 1;
  user.bindings = {{domain::Role::kConnector, domain::LabelledTenants{{{"app", "shop"}}}},
                   {domain::Role::kViewer, domain::NamedTenants{{"acme"}}}};
  user.tokens = {{absl::StrCat("tk-", id), absl::StrCat("hash-of-", id), At(0), At(90), {}}};
  user.certificates = {{absl::StrCat("fingerprint-of-", id), At(90)}};
  return user;
}

inline domain::Findings SampleFindings() {
  return {{{.severity = domain::FindingSeverity::kMissing,
            .reason = "EXTENSION_NOT_ALLOWED",
            .object = R"(EXTENSION "postgis")",
            .owner = "t_acme",
            .message = "this host does not allow it",
            .postgres_message = "ERROR:  „nein“\nHINT:  ask",
            .remedy = "DROP EXTENSION postgis"}},
          7};
}

inline domain::Operation SampleOperation(const std::string& id, const std::string& tenant) {
  domain::Operation operation;
  operation.id = id;
  operation.tenant = tenant;
  operation.caller = "alice";
  operation.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  operation.create_time = At(0);
  operation.update_time = At(0);
  operation.deadline = At(3600);
  operation.details = domain::RotateDetails{.overlap = absl::Hours(2)};
  operation.warnings = SampleFindings();
  operation.steps = {
      {.task = domain::RestoreTask{.backup = {tenant, "b1"}, .allow_incomplete = true}, .host = "h1"}};
  operation.steps.front().refusal_reason = "LOCK_TIMEOUT";
  operation.steps.front().same_refusals = 2;
  operation.steps.front().short_since = At(5);
  return operation;
}

inline domain::FleetEvent SampleEvent(const std::string& tenant, int64_t seconds) {
  return {.time = At(seconds),
          .type = "croft.tenant.created",
          .subject = absl::StrCat("tenants/", tenant),
          .tenant = tenant,
          .tenant_uid = absl::StrCat("uid-of-", tenant),
          .host = "h1",
          .data = {{"state", "READY"}}};
}

inline domain::Backup SampleBackup(const std::string& tenant, const std::string& id) {
  domain::Backup backup;
  backup.tenant = tenant;
  backup.id = id;
  backup.tenant_uid = absl::StrCat("uid-of-", tenant);
  backup.create_time = At(0);
  backup.update_time = At(0);
  backup.store = "main";
  backup.wrapped_key = std::string("\x00key", 4);
  backup.findings = SampleFindings();
  backup.proof_findings = SampleFindings();
  backup.proof_findings.count = 8;
  return backup;
}

}  // namespace croft::catalog
