-- What happened, in the order in which it was committed.
CREATE TABLE events (
  position INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  tenant TEXT NOT NULL,
  tenant_uid TEXT NOT NULL,
  host TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT;

CREATE INDEX events_by_tenant ON events (tenant, position) WHERE tenant <> '';
CREATE INDEX events_by_time ON events (time, position);

-- A position is given out once, whatever becomes of the catalog: the first one is the microseconds since 1970, and so
-- are those that a restored copy goes on with. No catalog has a million events in each second of its life, so that
-- these are above all that the lost one gave out.
ALTER TABLE meta ADD COLUMN uid TEXT NOT NULL DEFAULT '';
ALTER TABLE meta ADD COLUMN last_event INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN pruned_event INTEGER NOT NULL DEFAULT 0;
UPDATE meta SET uid = lower(hex(randomblob(16))), last_event = CAST(strftime('%s', 'now') AS INTEGER) * 1000000;
UPDATE meta SET pruned_event = last_event;
