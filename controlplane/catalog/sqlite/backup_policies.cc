// Reads and writes backup policies.

#include "controlplane/catalog/sqlite/backup_policies.h"

#include "common/errors.h"
#include "controlplane/catalog/sqlite/columns.h"
#include "controlplane/catalog/sqlite/table.h"

namespace croft::catalog {
namespace {

using domain::BackupPolicy;
using domain::BackupRules;
using domain::BackupTimes;
using domain::KeepRules;
using domain::PolicyRollout;
using sqlite::Rows;
using sqlite::SqlBuilder;

constexpr Table kBackupPolicies(
    Col("id", &BackupPolicy::id), Col("create_time", &BackupPolicy::create_time),
    Col("update_time", &BackupPolicy::update_time), Col("version", &BackupPolicy::version),
    Col("selector", MapCodec(), &BackupPolicy::selector), Col("priority", &BackupPolicy::priority),
    Col("backups_kept", &BackupPolicy::rules, &BackupRules::backups_kept),
    Col("backup_every", &BackupPolicy::rules, &BackupRules::backup_every),
    Col("backup_cron", &BackupPolicy::rules, &BackupRules::backup_times, &BackupTimes::cron),
    Col("backup_window", &BackupPolicy::rules, &BackupRules::backup_times, &BackupTimes::window),
    Col("backup_time_zone", &BackupPolicy::rules, &BackupRules::backup_times, &BackupTimes::time_zone),
    Col("backup_jitter", &BackupPolicy::rules, &BackupRules::backup_times, &BackupTimes::jitter),
    Col("keep_within", &BackupPolicy::rules, &BackupRules::keep, &KeepRules::within),
    Col("keep_daily", &BackupPolicy::rules, &BackupRules::keep, &KeepRules::daily),
    Col("keep_weekly", &BackupPolicy::rules, &BackupRules::keep, &KeepRules::weekly),
    Col("keep_monthly", &BackupPolicy::rules, &BackupRules::keep, &KeepRules::monthly),
    Col("keep_yearly", &BackupPolicy::rules, &BackupRules::keep, &KeepRules::yearly),
    Col("prove_every", &BackupPolicy::rules, &BackupRules::prove_every),
    Col("prove_on", MapCodec(), &BackupPolicy::rules, &BackupRules::prove_on),
    Col("copy_to", ListCodec(), &BackupPolicy::rules, &BackupRules::copy_to),
    Col("skip_rows", ListCodec(), &BackupPolicy::rules, &BackupRules::skip_rows),
    Col("backup_off", EnumSetCodec(), &BackupPolicy::rules, &BackupRules::off),
    Col("deleted", &BackupPolicy::deleted),
    Col("rollout_open", &BackupPolicy::rollout, &PolicyRollout::open),
    Col("rollout_from", &BackupPolicy::rollout, &PolicyRollout::from),
    Col("rollout_reached", &BackupPolicy::rollout, &PolicyRollout::reached),
    Col("rollout_turned", &BackupPolicy::rollout, &PolicyRollout::turned),
    Col("rollout_copies", &BackupPolicy::rollout, &PolicyRollout::copies),
    Col("rollout_seen", &BackupPolicy::rollout, &PolicyRollout::seen));

}  // namespace

BackupPolicyReads::BackupPolicyReads(sqlite::Database& database)
    : list_(database, SqlBuilder()
                          .Append("SELECT ")
                          .Append(kBackupPolicies.Names())
                          .Append(" FROM backup_policies ORDER BY id")) {}

absl::StatusOr<std::vector<BackupPolicy>> BackupPolicyReads::List() {
  std::vector<BackupPolicy> policies;
  Rows rows = list_.Query();
  while (rows.Next()) CROFT_RETURN_IF_ERROR(kBackupPolicies.Read(rows, 0, policies.emplace_back()));
  if (!rows.status().ok()) return rows.status();
  return policies;
}

BackupPolicyWrites::BackupPolicyWrites(sqlite::Database& database)
    : put_(database, SqlBuilder()
                         .Append("INSERT OR REPLACE INTO backup_policies (")
                         .Append(kBackupPolicies.Names())
                         .Append(") VALUES (")
                         .Append(kBackupPolicies.Places())
                         .Append(")")),
      delete_(database, "DELETE FROM backup_policies WHERE id = ?") {}

absl::Status BackupPolicyWrites::Put(const BackupPolicy& policy) {
  return kBackupPolicies.Bind(policy, [&](const auto&... columns) { return put_.Execute(columns...); });
}

absl::Status BackupPolicyWrites::Delete(absl::string_view id) { return delete_.Execute(id); }

}  // namespace croft::catalog
