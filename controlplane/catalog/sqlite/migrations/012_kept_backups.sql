-- What the maker of a backup called it and said about it, and who holds it since when and why.
ALTER TABLE backups ADD COLUMN given_name TEXT NOT NULL DEFAULT '';
ALTER TABLE backups ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE backups ADD COLUMN hold_time INTEGER;
ALTER TABLE backups ADD COLUMN hold_caller TEXT NOT NULL DEFAULT '';
ALTER TABLE backups ADD COLUMN hold_reason TEXT NOT NULL DEFAULT '';

-- The signed records of purges.
CREATE TABLE erasures (
  uid TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  operation TEXT NOT NULL,
  time INTEGER NOT NULL,
  statement TEXT NOT NULL,
  signature BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX erasures_by_tenant ON erasures (tenant, time);
