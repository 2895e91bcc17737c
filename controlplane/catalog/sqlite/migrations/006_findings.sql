-- What backups, proofs and restores say about single objects, as JSON, and how many of them there are in all.
CREATE TABLE backups_with_findings (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id <> ''),
  tenant_uid TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN (
    'CREATING', 'AVAILABLE', 'VERIFIED', 'FAILED', 'DELETING', 'VERIFIED_WITH_NOTES', 'INCOMPLETE', 'DAMAGED')),
  origin TEXT NOT NULL CHECK (origin IN ('MANUAL', 'FINAL', 'SCHEDULED')),
  store TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  generation INTEGER NOT NULL,
  server_version TEXT NOT NULL,
  table_count INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  verify_time INTEGER,
  wrapped_key BLOB NOT NULL,
  findings TEXT NOT NULL,
  finding_count INTEGER NOT NULL,
  proof_findings TEXT NOT NULL,
  proof_finding_count INTEGER NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
INSERT INTO backups_with_findings
  SELECT tenant, id, tenant_uid, create_time, update_time, version, state, origin, store, size_bytes, sha256,
         generation, server_version, table_count, row_count, verify_time, wrapped_key, '[]', 0, '[]', 0
  FROM backups;
DROP TABLE backups;
ALTER TABLE backups_with_findings RENAME TO backups;
CREATE INDEX backups_by_id ON backups (id, tenant);

ALTER TABLE operations ADD COLUMN allow_incomplete INTEGER NOT NULL DEFAULT 0 CHECK (allow_incomplete IN (0, 1));
ALTER TABLE operations ADD COLUMN max_duration INTEGER NOT NULL DEFAULT 0;
ALTER TABLE operations ADD COLUMN warnings TEXT NOT NULL DEFAULT '[]';
ALTER TABLE operations ADD COLUMN warning_count INTEGER NOT NULL DEFAULT 0;

-- For how long, and how often for one reason, a step has failed: what ends it.
ALTER TABLE steps ADD COLUMN refusal_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE steps ADD COLUMN same_refusals INTEGER NOT NULL DEFAULT 0;
ALTER TABLE steps ADD COLUMN short_since INTEGER;

ALTER TABLE tenants ADD COLUMN delete_protection INTEGER NOT NULL DEFAULT 0 CHECK (delete_protection IN (0, 1));
ALTER TABLE tenants ADD COLUMN final_backup_failure TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN purge_parked INTEGER NOT NULL DEFAULT 0 CHECK (purge_parked IN (0, 1));

ALTER TABLE hosts ADD COLUMN free_bytes_unknown INTEGER NOT NULL DEFAULT 0 CHECK (free_bytes_unknown IN (0, 1));
ALTER TABLE hosts ADD COLUMN managed INTEGER NOT NULL DEFAULT 0 CHECK (managed IN (0, 1));
ALTER TABLE hosts ADD COLUMN max_connections INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hosts ADD COLUMN missing_rights TEXT NOT NULL DEFAULT '[]';
