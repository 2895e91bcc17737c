-- Labels of the hosts where a tenant's backups are proven, the last proof, and replaced databases that can be put back.
ALTER TABLE tenants ADD COLUMN prove_on TEXT NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN kept_databases TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tenants ADD COLUMN proof_backup TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN proof_time INTEGER;
ALTER TABLE tenants ADD COLUMN proof_host TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN proof_outcome TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN proof_caller TEXT NOT NULL DEFAULT '';

-- Size of the database when it was backed up, and the nanoseconds that the last restore or proof took; 0: not known.
ALTER TABLE backups ADD COLUMN database_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE backups ADD COLUMN restore_duration INTEGER NOT NULL DEFAULT 0;
