-- What tenants are backed up by that do not say so themselves. Columns are those of tenants, where there are any.
CREATE TABLE backup_policies (
  id TEXT NOT NULL CHECK (id <> ''),
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  selector TEXT NOT NULL,
  priority INTEGER NOT NULL,
  backups_kept INTEGER NOT NULL,
  backup_every INTEGER NOT NULL,
  backup_cron TEXT NOT NULL,
  backup_window TEXT NOT NULL,
  backup_time_zone TEXT NOT NULL,
  backup_jitter INTEGER NOT NULL,
  keep_within INTEGER NOT NULL,
  keep_daily INTEGER NOT NULL,
  keep_weekly INTEGER NOT NULL,
  keep_monthly INTEGER NOT NULL,
  keep_yearly INTEGER NOT NULL,
  prove_every INTEGER NOT NULL,
  prove_on TEXT NOT NULL,
  copy_to TEXT NOT NULL,
  skip_rows TEXT NOT NULL,
  backup_off TEXT NOT NULL,
  deleted INTEGER NOT NULL,
  rollout_open INTEGER NOT NULL,
  rollout_from TEXT NOT NULL,
  rollout_reached TEXT NOT NULL,
  rollout_turned INTEGER NOT NULL,
  rollout_copies INTEGER NOT NULL,
  rollout_seen INTEGER NOT NULL,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;

ALTER TABLE tenants ADD COLUMN backup_off TEXT NOT NULL DEFAULT '[]';
ALTER TABLE schedules ADD COLUMN basis INTEGER NOT NULL DEFAULT 0;
