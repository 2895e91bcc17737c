-- What is next to be done by itself, and when: one row for each, looked for by time.
CREATE TABLE schedules (
  kind TEXT NOT NULL,
  resource TEXT NOT NULL,
  next_time INTEGER NOT NULL,
  refusals INTEGER NOT NULL,
  refusal_reason TEXT NOT NULL,
  refusal_message TEXT NOT NULL,
  PRIMARY KEY (kind, resource)
) STRICT, WITHOUT ROWID;

CREATE INDEX schedules_by_time ON schedules (next_time, kind, resource);
CREATE INDEX schedules_refused ON schedules (refusals, kind, resource) WHERE refusals > 0;

INSERT INTO schedules
  SELECT CASE WHEN state IN ('RETIRED', 'FAILED') THEN 'PURGE' ELSE 'EXPIRE' END, 'tenants/' || id, due_time, 0, '', ''
  FROM tenants WHERE due_time IS NOT NULL AND state IN ('READY', 'SUSPENDED', 'RETIRED', 'FAILED');

DROP INDEX tenants_due;
ALTER TABLE tenants DROP COLUMN due_time;
-- Nanoseconds between two scheduled backups; 0: none.
ALTER TABLE tenants ADD COLUMN backup_every INTEGER NOT NULL DEFAULT 0;

-- W3C's, of the call that began the operation.
ALTER TABLE operations ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';
CREATE INDEX operations_ended ON operations (end_time) WHERE end_time IS NOT NULL;

-- The last row of the audit that was pruned: where the rows that are left begin.
CREATE TABLE audit_checkpoint (
  singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
  sequence INTEGER NOT NULL CHECK (sequence > 0),
  hash TEXT NOT NULL CHECK (length(hash) = 64),
  time INTEGER NOT NULL,
  cut_time INTEGER NOT NULL,
  signature BLOB NOT NULL
) STRICT;
