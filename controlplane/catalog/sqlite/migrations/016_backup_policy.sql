-- When a tenant is backed up by itself, and which of its scheduled backups are kept. Spans are nanoseconds.
ALTER TABLE tenants ADD COLUMN backup_cron TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN backup_window TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN backup_time_zone TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN backup_jitter INTEGER NOT NULL DEFAULT 600000000000;
ALTER TABLE tenants ADD COLUMN keep_within INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN keep_daily INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN keep_weekly INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN keep_monthly INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN keep_yearly INTEGER NOT NULL DEFAULT 0;

-- Those that are being made, which the budget of a store counts.
CREATE INDEX backups_being_made ON backups (store) WHERE state = 'CREATING';
